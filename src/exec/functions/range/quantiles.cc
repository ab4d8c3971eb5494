#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/number_text.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/quantile.h"
#include "exec/functions/range/float_windows.h"

namespace larnax::exec {
namespace {

// Doubles as integers in the same order, NaN first; they compare without special cases.
using OrderKey = uint64_t;
constexpr OrderKey kNaNKey = 0;
constexpr OrderKey kSignBit = OrderKey{1} << 63;

OrderKey KeyOf(double value) {
  const auto bits = std::bit_cast<OrderKey>(value);
  const OrderKey key = (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
  return std::isnan(value) ? kNaNKey : key;
}

double ValueOf(OrderKey key) {
  if (key == kNaNKey) return std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<double>((key & kSignBit) != 0 ? key ^ kSignBit : ~key);
}

// The values of a window in ascending order, NaN first. It follows windows that move forwards: a
// value that comes or goes moves those above it, which beats sorting as long as few do.
class SortedWindow {
 public:
  explicit SortedWindow(std::span<const double> values) : keys_(values.size()) {
    std::transform(values.begin(), values.end(), keys_.begin(), KeyOf);
  }

  void MoveTo(size_t begin, size_t end) {
    const size_t size = end - begin;
    const size_t out = std::min(begin, end_) - begin_;
    const size_t in = end - std::max(end_, begin);
    if (begin >= end_ || (out + in) * 4 > size) {
      sorted_.assign(keys_.begin() + static_cast<std::ptrdiff_t>(begin),
                     keys_.begin() + static_cast<std::ptrdiff_t>(end));
      std::sort(sorted_.begin(), sorted_.end());
      begin_ = begin;
      end_ = end;
      return;
    }
    for (; begin_ < begin && end_ < end; ++begin_, ++end_) Replace(keys_[begin_], keys_[end_]);
    for (; begin_ < begin; ++begin_) sorted_.erase(Place(keys_[begin_]));
    for (; end_ < end; ++end_) sorted_.insert(Place(keys_[end_]), keys_[end_]);
  }

  size_t size() const { return sorted_.size(); }
  double operator[](size_t rank) const { return ValueOf(sorted_[rank]); }

 private:
  using Iterator = std::vector<OrderKey>::iterator;

  // The first key that is not less. Halves by arithmetic: which way it goes cannot be predicted.
  Iterator Place(OrderKey key) {
    const OrderKey* base = sorted_.data();
    size_t size = sorted_.size();
    while (size > 1) {
      const size_t half = size / 2;
      base += base[half - 1] < key ? half : 0;
      size -= half;
    }
    base += size == 1 && *base < key ? 1 : 0;
    return sorted_.begin() + (base - sorted_.data());
  }

  void Replace(OrderKey old, OrderKey key) {
    const Iterator from = Place(old);
    const Iterator to = Place(key);
    if (to > from) {
      std::move(from + 1, to, from);
      *(to - 1) = key;
    } else {
      std::move_backward(to, from, from + 1);
      *to = key;
    }
  }

  std::vector<OrderKey> keys_;  // Of all samples.
  std::vector<OrderKey> sorted_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

void WarnOfQuantiles(const CallContext& call, std::span<const double> quantiles,
                     const RangeSeries& series, Annotations* annotations) {
  for (size_t step = 0; step < quantiles.size(); ++step) {
    if (IsQuantile(quantiles[step]) || CountInWindow(series.floats, step) == 0) continue;
    std::string text = "quantile value should be between 0 and 1, got ";
    base::AppendShortest(quantiles[step], &text);
    annotations->Warn(std::move(text), BareArgPosition(call, 0));
  }
}

arrow::Status QuantileOverTime(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                               SeriesWriter* out, Annotations* annotations) {
  const std::span<const double> quantiles = call.scalars[0];
  SortedWindow window(series.floats.value);
  ARROW_RETURN_NOT_OK(
      ForFloatWindows(call, series, out, [&](size_t step, size_t begin, size_t end) {
        window.MoveTo(begin, end);
        return QuantileOfSorted(quantiles[step], window);
      }));
  WarnOfQuantiles(call, quantiles, series, annotations);
  NoteIgnoredHistograms(series, out->steps(), BareArgPosition(call, 0), annotations);
  return arrow::Status::OK();
}

// The distances of sorted values from one of them or from between them, in ascending order: those
// below and those above are merged.
class Distances {
 public:
  Distances(const SortedWindow& window, double center) : window_(window), center_(center) {
    const size_t middle = window.size() / 2;
    above_ = middle;
    while (above_ > 0 && window[above_ - 1] >= center) --above_;
    while (above_ < window.size() && window[above_] < center) ++above_;
    below_ = above_;
  }
  double Next() {
    const bool take_below =
        above_ == window_.size() || (below_ > 0 && Below() < window_[above_] - center_);
    return take_below ? center_ - window_[--below_] : window_[above_++] - center_;
  }

 private:
  double Below() const { return center_ - window_[below_ - 1]; }

  const SortedWindow& window_;
  const double center_;
  size_t below_ = 0;  // Values before it are yet to come.
  size_t above_ = 0;  // And those from here on.
};

// The median distance of the values from their median.
double MedianDistance(const SortedWindow& window) {
  // NaNs come first.
  if (std::isnan(window[0])) return std::numeric_limits<double>::quiet_NaN();
  const double median = QuantileOfSorted(0.5, window);
  const size_t size = window.size();
  if (std::isinf(window[0]) || std::isinf(window[size - 1])) {
    // Distances may be NaN, which come first.
    std::vector<double> distances(size);
    for (size_t i = 0; i < size; ++i) distances[i] = std::abs(window[i] - median);
    return Quantile(0.5, distances);
  }
  Distances distances(window, median);
  const QuantilePlace place = PlaceOfQuantile(0.5, size);
  for (size_t i = 0; i < place.lower; ++i) distances.Next();
  const double lower = distances.Next();
  const double upper = place.upper != place.lower ? distances.Next() : lower;
  return InterpolateRanks(lower, upper, place.weight);
}

arrow::Status MadOverTime(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                          SeriesWriter* out, Annotations* annotations) {
  SortedWindow window(series.floats.value);
  ARROW_RETURN_NOT_OK(ForFloatWindows(call, series, out, [&](size_t, size_t begin, size_t end) {
    window.MoveTo(begin, end);
    return MedianDistance(window);
  }));
  NoteIgnoredHistograms(series, out->steps(), RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "quantile_over_time", .range = &QuantileOverTime},
    {.name = "mad_over_time", .range = &MadOverTime},
};

}  // namespace

std::span<const Function> QuantileFunctions() { return kFunctions; }

}  // namespace larnax::exec
