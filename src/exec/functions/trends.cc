#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "base/kahan.h"
#include "exec/functions/finite_sum.h"
#include "exec/functions/float_windows.h"
#include "exec/functions/function_lists.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Line {
  double slope = 0;
  double intercept = 0;  // Where the line is at the origin of its times.
};

// The sums that a least squares line follows from, with times in seconds from `origin_ms`.
template <typename Sum>
struct LineSums {
  Sum x;
  Sum y;
  Sum xy;
  Sum xx;

  LineSums(std::span<const int64_t> times, std::span<const double> values, int64_t origin_ms) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double seconds = static_cast<double>(times[i] - origin_ms) / 1e3;
      x.Add(seconds);
      y.Add(values[i]);
      xy.Add(seconds * values[i]);
      xx.Add(seconds * seconds);
    }
  }

  bool IsFinite() const {
    return std::isfinite(x.Total()) && std::isfinite(y.Total()) && std::isfinite(xy.Total()) &&
           std::isfinite(xx.Total());
  }
  Line Fit(size_t count) const {
    const auto n = static_cast<double>(count);
    const double sum_x = x.Total();
    const double sum_y = y.Total();
    const double covariance = xy.Total() - sum_x * sum_y / n;
    const double variance = xx.Total() - sum_x * sum_x / n;
    const double slope = covariance / variance;
    return {slope, sum_y / n - slope * sum_x / n};
  }
};

// The least squares line through samples, with times in seconds from `origin_ms`.
Line FitLine(std::span<const int64_t> times, std::span<const double> values, int64_t origin_ms) {
  const bool constant = std::all_of(values.begin() + 1, values.end(),
                                    [&](double value) { return value == values[0]; });
  if (constant) return std::isinf(values[0]) ? Line{kNaN, kNaN} : Line{0, values[0]};
  const LineSums<FiniteSum> sums(times, values, origin_ms);
  if (sums.IsFinite()) return sums.Fit(values.size());
  return LineSums<base::KahanSum>(times, values, origin_ms).Fit(values.size());
}

// Sets `f(step, times, values)` where windows have two floats, and tells of histograms beside
// even a single one.
template <typename F>
arrow::Status ForPairs(const CallContext& call, const RangeSeries& series, SeriesWriter* out,
                       Annotations* annotations, F&& f) {
  const auto& floats = series.floats;
  WorkMeter work(call);
  for (size_t step = 0; step < out->steps(); ++step) {
    const size_t count = CountInWindow(floats, step);
    if (count < 2) continue;
    ARROW_RETURN_NOT_OK(work.Add(count));
    const size_t begin = floats.begin[step];
    out->SetFloat(
        step, f(step, floats.time_ms.subspan(begin, count), floats.value.subspan(begin, count)));
  }
  NoteIgnoredHistograms(series, out->steps(), RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

arrow::Status Deriv(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                    SeriesWriter* out, Annotations* annotations) {
  return ForPairs(call, series, out, annotations,
                  [](size_t, std::span<const int64_t> times, std::span<const double> values) {
                    return FitLine(times, values, times[0]).slope;
                  });
}

arrow::Status PredictLinear(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                            SeriesWriter* out, Annotations* annotations) {
  return ForPairs(call, series, out, annotations,
                  [&](size_t step, std::span<const int64_t> times, std::span<const double> values) {
                    const Line line = FitLine(times, values, call.grid.TimeAt(step));
                    return line.slope * call.scalars[1][step] + line.intercept;
                  });
}

// Holt's double exponential smoothing: the smoothed value at the last sample.
double Smooth(std::span<const double> values, double smoothing, double trend_factor) {
  double smoothed = values[0];
  double before = 0;
  double trend = values[1] - values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    if (i > 1) trend = trend_factor * (smoothed - before) + (1 - trend_factor) * trend;
    const double next = smoothing * values[i] + (1 - smoothing) * (smoothed + trend);
    before = smoothed;
    smoothed = next;
  }
  return smoothed;
}

// Six decimals, as Go's %f prints them.
std::string Decimals(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return std::to_string(value);
}

arrow::Status CheckFactor(std::string_view name, std::string_view symbol, double factor) {
  if (!(factor <= 0 || factor >= 1)) return arrow::Status::OK();
  return MakeError(ErrorKind::kExecution, "invalid " + std::string(name) +
                                              " factor. Expected: 0 < " + std::string(symbol) +
                                              " < 1, got: " + Decimals(factor));
}

arrow::Status DoubleExponentialSmoothing(const CallContext& call, const RangeSpec&,
                                         const RangeSeries& series, SeriesWriter* out,
                                         Annotations* annotations) {
  for (size_t step = 0; step < out->steps(); ++step) {
    if (CountInWindow(series.floats, step) + CountInWindow(series.histograms, step) == 0) continue;
    ARROW_RETURN_NOT_OK(CheckFactor("smoothing", "sf", call.scalars[1][step]));
    ARROW_RETURN_NOT_OK(CheckFactor("trend", "tf", call.scalars[2][step]));
  }
  return ForPairs(call, series, out, annotations,
                  [&](size_t step, std::span<const int64_t>, std::span<const double> values) {
                    return Smooth(values, call.scalars[1][step], call.scalars[2][step]);
                  });
}

constexpr Function kFunctions[] = {
    {.name = "deriv", .range = &Deriv},
    {.name = "predict_linear", .range = &PredictLinear, .depends_on_time = true},
    {.name = "double_exponential_smoothing", .range = &DoubleExponentialSmoothing},
};

}  // namespace

std::span<const Function> TrendFunctions() { return kFunctions; }

}  // namespace larnax::exec
