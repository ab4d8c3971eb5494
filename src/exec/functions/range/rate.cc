#include "exec/functions/range/rate.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/number_text.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/range/float_windows.h"
#include "exec/functions/range/histogram_rate.h"
#include "exec/functions/range/range_notes.h"
#include "exec/functions/range/start_times.h"
#include "exec/label_edit.h"
#include "exec/step_loops.h"

namespace larnax::exec {
namespace {

// A first or last sample nearer than this many mean gaps to an edge stands for all up to the edge.
constexpr double kEdgeGaps = 1.1;

// One window with at least one sample.
struct Window {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  int64_t gaps = 0;  // Samples less one.
  /// Start time of the first sample, where it lies inside the window: the counter was 0 then.
  std::optional<int64_t> zero_ms;
};

// How many times the increase between the first and the last sample is that of the whole window;
// nullopt where one sample is not enough.
std::optional<double> ExtrapolationFactor(const Window& w, RateKind kind, double range_seconds,
                                          double first, double increase) {
  double to_start = static_cast<double>(w.first_ms - w.start_ms) / 1000;
  double to_end = static_cast<double>(w.end_ms - w.last_ms) / 1000;
  double sampled = static_cast<double>(w.last_ms - w.first_ms) / 1000;
  const double gap = w.gaps > 0 ? sampled / static_cast<double>(w.gaps) : 0;
  const double threshold = gap * kEdgeGaps;
  if (w.zero_ms) {
    to_start = 0;
    sampled = static_cast<double>(w.last_ms - *w.zero_ms) / 1000;
  } else if (w.gaps == 0) {
    return std::nullopt;
  } else {
    if (to_start >= threshold) to_start = gap / 2;
    if (kind.counter && increase > 0 && first >= 0) {
      to_start = std::min(to_start, sampled * (first / increase));
    }
  }
  if (to_end >= threshold) to_end = gap / 2;
  double factor = sampled != 0 ? (sampled + to_start + to_end) / sampled : 1;
  if (kind.per_second) factor /= range_seconds;
  return factor;
}

// Counter resets between float samples that some window holds.
EventList FindFloatResets(const WindowedSamples<double>& floats) {
  EventList resets;
  const size_t end = floats.end.back();
  const bool starts = !floats.start_ms.empty();
  if (!starts && !AnyDecreases(floats.value)) return resets;
  for (size_t i = floats.begin.front() + 1; i < end; ++i) {
    if (floats.value[i] < floats.value[i - 1] ||
        (starts && IsStartReset(floats.start_ms[i - 1], floats.time_ms[i - 1], floats.start_ms[i],
                                floats.time_ms[i]))) {
      resets.Add(i);
    }
  }
  return resets;
}

template <typename T>
EventList FindOverlaps(const WindowedSamples<T>& samples) {
  EventList overlaps;
  if (samples.start_ms.empty()) return overlaps;
  const size_t end = samples.end.back();
  for (size_t i = samples.begin.front() + 1; i < end; ++i) {
    if (StartOverlaps(samples.start_ms[i - 1], samples.time_ms[i - 1], samples.start_ms[i])) {
      overlaps.Add(i);
    }
  }
  return overlaps;
}

// The windows of all steps of floats whose start times are not known, as far as they follow from
// times; series that share times share them. Samples are 0 where there are not two.
struct RateTimes {
  std::vector<uint32_t> first;
  std::vector<uint32_t> last;
  std::vector<double> sampled;
  std::vector<double> to_start;
  std::vector<double> to_end;
  std::vector<double> factor;         // Where the counter was not 0 nearer than `to_start`.
  std::vector<PresenceWord> present;  // Which have two samples.

  explicit RateTimes(size_t steps)
      : first(steps),
        last(steps),
        sampled(steps),
        to_start(steps),
        to_end(steps),
        factor(steps),
        present(PresenceWordCount(steps)) {}

