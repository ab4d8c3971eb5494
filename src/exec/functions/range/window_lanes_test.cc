#include "exec/functions/range/window_lanes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/kahan.h"
#include "exec/functions/range/exact_sums.h"

namespace larnax::exec {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct RandomWindows {
  std::vector<double> values;
  std::vector<uint32_t> begin;
  std::vector<uint32_t> end;

  ValueWindows View() const { return {values, begin, end}; }
};

// Windows move forwards by random strides, grow and shrink, and some are empty.
RandomWindows MakeWindows(uint64_t seed) {
  std::mt19937_64 random(seed);
  RandomWindows w;
  const size_t size = 1 + random() % 300;
  const uint64_t shape = random() % 4;
  for (size_t i = 0; i < size; ++i) {
    const double unit = static_cast<double>(random() % 2001) / 1000 - 1;
    switch (shape) {
      case 0:
        w.values.push_back(unit);
        break;
      case 1:
        w.values.push_back(std::ldexp(unit, static_cast<int>(random() % 200) - 100));
        break;
      case 2:
        w.values.push_back(static_cast<double>(random() % 3) - 1);
        break;
      default:
        w.values.push_back(random() % 20 == 0 ? std::nan("") : unit);
        if (random() % 50 == 0) w.values.back() = -kInf;
    }
  }
  const uint64_t stride = random() % 4;
  const uint64_t length = random() % 60;
  uint32_t begin = 0;
  uint32_t end = 0;
  for (size_t step = 0; step < 1 + seed % 70; ++step) {
    begin = static_cast<uint32_t>(std::min<uint64_t>(begin + stride, size));
    end = static_cast<uint32_t>(
        std::clamp<uint64_t>(begin + length + random() % 3, std::max(begin, end), size));
    w.begin.push_back(begin);
    w.end.push_back(end);
  }
  return w;
}

void ExpectSame(double got, double want, const std::string& what) {
  EXPECT_EQ(std::bit_cast<uint64_t>(got), std::bit_cast<uint64_t>(want))
      << what << ": " << got << " " << want;
}

TEST(WindowLanesTest, ProductsAreThoseOfOneLoop) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const RandomWindows w = MakeWindows(seed);
    std::mt19937_64 random(seed);
    std::vector<uint32_t> first;
    std::vector<double> factors;
    for (size_t step = 0; step < w.begin.size(); ++step) {
      first.push_back(static_cast<uint32_t>(factors.size()));
      for (uint32_t i = w.begin[step]; i < w.end[step]; ++i) {
        factors.push_back(static_cast<double>(random() % 1000) / 7);
      }
    }
    std::vector<FiniteSum> sums(w.begin.size());
    std::vector<FiniteSum> products(w.begin.size());
    SumProductWindows(w.View(), factors.data(), first, sums.data(), products.data());
    for (size_t step = 0; step < sums.size(); ++step) {
      base::KahanSum sum;
      base::KahanSum product;
      for (uint32_t i = w.begin[step]; i < w.end[step]; ++i) {
        sum.Add(w.values[i]);
        product.Add(w.values[i] * factors[first[step] + i - w.begin[step]]);
      }
      const std::string what = "seed " + std::to_string(seed) + " step " + std::to_string(step);
      if (!std::isfinite(product.sum)) continue;
      ExpectSame(sums[step].Total(), sum.Total(), what);
      ExpectSame(products[step].Total(), product.Total(), what);
    }
  }
}

TEST(WindowLanesTest, SumsAreThoseOfOneLoop) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const RandomWindows w = MakeWindows(seed);
    std::vector<FiniteSum> sums(w.begin.size());
    SumWindows(w.View(), sums.data());
    for (size_t step = 0; step < sums.size(); ++step) {
      base::KahanSum want;
      for (uint32_t i = w.begin[step]; i < w.end[step]; ++i) want.Add(w.values[i]);
      const std::string what = "seed " + std::to_string(seed) + " step " + std::to_string(step);
      if (std::isfinite(want.sum)) {
        ExpectSame(sums[step].sum, want.sum, what);
        ExpectSame(sums[step].compensation, want.compensation, what);
      } else {
        EXPECT_FALSE(std::isfinite(sums[step].sum)) << what;
      }
    }
  }
}

