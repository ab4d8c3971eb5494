#include "exec/smoothing.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "exec/functions/interpolation.h"
#include "exec/functions/range_notes.h"
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

// Null where the two cannot be combined.
HistogramPtr Between(const HistogramPtr& before, int64_t before_ms, const HistogramPtr& after,
                     int64_t after_ms, int64_t ref_ms, RangeNotes* notes) {
  const bool counter = before->counter_reset_hint != CounterResetHint::kGauge ||
                       after->counter_reset_hint != CounterResetHint::kGauge;
  std::optional<model::FloatHistogram> between;
  if (before->has_custom_bounds() == after->has_custom_bounds()) {
    between = InterpolateHistograms(*before, before_ms, *after, after_ms, ref_ms, counter, notes);
  }
  if (!between) {
    notes->Add(RangeNote::kMixedSchemas);
    return nullptr;
  }
  return std::make_shared<const model::FloatHistogram>(*std::move(between));
}

// The last histogram stands for later times, but tells nothing of resets before them.
HistogramPtr CarryForward(const HistogramPtr& last) {
  if (last->counter_reset_hint == CounterResetHint::kUnknown) return last;
  model::FloatHistogram carried = *last;
  carried.counter_reset_hint = CounterResetHint::kUnknown;
  return std::make_shared<const model::FloatHistogram>(std::move(carried));
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

  RangeNotes found;
  for (size_t step = 0; step < refs.count; ++step) {
    const int64_t ref_ms = refs.At(step);
    const Neighbours f = FindNeighbours(times, ref_ms, lookback_ms);
    const Neighbours h = FindNeighbours(histogram_times, ref_ms, lookback_ms);
    notes->CountAt(step, f.past - f.first + h.past - h.first);
    if (!f.empty() && !h.empty()) {
      found.Add(RangeNote::kMixedTypes);
    } else if (f.after > f.first) {
      const size_t before = f.after - 1;
      double value = values[before];
      if (times[before] != ref_ms && f.after < f.past) {
        value = InterpolateFloats(times[before], value, times[f.after], values[f.after], ref_ms,
                                  /*counter=*/false);
      }
      row->SetFloat(step, value);
    } else if (h.after > h.first) {
      const size_t before = h.after - 1;
      HistogramPtr value = histograms[before];
      if (histogram_times[before] != ref_ms) {
        value = h.after < h.past ? Between(value, histogram_times[before], histograms[h.after],
                                           histogram_times[h.after], ref_ms, &found)
                                 : CarryForward(value);
      }
      if (value != nullptr) out->SetHistogram(row, step, std::move(value));
    }
  }
  found.Report(series.labels, position, &notes->annotations);
}

}  // namespace larnax::exec
