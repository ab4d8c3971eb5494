#include "exec/functions/range/window_lanes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>

#include "exec/target_clones.h"

namespace larnax::exec {
namespace {

constexpr size_t kLanes = 8;

using Four = double __attribute__((vector_size(32)));
using Two = double __attribute__((vector_size(16)));

// Eight windows that begin at `at`; `side_by_side`: each one value after the last.
struct Group {
  std::array<const double*, kLanes> at;
  std::array<size_t, kLanes> size;
  size_t common = 0;  // The smallest size.
  bool side_by_side = true;

  Group(const ValueWindows& windows, size_t first) {
    common = std::numeric_limits<size_t>::max();
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const size_t begin = windows.begin[first + lane];
      at[lane] = windows.values.data() + begin;
      size[lane] = windows.end[first + lane] - begin;
      common = std::min(common, size[lane]);
      side_by_side &= begin == windows.begin[first] + lane;
    }
  }
};

// Loads value `i` of each of four lanes. Statements, since functions that pass such vectors would
// differ between instruction sets.
#define LARNAX_LOAD_FOUR(to, group, lane, i)                                                 \
  if (kSideBySide) {                                                                         \
    std::memcpy(&(to), (group).at[lane] + (i), sizeof(to));                                  \
  } else {                                                                                   \
    (to) = Four{(group).at[(lane)][i], (group).at[(lane) + 1][i], (group).at[(lane) + 2][i], \
                (group).at[(lane) + 3][i]};                                                  \
  }
#define LARNAX_ADD_FOUR(sum, compensation, term)                  \
  {                                                               \
    const Four total = (sum) + (term);                            \
    const Four part = total - (sum);                              \
    (compensation) += ((sum) - (total - part)) + ((term) - part); \
    (sum) = total;                                                \
  }

template <bool kSideBySide>
inline __attribute__((always_inline)) void SumCommon(const Group& group, double* sums,
                                                     double* compensations) {
  Four sum_a = {};
  Four sum_b = {};
  Four lost_a = {};
  Four lost_b = {};
  for (size_t i = 0; i < group.common; ++i) {
    Four a;
    Four b;
    LARNAX_LOAD_FOUR(a, group, 0, i);
    LARNAX_LOAD_FOUR(b, group, 4, i);
    LARNAX_ADD_FOUR(sum_a, lost_a, a);
    LARNAX_ADD_FOUR(sum_b, lost_b, b);
  }
  std::memcpy(sums, &sum_a, sizeof(sum_a));
  std::memcpy(sums + 4, &sum_b, sizeof(sum_b));
  std::memcpy(compensations, &lost_a, sizeof(lost_a));
  std::memcpy(compensations + 4, &lost_b, sizeof(lost_b));
}

LARNAX_TARGET_CLONES void SumGroup(const Group& group, double* sums, double* compensations) {
  if (group.side_by_side) {
    SumCommon<true>(group, sums, compensations);
  } else {
    SumCommon<false>(group, sums, compensations);
  }
}

// Sums and sums of products of eight windows at once.
struct ProductLanes {
  std::array<double, kLanes> sum;
  std::array<double, kLanes> sum_lost;
  std::array<double, kLanes> product;
  std::array<double, kLanes> product_lost;
};

template <size_t kLane>
inline __attribute__((always_inline)) void MultiplyFour(
    const Group& group, const std::array<const double*, kLanes>& factors, ProductLanes* lanes) {
  Four sum = {};
  Four sum_lost = {};
  Four product = {};
  Four product_lost = {};
  for (size_t i = 0; i < group.common; ++i) {
    const Four value = {group.at[kLane][i], group.at[kLane + 1][i], group.at[kLane + 2][i],
                        group.at[kLane + 3][i]};
    const Four factor = {factors[kLane][i], factors[kLane + 1][i], factors[kLane + 2][i],
                         factors[kLane + 3][i]};
    LARNAX_ADD_FOUR(sum, sum_lost, value);
    const Four term = factor * value;
    LARNAX_ADD_FOUR(product, product_lost, term);
  }
  std::memcpy(lanes->sum.data() + kLane, &sum, sizeof(sum));
  std::memcpy(lanes->sum_lost.data() + kLane, &sum_lost, sizeof(sum_lost));
  std::memcpy(lanes->product.data() + kLane, &product, sizeof(product));
  std::memcpy(lanes->product_lost.data() + kLane, &product_lost, sizeof(product_lost));
}

LARNAX_TARGET_CLONES void MultiplyGroup(const Group& group,
                                        const std::array<const double*, kLanes>& factors,
                                        ProductLanes* lanes) {
  MultiplyFour<0>(group, factors, lanes);
  MultiplyFour<4>(group, factors, lanes);
}

// The state of Welford's recurrence.
struct Spread {
  FiniteSum mean;
  FiniteSum squares;

