#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/kahan.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/range/finite_sum.h"
#include "exec/functions/range/float_windows.h"
#include "exec/functions/range/window_lanes.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Line {
  double slope = 0;
  double intercept = 0;  // Where the line is at the origin of its times.
};

// The sums of a least squares line that follow from times alone.
struct TimeSums {
  double x = 0;
  double xx = 0;
};

Line FitSums(size_t count, TimeSums times, double y, double xy) {
  const auto n = static_cast<double>(count);
  const double covariance = xy - times.x * y / n;
  const double variance = times.xx - times.x * times.x / n;
  const double slope = covariance / variance;
  return {slope, y / n - slope * times.x / n};
}

bool IsConstant(std::span<const double> values) {
  return std::all_of(values.begin() + 1, values.end(),
                     [&](double value) { return value == values[0]; });
}

double SecondsFrom(int64_t origin_ms, int64_t time_ms) {
  return static_cast<double>(time_ms - origin_ms) / 1e3;
}

// The least squares line through samples, with times in seconds from `origin_ms`.
Line FitLine(std::span<const int64_t> times, std::span<const double> values, int64_t origin_ms) {
  if (IsConstant(values)) return std::isinf(values[0]) ? Line{kNaN, kNaN} : Line{0, values[0]};
  base::KahanSum x;
  base::KahanSum y;
  base::KahanSum xy;
  base::KahanSum xx;
  for (size_t i = 0; i < values.size(); ++i) {
    const double seconds = SecondsFrom(origin_ms, times[i]);
    x.Add(seconds);
    y.Add(values[i]);
    xy.Add(seconds * values[i]);
    xx.Add(seconds * seconds);
  }
  return FitSums(values.size(), {x.Total(), xx.Total()}, y.Total(), xy.Total());
}

// The windows of all steps, as far as lines follow from times; series that share times share them.
struct LineTimes {
  // More would take more memory than it saves time.
  static constexpr size_t kMaxSamples = 1 << 16;

  std::vector<double> seconds;  // From the origin of each window, one window after the other.
  std::vector<uint32_t> first;  // Where each window begins in `seconds`.
  std::vector<TimeSums> sums;
};

template <typename Origin>
std::shared_ptr<const LineTimes> MakeLineTimes(const WindowedSamples<double>& floats,
                                               const Origin& origin_ms) {
  const size_t steps = floats.begin.size();
  auto line_times = std::make_shared<LineTimes>();
  if (CountInWindows(floats, 0, steps) > LineTimes::kMaxSamples) return line_times;
  line_times->sums.resize(steps);
  line_times->first.resize(steps);
  for (size_t step = 0; step < steps; ++step) {
    line_times->first[step] = static_cast<uint32_t>(line_times->seconds.size());
    if (floats.begin[step] == floats.end[step]) continue;
    FiniteSum x;
    FiniteSum xx;
    const int64_t origin = origin_ms(step);
    for (size_t i = floats.begin[step]; i < floats.end[step]; ++i) {
      const double seconds = SecondsFrom(origin, floats.time_ms[i]);
      line_times->seconds.push_back(seconds);
      x.Add(seconds);
      xx.Add(seconds * seconds);
    }
    line_times->sums[step] = {x.Total(), xx.Total()};
  }
  return line_times;
}

// The sums of the values of all windows, and of their products with times; none where times are
// not known.
struct LineSums {
  std::vector<FiniteSum> y;
  std::vector<FiniteSum> xy;

  LineSums(const LineTimes& times, const WindowedSamples<double>& floats)
      : y(times.sums.size()), xy(times.sums.size()) {
    if (times.sums.empty()) return;
    SumProductWindows({floats.value, floats.begin, floats.end}, times.seconds.data(), times.first,
                      y.data(), xy.data());
  }
};

// The line where times are known already; nullopt where sums are not finite.
std::optional<Line> FitKnownTimes(const LineTimes& times, const LineSums& sums, size_t step,
                                  std::span<const double> values) {
  if (times.sums.empty()) return std::nullopt;
  const double y = sums.y[step].Total();
  const double xy = sums.xy[step].Total();
  if (!std::isfinite(y) || !std::isfinite(xy) || IsConstant(values)) return std::nullopt;
  return FitSums(values.size(), times.sums[step], y, xy);
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

// Sets `result(step, line)` for the line through each window, with times from `origin_ms(step)`.
template <typename Origin, typename Result>
arrow::Status FitLines(const CallContext& call, const RangeSeries& series, SeriesWriter* out,
                       Annotations* annotations, const Origin& origin_ms, const Result& result) {
  const WindowedSamples<double>& floats = series.floats;
  std::shared_ptr<const void> own;
  std::shared_ptr<const void>* const kept = floats.derived != nullptr ? floats.derived : &own;
  if (*kept == nullptr && !floats.empty()) *kept = MakeLineTimes(floats, origin_ms);
  const LineTimes no_times;
  const LineTimes& line_times =
      *kept == nullptr ? no_times : *static_cast<const LineTimes*>(kept->get());
  const LineSums sums(line_times, floats);
  return ForPairs(call, series, out, annotations,
                  [&](size_t step, std::span<const int64_t> times, std::span<const double> values) {
                    const auto line = FitKnownTimes(line_times, sums, step, values);
                    return result(step, line ? *line : FitLine(times, values, origin_ms(step)));
                  });
}

arrow::Status Deriv(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                    SeriesWriter* out, Annotations* annotations) {
  const WindowedSamples<double>& floats = series.floats;
  return FitLines(
      call, series, out, annotations,
      [&](size_t step) { return floats.time_ms[floats.begin[step]]; },
      [](size_t, const Line& line) { return line.slope; });
}

arrow::Status PredictLinear(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                            SeriesWriter* out, Annotations* annotations) {
  return FitLines(
      call, series, out, annotations, [&](size_t step) { return call.grid.TimeAt(step); },
      [&](size_t step, const Line& line) {
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
