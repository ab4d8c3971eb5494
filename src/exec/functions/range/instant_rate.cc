#include <optional>
#include <utility>

#include "exec/functions/function_lists.h"
#include "exec/functions/range/range_notes.h"
#include "exec/functions/range/start_times.h"

namespace larnax::exec {
namespace {

using model::FloatHistogram;

// One of the last two samples of a window.
struct Sample {
  int64_t time_ms = 0;
  int64_t start_ms = 0;
  double value = 0;
  const FloatHistogram* histogram = nullptr;
};

template <typename T>
int64_t StartOf(const WindowedSamples<T>& samples, size_t index) {
  return samples.start_ms.empty() ? 0 : samples.start_ms[index];
}

Sample FloatAt(const WindowedSamples<double>& floats, size_t index) {
  return {floats.time_ms[index], StartOf(floats, index), floats.value[index], nullptr};
}

Sample HistogramAt(const WindowedSamples<HistogramPtr>& histograms, size_t index) {
  return {histograms.time_ms[index], StartOf(histograms, index), 0, histograms.value[index].get()};
}

// Finds the last two samples of a window, of whatever kinds; nullopt if it has fewer.
std::optional<std::pair<Sample, Sample>> LastTwo(const RangeSeries& series, size_t step) {
  const auto& floats = series.floats;
  const auto& histograms = series.histograms;
  size_t f = floats.empty() ? 0 : floats.end[step];
  size_t h = histograms.empty() ? 0 : histograms.end[step];
  const size_t first_float = floats.empty() ? 0 : floats.begin[step];
  const size_t first_histogram = histograms.empty() ? 0 : histograms.begin[step];
  if (f - first_float + h - first_histogram < 2) return std::nullopt;
  const auto take_last = [&] {
    const bool no_float = f == first_float;
    const bool no_histogram = h == first_histogram;
    if (no_float || (!no_histogram && histograms.time_ms[h - 1] > floats.time_ms[f - 1])) {
      return HistogramAt(histograms, --h);
    }
    return FloatAt(floats, --f);
  };
  const Sample last = take_last();
  const Sample before = take_last();
  return std::pair(before, last);
}

bool IsGauge(const Sample& sample) {
  return sample.histogram->counter_reset_hint == CounterResetHint::kGauge;
}

// What became of the histogram between two samples: all of the last one after a reset.
std::optional<FloatHistogram> Difference(const Sample& before, const Sample& last, bool counter,
                                         RangeNotes* notes) {
  if (counter && (IsGauge(before) || IsGauge(last))) notes->Add(RangeNote::kNotCounter);
  if (!counter && !(IsGauge(before) && IsGauge(last))) notes->Add(RangeNote::kNotGauge);
  FloatHistogram result = *last.histogram;
  const bool reset =
      counter && (IsStartReset(before.start_ms, before.time_ms, last.start_ms, last.time_ms) ||
                  last.histogram->DetectReset(*before.histogram));
  if (!reset) {
    const auto report = result.Subtract(*before.histogram);
    if (!report) {
      notes->Add(RangeNote::kMixedSchemas);
      return std::nullopt;
    }
    if (report->bounds_reconciled) notes->Add(RangeNote::kBoundsSubtracted);
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  result.Compact();
  return result;
}

template <bool kCounter>
void EvaluateWindow(const Sample& before, const Sample& last, size_t step, SeriesWriter* out,
                    RangeNotes* notes) {
  if (before.time_ms == last.time_ms) return;
  const double seconds = static_cast<double>(last.time_ms - before.time_ms) / 1000;
  if (before.histogram == nullptr && last.histogram == nullptr) {
    const bool reset =
        kCounter && (last.value < before.value ||
                     IsStartReset(before.start_ms, before.time_ms, last.start_ms, last.time_ms));
    const double difference = reset ? last.value : last.value - before.value;
    out->SetFloat(step, kCounter ? difference / seconds : difference);
  } else if (before.histogram != nullptr && last.histogram != nullptr) {
    auto difference = Difference(before, last, kCounter, notes);
    if (!difference) return;
    if (kCounter) difference->Divide(seconds);
    out->SetHistogram(step, *std::move(difference));
  } else {
    notes->Add(RangeNote::kMixedTypes);
  }
}

// `irate` of counters, `idelta` of gauges.
template <bool kCounter>
arrow::Status LastDifference(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                             SeriesWriter* out, Annotations* annotations) {
  RangeNotes notes;
  if (series.histograms.empty()) {
    const auto& floats = series.floats;
    for (size_t step = 0; step < out->steps() && !floats.empty(); ++step) {
      const size_t end = floats.end[step];
      if (end - floats.begin[step] < 2) continue;
      EvaluateWindow<kCounter>(FloatAt(floats, end - 2), FloatAt(floats, end - 1), step, out,
                               &notes);
    }
    return arrow::Status::OK();
  }
  for (size_t step = 0; step < out->steps(); ++step) {
    const auto samples = LastTwo(series, step);
    if (samples) EvaluateWindow<kCounter>(samples->first, samples->second, step, out, &notes);
  }
  notes.Report(series.labels, RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "irate", .range = &LastDifference<true>},
    {.name = "idelta", .range = &LastDifference<false>},
};

}  // namespace

std::span<const Function> InstantRateFunctions() { return kFunctions; }

}  // namespace larnax::exec