  void Add(double value, double count) {
    const double delta = value - mean.Total();
    mean.Add(delta / count);
    squares.Add(delta * (value - mean.Total()));
  }
};

// Of eight windows at once.
struct SpreadLanes {
  std::array<double, kLanes> mean;
  std::array<double, kLanes> mean_lost;
  std::array<double, kLanes> squares;
  std::array<double, kLanes> squares_lost;
};

template <bool kSideBySide, size_t kLane>
inline __attribute__((always_inline)) void SpreadFour(const Group& group, SpreadLanes* lanes) {
  Four mean = {};
  Four mean_lost = {};
  Four squares = {};
  Four squares_lost = {};
  for (size_t i = 0; i < group.common; ++i) {
    const auto count = static_cast<double>(i + 1);
    Four value;
    LARNAX_LOAD_FOUR(value, group, kLane, i);
    const Four delta = value - (mean + mean_lost);
    const Four step = delta / count;
    LARNAX_ADD_FOUR(mean, mean_lost, step);
    const Four square = delta * (value - (mean + mean_lost));
    LARNAX_ADD_FOUR(squares, squares_lost, square);
  }
  std::memcpy(lanes->mean.data() + kLane, &mean, sizeof(mean));
  std::memcpy(lanes->mean_lost.data() + kLane, &mean_lost, sizeof(mean_lost));
  std::memcpy(lanes->squares.data() + kLane, &squares, sizeof(squares));
  std::memcpy(lanes->squares_lost.data() + kLane, &squares_lost, sizeof(squares_lost));
}

LARNAX_TARGET_CLONES void SpreadGroup(const Group& group, SpreadLanes* lanes) {
  if (group.side_by_side) {
    SpreadFour<true, 0>(group, lanes);
    SpreadFour<true, 4>(group, lanes);
  } else {
    SpreadFour<false, 0>(group, lanes);
    SpreadFour<false, 4>(group, lanes);
  }
}

template <bool kMaximum>
bool Outdoes(double value, double extreme) {
  return kMaximum ? value > extreme : value < extreme;
}

template <bool kMaximum, bool kSideBySide>
void ExtremesOf(const Group& group, double* results) {
  for (size_t lane = 0; lane < kLanes; lane += 2) {
    Two extreme = {results[lane], results[lane + 1]};
    const double* const a = group.at[lane];
    const double* const b = group.at[lane + 1];
    for (size_t i = 0; i < group.common; ++i) {
      Two value;
      if (kSideBySide) {
        std::memcpy(&value, a + i, sizeof(value));
      } else {
        value = Two{a[i], b[i]};
      }
      // NaN compares as false.
      extreme = (kMaximum ? value > extreme : value < extreme) ? value : extreme;
    }
    results[lane] = extreme[0];
    results[lane + 1] = extreme[1];
  }
}

template <bool kMaximum>
void FindExtremes(const ValueWindows& windows, double* results) {
  const size_t count = windows.begin.size();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::fill_n(results, count, kMaximum ? -kInf : kInf);
  size_t step = 0;
  const auto finish = [&](size_t at, size_t from) {
    for (size_t i = windows.begin[at] + from; i < windows.end[at]; ++i) {
      const double value = windows.values[i];
      if (Outdoes<kMaximum>(value, results[at])) results[at] = value;
    }
  };
  for (; step + kLanes <= count; step += kLanes) {
    const Group group(windows, step);
    if (group.side_by_side) {
      ExtremesOf<kMaximum, true>(group, results + step);
    } else {
      ExtremesOf<kMaximum, false>(group, results + step);
    }
    for (size_t lane = 0; lane < kLanes; ++lane) finish(step + lane, group.common);
  }
  for (; step < count; ++step) finish(step, 0);
}

}  // namespace