  CounterWindows View() const { return {first, last, sampled, to_start, factor}; }
};

std::shared_ptr<const RateTimes> MakeRateTimes(const RangeSpec& spec,
                                               const WindowedSamples<double>& floats,
                                               double divisor) {
  const size_t steps = floats.begin.size();
  auto times = std::make_shared<RateTimes>(steps);
  for (size_t step = 0; step < steps; ++step) {
    if (floats.end[step] - floats.begin[step] < 2) continue;
    SetPresent(times->present.data(), step);
    const uint32_t first = times->first[step] = floats.begin[step];
    const uint32_t last = times->last[step] = floats.end[step] - 1;
    const int64_t end_ms = spec.RefTime(step);
    const int64_t first_ms = floats.time_ms[first];
    const int64_t last_ms = floats.time_ms[last];
    const double sampled = static_cast<double>(last_ms - first_ms) / 1000;
    double to_start = static_cast<double>(first_ms - (end_ms - spec.range_ms)) / 1000;
    double to_end = static_cast<double>(end_ms - last_ms) / 1000;
    const double gap = sampled / static_cast<double>(last - first);
    if (to_start >= gap * kEdgeGaps) to_start = gap / 2;
    if (to_end >= gap * kEdgeGaps) to_end = gap / 2;
    times->sampled[step] = sampled;
    times->to_start[step] = to_start;
    times->to_end[step] = to_end;
    times->factor[step] = (sampled + to_start + to_end) / sampled / divisor;
  }
  return times;
}

std::shared_ptr<const RateTimes> RateTimesOf(const RangeSpec& spec,
                                             const WindowedSamples<double>& floats,
                                             double divisor) {
  if (floats.derived == nullptr) return MakeRateTimes(spec, floats, divisor);
  if (*floats.derived == nullptr) *floats.derived = MakeRateTimes(spec, floats, divisor);
  return std::static_pointer_cast<const RateTimes>(*floats.derived);
}

// Extrapolates the increase of a counter; it was 0 before the window's start at the earliest where
// the line through its first and last sample says so.
double ExtrapolateCounter(const RateTimes& times, size_t step, double first, double increase,
                          double divisor) {
  const double sampled = times.sampled[step];
  if (increase > 0 && first >= 0) {
    const double to_zero = sampled * (first / increase);
    if (to_zero < times.to_start[step]) {
      return increase * ((sampled + to_zero + times.to_end[step]) / sampled / divisor);
    }
  }
  return increase * times.factor[step];
}

template <bool kCounter>
arrow::Status EvaluateFloats(const CallContext& call, const RangeSpec& spec,
                             const RangeSeries& series, bool per_second, SeriesWriter* out) {
  const WindowedSamples<double>& floats = series.floats;
  if (floats.empty()) return arrow::Status::OK();
  WorkMeter work(call);
  // Dividing by 1 changes no bit.
  const double divisor = per_second ? RangeSeconds(spec.range_ms) : 1;
  const auto times = RateTimesOf(spec, floats, divisor);
  std::copy(times->present.begin(), times->present.end(), out->present());
  const double* values = floats.value.data();
  double* result = out->values();
  const size_t steps = times->first.size();
  if (!kCounter) {
    for (size_t step = 0; step < steps; ++step) {
      result[step] = (values[times->last[step]] - values[times->first[step]]) * times->factor[step];
    }
    return arrow::Status::OK();
  }
  EventList resets = FindFloatResets(floats);
  std::vector<double> increases(steps);
  const bool near_zero = ExtrapolateCounters(times->View(), values, increases.data(), result);
  if (resets.empty() && !near_zero) return arrow::Status::OK();
  for (size_t step = 0; step < steps; ++step) {
    const uint32_t first = times->first[step];
    const uint32_t last = times->last[step];
    if (!resets.empty()) {
      ARROW_RETURN_NOT_OK(work.Add(last - first));
      resets.ForEachInside(first, last + 1, [&](size_t i) { increases[step] += values[i - 1]; });
    }
    result[step] = ExtrapolateCounter(*times, step, values[first], increases[step], divisor);
  }
  return arrow::Status::OK();
}

// Windows that may hold histograms, or floats with start times: one by one.
class WindowByWindow {
 public:
  WindowByWindow(const CallContext& call, const RangeSpec& spec, const RangeSeries& series,
                 RateKind kind, SeriesWriter* out, Annotations* annotations)
      : spec_(spec),
        series_(series),
        kind_(kind),
        range_seconds_(RangeSeconds(spec.range_ms)),
        position_(RangeArgPosition(call)),
        histogram_rate_(series.histograms, kind.counter),
        work_(call),
        out_(out),
        annotations_(annotations) {
    if (!kind.counter || out->steps() == 0) return;
    if (!series.floats.empty()) {
      float_resets_ = FindFloatResets(series.floats);
      float_overlaps_ = FindOverlaps(series.floats);
    }
    if (!series.histograms.empty()) histogram_overlaps_ = FindOverlaps(series.histograms);
  }

