#pragma once

#include "exec/function.h"

namespace larnax::exec {

/// Set `f(step, value)` at each step with a float; histograms play no part.
template <typename F>
void MapFloats(const StepSeries& series, SeriesWriter* out, F&& f) {
  const size_t steps = out->steps();
  if (series.histograms == nullptr && AllPresent(series.present, steps)) {
    for (size_t step = 0; step < steps; ++step) out->values()[step] = f(step, series.values[step]);
    SetAllPresent(out->present(), steps);
    return;
  }
  ForEachPresent(series.present, steps, [&](size_t step) {
    if (!series.IsHistogram(step)) out->SetFloat(step, f(step, series.values[step]));
  });
}

/// Set `f(histogram)` at each step with a histogram; floats play no part.
template <typename F>
void MapHistograms(const StepSeries& series, SeriesWriter* out, F&& f) {
  if (series.histograms == nullptr) return;
  ForEachPresent(series.present, out->steps(), [&](size_t step) {
    if (series.IsHistogram(step)) out->SetFloat(step, f(*series.histograms[step]));
  });
}

}  // namespace larnax::exec
