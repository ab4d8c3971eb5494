#include "exec/select/smoothing.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "exec/functions/range/interpolation.h"
#include "exec/functions/range/range_notes.h"
#include "exec/sample_windows.h"
#include "exec/select/selectors.h"

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
  return {past(Before(ref_ms, lookback_ms)), past(After(ref_ms, lookback_ms)), past(ref_ms)};
}

// Nullopt where the two cannot be combined.
std::optional<model::FloatHistogram> Between(const HistogramPtr& before, int64_t before_ms,
                                             const HistogramPtr& after, int64_t after_ms,
                                             int64_t ref_ms, RangeNotes* notes) {
  const bool counter = before->counter_reset_hint != CounterResetHint::kGauge ||
                       after->counter_reset_hint != CounterResetHint::kGauge;
  std::optional<model::FloatHistogram> between;
  if (before->has_custom_bounds() == after->has_custom_bounds()) {
    between = InterpolateHistograms(*before, before_ms, *after, after_ms, ref_ms, counter, notes);
  }
  if (!between) {
    notes->Add(RangeNote::kMixedSchemas);
  }
  return between;
}

// The last histogram stands for later times, but tells nothing of resets before them.
HistogramPtr CarryForward(const HistogramPtr& last, const StepVector& out) {
  if (last->counter_reset_hint == CounterResetHint::kUnknown) return last;
  model::FloatHistogram carried = *last;
  carried.counter_reset_hint = CounterResetHint::kUnknown;
  return MakeHistogram(std::move(carried), out.meter());
}

}  // namespace

arrow::Status SmoothInstant(const SeriesSamples& series, const InstantSpec& spec,
                            const QueryBudget* budget, StepVector* out, StepSeries* row,
                            TaskNotes* notes) {
  std::vector<int64_t> times;
  std::vector<double> values;
  for (size_t i = 0; i < series.value.size(); ++i) {
    if (IsStaleMarker(series.value[i])) continue;
    times.push_back((*series.time_ms)[i]);
    values.push_back(series.value[i]);
  }
  ConvertedHistograms histograms;
  ARROW_RETURN_NOT_OK(ConvertHistograms(series.histograms, budget, &histograms));
  const std::vector<int64_t>& histogram_times = histograms.time_ms;

  RangeNotes found;
  BudgetPace pace(budget);
  for (size_t step = 0; step < spec.refs.count; ++step) {
    const int64_t ref_ms = spec.refs.At(step);
    const Neighbours f = FindNeighbours(times, ref_ms, spec.lookback_ms);
    const Neighbours h = FindNeighbours(histogram_times, ref_ms, spec.lookback_ms);
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
      const HistogramPtr& last = histograms.value[before];
      ARROW_RETURN_NOT_OK(pace.Pass(last->SizeBytes()));
      if (histogram_times[before] == ref_ms) {
        out->SetHistogram(row, step, last);
      } else if (h.after == h.past) {
        out->SetHistogram(row, step, CarryForward(last, *out));
      } else if (auto between = Between(last, histogram_times[before], histograms.value[h.after],
                                        histogram_times[h.after], ref_ms, &found)) {
        out->SetHistogram(row, step, *std::move(between));
      }
    }
  }
  found.Report(series.labels, spec.position, &notes->annotations);
  return arrow::Status::OK();
}

}  // namespace larnax::exec
