#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/number_text.h"
#include "exec/functions/float_windows.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/quantile.h"

namespace larnax::exec {
namespace {

// The values of a window in ascending order, NaN first. It follows windows that move forwards: a
// value that comes or goes moves those above it, which beats sorting as long as few do.
class SortedWindow {
 public:
  explicit SortedWindow(std::span<const double> values) : values_(values) {}

  std::span<const double> MoveTo(size_t begin, size_t end) {
    const size_t out = std::min(begin, end_) - begin_;
    const size_t in = end - std::max(end_, begin);
    if (begin >= end_ || (out + in) * 4 > end - begin) {
      Rebuild(begin, end);
    } else {
      for (size_t i = begin_; i < begin; ++i) Erase(values_[i]);
      for (size_t i = end_; i < end; ++i) Insert(values_[i]);
    }
    begin_ = begin;
    end_ = end;
    return sorted_;
  }

 private:
  // NaNs, and the two zeros, are in one run each; which of a run is taken makes no difference.
  static bool SortsBefore(double a, double b) {
    if (std::isnan(b)) return false;
    return std::isnan(a) || a < b;
  }
  void Rebuild(size_t begin, size_t end) {
    const auto window = values_.subspan(begin, end - begin);
    sorted_.assign(window.begin(), window.end());
    std::sort(sorted_.begin(), sorted_.end(), SortsBefore);
  }
  void Erase(double value) {
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), value, SortsBefore));
  }
  void Insert(double value) {
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), value, SortsBefore), value);
  }

  std::span<const double> values_;
  std::vector<double> sorted_;
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
  ForFloatWindows(series, out, [&](size_t step, size_t begin, size_t end) {
    return QuantileOfSorted(quantiles[step], window.MoveTo(begin, end));
  });
  WarnOfQuantiles(call, quantiles, series, annotations);
  NoteIgnoredHistograms(series, out->steps(), BareArgPosition(call, 0), annotations);
  return arrow::Status::OK();
}

// The median distance of the values from their median.
double MedianDeviation(std::span<const double> sorted, std::vector<double>* distances) {
  // NaNs come first.
  if (std::isnan(sorted[0])) return std::numeric_limits<double>::quiet_NaN();
  const double median = QuantileOfSorted(0.5, sorted);
  distances->resize(sorted.size());
  std::transform(sorted.begin(), sorted.end(), distances->begin(),
                 [median](double value) { return std::abs(value - median); });
  return Quantile(0.5, *distances);
}

arrow::Status MadOverTime(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                          SeriesWriter* out, Annotations* annotations) {
  SortedWindow window(series.floats.value);
  std::vector<double> distances;
  ForFloatWindows(series, out, [&](size_t, size_t begin, size_t end) {
    return MedianDeviation(window.MoveTo(begin, end), &distances);
  });
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
