#include <cmath>
#include <limits>
#include <numbers>

#include "exec/functions/element.h"
#include "exec/functions/extremes.h"
#include "exec/functions/function_lists.h"

namespace larnax::exec {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

double Abs(double v) { return std::abs(v); }
double Ceil(double v) { return std::ceil(v); }
double Floor(double v) { return std::floor(v); }
double Exp(double v) { return std::exp(v); }
double Sqrt(double v) { return std::sqrt(v); }
double Ln(double v) { return std::log(v); }
double Log2(double v) { return std::log2(v); }
double Log10(double v) { return std::log10(v); }
double Sin(double v) { return std::sin(v); }
double Cos(double v) { return std::cos(v); }
double Tan(double v) { return std::tan(v); }
double Asin(double v) { return std::asin(v); }
double Acos(double v) { return std::acos(v); }
double Atan(double v) { return std::atan(v); }
double Sinh(double v) { return std::sinh(v); }
double Cosh(double v) { return std::cosh(v); }
double Tanh(double v) { return std::tanh(v); }
double Asinh(double v) { return std::asinh(v); }
double Acosh(double v) { return std::acosh(v); }
double Atanh(double v) { return std::atanh(v); }
double Radians(double v) { return v * std::numbers::pi / 180; }
double Degrees(double v) { return v * 180 / std::numbers::pi; }
// NaN and both zeros stay.
double Sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }

template <double (*kFunction)(double)>
arrow::Status Apply(const CallContext&, const StepSeries& series, SeriesWriter* out, Annotations*) {
  MapFloats(series, out, [](size_t, double value) { return kFunction(value); });
  return arrow::Status::OK();
}

// Rounds to the nearest multiple, ties upwards.
arrow::Status Round(const CallContext& call, const StepSeries& series, SeriesWriter* out,
                    Annotations*) {
  const bool given = call.HasScalar(1);
  MapFloats(series, out, [&](size_t step, double value) {
    // The inverse makes for fewer rounding errors.
    const double inverse = 1.0 / (given ? call.scalars[1][step] : 1.0);
    return std::floor(value * inverse + 0.5) / inverse;
  });
  return arrow::Status::OK();
}

// `lower` and `upper` give the bounds at a step; where they cross there is no result.
template <typename Lower, typename Upper>
arrow::Status ClampBetween(const StepSeries& series, SeriesWriter* out, Lower lower, Upper upper) {
  ForEachPresent(series.present, out->steps(), [&](size_t step) {
    const double low = lower(step);
    const double high = upper(step);
    if (series.IsHistogram(step) || high < low) return;
    out->SetFloat(step, MaxOf(low, MinOf(high, series.values[step])));
  });
  return arrow::Status::OK();
}

arrow::Status Clamp(const CallContext& call, const StepSeries& series, SeriesWriter* out,
                    Annotations*) {
  return ClampBetween(
      series, out, [&](size_t step) { return call.scalars[1][step]; },
      [&](size_t step) { return call.scalars[2][step]; });
}

arrow::Status ClampMin(const CallContext& call, const StepSeries& series, SeriesWriter* out,
                       Annotations*) {
  return ClampBetween(
      series, out, [&](size_t step) { return call.scalars[1][step]; }, [](size_t) { return kInf; });
}

arrow::Status ClampMax(const CallContext& call, const StepSeries& series, SeriesWriter* out,
                       Annotations*) {
  return ClampBetween(
      series, out, [](size_t) { return -kInf; },
      [&](size_t step) { return call.scalars[1][step]; });
}

// Of a plain selector the time of the sample, else the time of the step.
arrow::Status Timestamp(const CallContext& call, const StepSeries& series, SeriesWriter* out,
                        Annotations*) {
  ForEachPresent(series.present, out->steps(), [&](size_t step) {
    const int64_t time_ms =
        series.sample_time_ms != nullptr ? series.sample_time_ms[step] : call.grid.TimeAt(step);
    out->SetFloat(step, static_cast<double>(time_ms) / 1000);
  });
  return arrow::Status::OK();
}

// Start times are those of samples that a plain selector finds; anything computed has none.
arrow::Status StartTimestamp(const CallContext&, const StepSeries&, SeriesWriter*, Annotations*) {
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "abs", .element = &Apply<&Abs>},
    {.name = "ceil", .element = &Apply<&Ceil>},
    {.name = "floor", .element = &Apply<&Floor>},
    {.name = "exp", .element = &Apply<&Exp>},
    {.name = "sqrt", .element = &Apply<&Sqrt>},
    {.name = "ln", .element = &Apply<&Ln>},
    {.name = "log2", .element = &Apply<&Log2>},
    {.name = "log10", .element = &Apply<&Log10>},
    {.name = "sin", .element = &Apply<&Sin>},
    {.name = "cos", .element = &Apply<&Cos>},
    {.name = "tan", .element = &Apply<&Tan>},
    {.name = "asin", .element = &Apply<&Asin>},
    {.name = "acos", .element = &Apply<&Acos>},
    {.name = "atan", .element = &Apply<&Atan>},
    {.name = "sinh", .element = &Apply<&Sinh>},
    {.name = "cosh", .element = &Apply<&Cosh>},
    {.name = "tanh", .element = &Apply<&Tanh>},
    {.name = "asinh", .element = &Apply<&Asinh>},
    {.name = "acosh", .element = &Apply<&Acosh>},
    {.name = "atanh", .element = &Apply<&Atanh>},
    {.name = "rad", .element = &Apply<&Radians>},
    {.name = "deg", .element = &Apply<&Degrees>},
    {.name = "sgn", .element = &Apply<&Sign>},
    {.name = "round", .element = &Round},
    {.name = "clamp", .element = &Clamp},
    {.name = "clamp_min", .element = &ClampMin},
    {.name = "clamp_max", .element = &ClampMax},
    {.name = "timestamp", .element = &Timestamp, .depends_on_time = true},
    {.name = "start_timestamp", .element = &StartTimestamp},
};

}  // namespace

std::span<const Function> MathFunctions() { return kFunctions; }

}  // namespace larnax::exec
