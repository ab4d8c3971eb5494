#pragma once

#include <cstddef>

#include "exec/function.h"
#include "exec/functions/range/range_notes.h"
#include "exec/functions/range/work_meter.h"

namespace larnax::exec {

/// Count the samples of one kind in the window of a step.
template <typename T>
size_t CountInWindow(const WindowedSamples<T>& samples, size_t step) {
  return samples.empty() ? 0 : samples.end[step] - samples.begin[step];
}

/// Set a float at each step whose window has floats: `f(step, begin, end)` of their indexes, which
/// looks at all of them.
template <typename F>
arrow::Status ForFloatWindows(const CallContext& call, const RangeSeries& series, SeriesWriter* out,
                              F&& f) {
  if (series.floats.empty()) return arrow::Status::OK();
  WorkMeter work(call);
  for (size_t step = 0; step < out->steps(); ++step) {
    const size_t begin = series.floats.begin[step];
    const size_t end = series.floats.end[step];
    if (begin == end) continue;
    ARROW_RETURN_NOT_OK(work.Add(end - begin));
    out->SetFloat(step, f(step, begin, end));
  }
  return arrow::Status::OK();
}

/// Count the samples in the windows of steps first .. past-1.
inline size_t CountInWindows(const WindowedSamples<double>& floats, size_t first, size_t past) {
  size_t count = 0;
  for (size_t step = first; step < past; ++step) count += floats.end[step] - floats.begin[step];
  return count;
}

/// Mark the steps whose windows have floats as present.
inline void MarkFilledWindows(const WindowedSamples<double>& floats, SeriesWriter* out) {
  for (size_t step = 0; step < out->steps(); ++step) {
    const bool filled = floats.begin[step] < floats.end[step];
    out->present()[step / 64] |= PresenceWord{filled} << (step % 64);
  }
}

/// Tell of windows with floats that hold histograms too, which do not count.
inline void NoteIgnoredHistograms(const RangeSeries& series, size_t steps,
                                  promql::PositionRange position, Annotations* annotations) {
  if (series.histograms.empty()) return;
  for (size_t step = 0; step < steps; ++step) {
    if (CountInWindow(series.floats, step) > 0 && CountInWindow(series.histograms, step) > 0) {
      RangeNotes notes;
      notes.Add(RangeNote::kHistogramsIgnored);
      notes.Report(series.labels, position, annotations);
      return;
    }
  }
}

}  // namespace larnax::exec