  arrow::Status Evaluate() {
    for (size_t step = 0; step < out_->steps(); ++step) {
      const size_t float_count = CountInWindow(series_.floats, step);
      const size_t histogram_count = CountInWindow(series_.histograms, step);
      const bool has_floats = float_count > 0;
      const bool has_histograms = histogram_count > 0;
      ARROW_RETURN_NOT_OK(work_.Add(float_count + histogram_count * kHistogramWork));
      if (has_floats && has_histograms) {
        notes_.Add(RangeNote::kMixedTypes);
      } else if (has_floats) {
        EvaluateFloat(step);
      } else if (has_histograms) {
        RangeNotes notes;
        EvaluateHistogram(step, &notes);
        notes_.Add(notes);
      }
    }
    notes_.Report(series_.labels, position_, annotations_);
    return arrow::Status::OK();
  }

 private:
  template <typename T>
  Window WindowOf(const WindowedSamples<T>& samples, size_t step) const {
    const uint32_t first = samples.begin[step];
    const uint32_t last = samples.end[step] - 1;
    Window w;
    w.end_ms = spec_.RefTime(step);
    w.start_ms = w.end_ms - spec_.range_ms;
    w.first_ms = samples.time_ms[first];
    w.last_ms = samples.time_ms[last];
    w.gaps = last - first;
    if (kind_.counter && !samples.start_ms.empty()) {
      const int64_t start_ms = samples.start_ms[first];
      if (start_ms != 0 && start_ms > w.start_ms && start_ms < w.first_ms) w.zero_ms = start_ms;
    }
    return w;
  }

  void WarnOfOverlap() {
    std::string text =
        "sample has start time that overlaps with previous sample timestamp for metric ";
    base::AppendQuoted(series_.labels.metric(), &text);
    annotations_->WarnCounted(std::move(text), position_);
  }

  void EvaluateFloat(size_t step) {
    const WindowedSamples<double>& floats = series_.floats;
    const uint32_t begin = floats.begin[step];
    const uint32_t end = floats.end[step];
    const double first = floats.value[begin];
    double increase = floats.value[end - 1] - first;
    float_resets_.ForEachInside(begin, end, [&](size_t i) { increase += floats.value[i - 1]; });
    if (float_overlaps_.AnyInside(begin, end)) WarnOfOverlap();
    const Window window = WindowOf(floats, step);
    const auto factor = ExtrapolationFactor(window, kind_, range_seconds_, first, increase);
    if (!factor) return;
    if (window.zero_ms) increase += first;
    out_->SetFloat(step, increase * *factor);
  }