double VarianceOf(const RandomWindows& w, size_t step) {
  double count = 0;
  base::KahanSum mean;
  base::KahanSum squares;
  for (uint32_t i = w.begin[step]; i < w.end[step]; ++i) {
    count += 1;
    const double delta = w.values[i] - mean.Total();
    mean.Add(delta / count);
    squares.Add(delta * (w.values[i] - mean.Total()));
  }
  return squares.Total() / count;
}

TEST(WindowLanesTest, SpreadsAreThoseOfOneLoop) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const RandomWindows w = MakeWindows(seed);
    std::vector<double> got(w.begin.size());
    SpreadWindows(w.View(), got.data());
    for (size_t step = 0; step < got.size(); ++step) {
      const double want = VarianceOf(w, step);
      if (std::isfinite(want)) {
        ExpectSame(got[step], want, "seed " + std::to_string(seed));
      } else {
        EXPECT_FALSE(std::isfinite(got[step])) << seed;
      }
    }
  }
}

TEST(WindowLanesTest, ExtremesLeaveNaNOut) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const RandomWindows w = MakeWindows(seed);
    std::vector<double> greatest(w.begin.size());
    std::vector<double> smallest(w.begin.size());
    MaximizeWindows(w.View(), greatest.data());
    MinimizeWindows(w.View(), smallest.data());
    for (size_t step = 0; step < greatest.size(); ++step) {
      double want_greatest = -kInf;
      double want_smallest = kInf;
      for (uint32_t i = w.begin[step]; i < w.end[step]; ++i) {
        if (std::isnan(w.values[i])) continue;
        want_greatest = std::max(want_greatest, w.values[i]);
        want_smallest = std::min(want_smallest, w.values[i]);
      }
      EXPECT_EQ(greatest[step], want_greatest) << seed;
      EXPECT_EQ(smallest[step], want_smallest) << seed;
    }
  }
}

TEST(ExactSumsTest, AgreeWithCompensatedSums) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const double unit = round % 2 == 0 ? 1 : 1.0 / 1024;
    std::vector<double> values(200);
    for (double& value : values) {
      value = (static_cast<double>(random() % 2'000'000'000) - 1e9) * unit;
    }
    ExactSums exact;
    ASSERT_TRUE(exact.Load(values));
    for (uint32_t begin = 0; begin < 200; begin += 7) {
      base::KahanSum want;
      for (uint32_t end = begin + 1; end <= 200; ++end) {
        want.Add(values[end - 1]);
        ExpectSame(exact.Sum(begin, end), want.Total(), "from " + std::to_string(begin));
        EXPECT_EQ(want.compensation, 0);
      }
    }
  }
}

TEST(ExactSumsTest, RefuseWhatWouldBeRounded) {
  ExactSums exact;
  EXPECT_FALSE(exact.Load(std::vector<double>{0.1}));
  EXPECT_FALSE(exact.Load(std::vector<double>{1, std::nan("")}));
  EXPECT_FALSE(exact.Load(std::vector<double>{1, kInf}));
  EXPECT_FALSE(exact.Load(std::vector<double>{0x1p50}));
  EXPECT_FALSE(exact.Load(std::vector<double>{0x1p49, 0x1p49}));
  EXPECT_FALSE(exact.Load(std::vector<double>{0x1p45, 0.5}));
  EXPECT_FALSE(exact.Load(std::vector<double>{1.0 / 2048}));
  EXPECT_TRUE(exact.Load(std::vector<double>{0x1p45, 3}));
  EXPECT_TRUE(exact.Load(std::vector<double>{0.5, -0.25, 1000}));
  // The sum of negative zeros is 0.
  EXPECT_TRUE(exact.Load(std::vector<double>{-0.0, -0.0}));
  EXPECT_FALSE(std::signbit(exact.Sum(0, 2)));
}

}  // namespace
}  // namespace larnax::exec
