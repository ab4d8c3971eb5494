#include "exec/smoothing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "exec/label_edit.h"
#include "exec/selectors.h"

namespace larnax::exec {
namespace {

// Samples around a time: `before` is the last at or before it, `after` the first after it.
struct Neighbours {
  size_t first = 0;  // Samples in reach: [first, past).
  size_t past = 0;
  size_t after = 0;  // In [first, past].

  bool empty() const { return first == past; }
};

Neighbours FindNeighbours(const std::vector<int64_t>& time_ms, int64_t ref_ms,
                          int64_t lookback_ms) {
  const auto past = [&](int64_t time) {
    return static_cast<size_t>(std::upper_bound(time_ms.begin(), time_ms.end(), time) -
                               time_ms.begin());
  };
  return {past(ref_ms - lookback_ms), past(ref_ms + lookback_ms), past(ref_ms)};
}

double PartOf(int64_t before_ms, int64_t ref_ms, int64_t after_ms) {
  return static_cast<double>(ref_ms - before_ms) / static_cast<double>(after_ms - before_ms);
}

// Null where the two cannot be combined.
HistogramPtr Between(const HistogramPtr& before, const HistogramPtr& after, double part) {
  if (before->has_custom_bounds() != after->has_custom_bounds()) return nullptr;
  model::FloatHistogram step = *after;
  const bool counter = after->counter_reset_hint != CounterResetHint::kGauge;
  if (counter && after->DetectReset(*before)) {
    // The counter began anew at 0 after `before`.
    step.Multiply(part);
    return std::make_shared<const model::FloatHistogram>(std::move(step));
  }
  if (!step.Subtract(*before).has_value()) return nullptr;
  step.Multiply(part);
  model::FloatHistogram sum = *before;
  if (!sum.Add(step).has_value()) return nullptr;
  sum.Compact();
  return std::make_shared<const model::FloatHistogram>(std::move(sum));
}

}  // namespace

void SmoothInstant(const SeriesSamples& series, const RefTimes& refs, int64_t lookback_ms,
                   promql::PositionRange position, StepVector* out, StepSeries* row,
                   TaskNotes* notes) {
  std::vector<int64_t> times;
  std::vector<double> values;
  for (size_t i = 0; i < series.value.size(); ++i) {
    if (IsStaleMarker(series.value[i])) continue;
    times.push_back((*series.time_ms)[i]);
    values.push_back(series.value[i]);
  }
  std::vector<int64_t> histogram_times;
  std::vector<int64_t> starts;
  const auto histograms = ConvertHistograms(series.histograms, &histogram_times, &starts);

  for (size_t step = 0; step < refs.count; ++step) {
    const int64_t ref_ms = refs.At(step);
    const Neighbours f = FindNeighbours(times, ref_ms, lookback_ms);
    const Neighbours h = FindNeighbours(histogram_times, ref_ms, lookback_ms);
    notes->samples += static_cast<int64_t>(f.past - f.first + h.past - h.first);
    if (!f.empty() && !h.empty()) {
      notes->annotations.Warn("encountered a mix of histograms and floats for metric name " +
                                  Quote(series.labels.metric()),
                              position);
      continue;
    }
    if (f.after > f.first) {
      const size_t before = f.after - 1;
      double value = values[before];
      if (times[before] != ref_ms && f.after < f.past) {
        value += (values[f.after] - value) * PartOf(times[before], ref_ms, times[f.after]);
      }
      row->SetFloat(step, value);
    } else if (h.after > h.first) {
      const size_t before = h.after - 1;
      HistogramPtr value = histograms[before];
      if (histogram_times[before] != ref_ms && h.after < h.past) {
        value = Between(value, histograms[h.after],
                        PartOf(histogram_times[before], ref_ms, histogram_times[h.after]));
      }
      if (value == nullptr) {
        notes->annotations.Warn(
            "vector contains a mix of histograms with exponential and custom buckets schemas for "
            "metric name " +
                Quote(series.labels.metric()),
            position);
        continue;
      }
      out->SetHistogram(row, step, std::move(value));
    }
  }
}

}  // namespace larnax::exec