  void EvaluateHistogram(size_t step, RangeNotes* notes) {
    const WindowedSamples<HistogramPtr>& histograms = series_.histograms;
    const uint32_t begin = histograms.begin[step];
    const uint32_t end = histograms.end[step];
    const Window window = WindowOf(histograms, step);
    const model::FloatHistogram& first = *histograms.value[begin];
    std::optional<model::FloatHistogram> increase;
    if (end - begin > 1) {
      increase = histogram_rate_.Increase(begin, end, notes);
      if (!increase) return;
      if (histogram_overlaps_.AnyInside(begin, end)) WarnOfOverlap();
    }
    const auto factor = ExtrapolationFactor(window, kind_, range_seconds_, first.count,
                                            increase ? increase->count : 0);
    if (!factor) return;
    if (!increase) {
      increase = first;
    } else if (window.zero_ms) {
      const auto report = increase->Add(first);
      if (!report) return notes->Add(RangeNote::kMixedSchemas);
      if (report->bounds_reconciled) notes->Add(RangeNote::kBoundsAdded);
    }
    increase->Multiply(*factor);
    out_->SetHistogram(step, *std::move(increase));
  }

  const RangeSpec& spec_;
  const RangeSeries& series_;
  const RateKind kind_;
  const double range_seconds_;
  const promql::PositionRange position_;
  EventList float_resets_;
  EventList float_overlaps_;
  EventList histogram_overlaps_;
  HistogramRate histogram_rate_;
  RangeNotes notes_;
  WorkMeter work_;
  SeriesWriter* out_;
  Annotations* annotations_;
};

bool HasFloat(const StepSeries& row, size_t steps) {
  if (row.histograms == nullptr) return AnyPresent(row.present, steps);
  bool found = false;
  ForEachPresent(row.present, steps, [&](size_t step) { found |= !row.IsHistogram(step); });
  return found;
}

// Tells of a name, or type, that is none of a counter.
void CheckCounterName(const CallContext& call, LabelsView labels, Annotations* annotations) {
  const std::string_view metric = labels.metric();
  if (metric.empty()) return;
  std::string text;
  if (call.query->features.type_and_unit_labels) {
    const std::string_view type = labels.Get(kTypeLabel);
    if (type == "counter" || type == "histogram") return;
    text =
        "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
        "got ";
    base::AppendQuoted(type, &text);
    text += ": ";
  } else {
    for (const std::string_view ending : {"_total", "_sum", "_count", "_bucket"}) {
      if (metric.ends_with(ending)) return;
    }
    text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ";
  }
  base::AppendQuoted(metric, &text);
  annotations->Inform(std::move(text), RangeArgPosition(call));
}

template <bool kCounter, bool kPerSecond>
arrow::Status Rate(const CallContext& call, const RangeSpec& spec, const RangeSeries& series,
                   SeriesWriter* out, Annotations* annotations) {
  constexpr RateKind kKind{kCounter, kPerSecond};
  const bool start_times = kCounter && !series.floats.start_ms.empty();
  if (out->steps() == 0) return arrow::Status::OK();
  if (spec.anchored || spec.smoothed) {
    ARROW_RETURN_NOT_OK(EvaluateExtendedRate(call, spec, series, kKind, out, annotations));
  } else if (series.histograms.empty() && !start_times) {
    ARROW_RETURN_NOT_OK(EvaluateFloats<kCounter>(call, spec, series, kPerSecond, out));
  } else {
    ARROW_RETURN_NOT_OK(WindowByWindow(call, spec, series, kKind, out, annotations).Evaluate());
  }
  if (kCounter && HasFloat(out->row(), out->steps())) {
    CheckCounterName(call, series.labels, annotations);
  }
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "rate", .range = &Rate<true, true>},
    {.name = "increase", .range = &Rate<true, false>},
    {.name = "delta", .range = &Rate<false, false>},
};

}  // namespace

double RangeSeconds(int64_t range_ms) {
  return static_cast<double>(range_ms / 1000) +
         static_cast<double>(range_ms % 1000 * 1'000'000) / 1e9;
}

std::span<const Function> RateFunctions() { return kFunctions; }

}  // namespace larnax::exec