void SumWindows(const ValueWindows& windows, FiniteSum* sums) {
  const size_t count = windows.begin.size();
  size_t step = 0;
  const auto finish = [&](size_t at, size_t from, FiniteSum sum) {
    for (size_t i = windows.begin[at] + from; i < windows.end[at]; ++i) {
      sum.Add(windows.values[i]);
    }
    sums[at] = sum;
  };
  std::array<double, kLanes> lane_sums;
  std::array<double, kLanes> lane_lost;
  for (; step + kLanes <= count; step += kLanes) {
    const Group group(windows, step);
    SumGroup(group, lane_sums.data(), lane_lost.data());
    for (size_t lane = 0; lane < kLanes; ++lane) {
      finish(step + lane, group.common, {lane_sums[lane], lane_lost[lane]});
    }
  }
  for (; step < count; ++step) finish(step, 0, {});
}

void SumProductWindows(const ValueWindows& windows, const double* factors,
                       std::span<const uint32_t> first, FiniteSum* sums, FiniteSum* products) {
  const size_t count = windows.begin.size();
  const auto finish = [&](size_t at, size_t from) {
    for (size_t i = windows.begin[at] + from, factor = first[at] + from; i < windows.end[at];
         ++i, ++factor) {
      sums[at].Add(windows.values[i]);
      products[at].Add(factors[factor] * windows.values[i]);
    }
  };
  if (count < kLanes) {
    for (size_t step = 0; step < count; ++step) {
      sums[step] = products[step] = {};
      finish(step, 0);
    }
    return;
  }
  ProductLanes lanes;
  std::array<const double*, kLanes> lane_factors;
  for (size_t next = 0; next < count; next += kLanes) {
    // The last eight may hold some that are done already: less work than one by one.
    const size_t step = std::min(next, count - kLanes);
    const Group group(windows, step);
    for (size_t lane = 0; lane < kLanes; ++lane) lane_factors[lane] = factors + first[step + lane];
    MultiplyGroup(group, lane_factors, &lanes);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      sums[step + lane] = {lanes.sum[lane], lanes.sum_lost[lane]};
      products[step + lane] = {lanes.product[lane], lanes.product_lost[lane]};
      finish(step + lane, group.common);
    }
  }
}

void SpreadWindows(const ValueWindows& windows, double* variances) {
  const size_t count = windows.begin.size();
  size_t step = 0;
  const auto finish = [&](size_t at, size_t from, Spread spread) {
    const size_t begin = windows.begin[at];
    const size_t size = windows.end[at] - begin;
    for (size_t i = from; i < size; ++i) {
      spread.Add(windows.values[begin + i], static_cast<double>(i + 1));
    }
    variances[at] = spread.squares.Total() / static_cast<double>(size);
  };
  SpreadLanes lanes;
  for (; step + kLanes <= count; step += kLanes) {
    const Group group(windows, step);
    SpreadGroup(group, &lanes);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      finish(step + lane, group.common,
             {{lanes.mean[lane], lanes.mean_lost[lane]},
              {lanes.squares[lane], lanes.squares_lost[lane]}});
    }
  }
  for (; step < count; ++step) finish(step, 0, {});
}

void MaximizeWindows(const ValueWindows& windows, double* results) {
  FindExtremes<true>(windows, results);
}

void MinimizeWindows(const ValueWindows& windows, double* results) {
  FindExtremes<false>(windows, results);
}

}  // namespace larnax::exec
