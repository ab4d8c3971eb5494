#include "exec/functions/rate.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/number_text.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/histogram_rate.h"
#include "exec/functions/range_notes.h"
#include "exec/functions/start_times.h"
#include "exec/label_edit.h"

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

// Windows of floats whose start times are not known: blocks of 64 steps, so that the arithmetic
// runs over arrays of fixed length.
template <bool kCounter>
class FloatRateBlock {
 public:
  static constexpr size_t kSteps = 64;

  // Fills lanes from windows first_step .. first_step+count-1. Returns which have two samples.
  PresenceWord Load(const RangeSpec& spec, const WindowedSamples<double>& floats, size_t first_step,
                    size_t count) {
    PresenceWord usable = 0;
    for (size_t j = 0; j < count; ++j) {
      const size_t step = first_step + j;
      const bool enough = floats.end[step] - floats.begin[step] >= 2;
      // Lanes that do not count still need samples that exist.
      const size_t first = enough ? floats.begin[step] : 0;
      const size_t last = enough ? floats.end[step] - 1 : 0;
      const int64_t end_ms = spec.RefTime(step);
      usable |= PresenceWord{enough} << j;
      first_[j] = floats.value[first];
      increase_[j] = floats.value[last] - floats.value[first];
      gaps_[j] = enough ? static_cast<double>(last - first) : 1;
      to_start_[j] = static_cast<double>(floats.time_ms[first] - (end_ms - spec.range_ms));
      to_end_[j] = static_cast<double>(end_ms - floats.time_ms[last]);
      sampled_[j] = static_cast<double>(floats.time_ms[last] - floats.time_ms[first]);
    }
    return usable;
  }

  void AddReset(size_t lane, double before) { increase_[lane] += before; }

  // The arithmetic of ExtrapolationFactor, without branches.
  void Evaluate(double divisor, double* result) const {
    for (size_t j = 0; j < kSteps; ++j) {
      const double sampled = sampled_[j] / 1000;
      const double gap = sampled / gaps_[j];
      const double threshold = gap * kEdgeGaps;
      double to_start = to_start_[j] / 1000;
      double to_end = to_end_[j] / 1000;
      to_start = to_start >= threshold ? gap / 2 : to_start;
      to_end = to_end >= threshold ? gap / 2 : to_end;
      if constexpr (kCounter) {
        const double to_zero = sampled * (first_[j] / increase_[j]);
        const bool rises = (increase_[j] > 0) & (first_[j] >= 0);
        to_start = rises & (to_zero < to_start) ? to_zero : to_start;
      }
      result[j] = increase_[j] * ((sampled + to_start + to_end) / sampled / divisor);
    }
  }

 private:
  std::array<double, kSteps> first_{};
  std::array<double, kSteps> increase_{};
  std::array<double, kSteps> gaps_{};
  std::array<double, kSteps> to_start_{};
  std::array<double, kSteps> to_end_{};
  std::array<double, kSteps> sampled_{};
};

template <bool kCounter>
void EvaluateFloats(const RangeSpec& spec, const RangeSeries& series, bool per_second,
                    SeriesWriter* out) {
  const WindowedSamples<double>& floats = series.floats;
  if (floats.empty()) return;
  using Block = FloatRateBlock<kCounter>;
  // Dividing by 1 changes no bit.
  const double divisor = per_second ? RangeSeconds(spec.range_ms) : 1;
  EventList resets;
  if (kCounter) resets = FindFloatResets(floats);
  Block block;
  std::array<double, Block::kSteps> result;
  for (size_t first_step = 0; first_step < out->steps(); first_step += Block::kSteps) {
    const size_t count = std::min(Block::kSteps, out->steps() - first_step);
    const PresenceWord usable = block.Load(spec, floats, first_step, count);
    if (usable == 0) continue;
    if (!resets.empty()) {
      for (size_t j = 0; j < count; ++j) {
        resets.ForEachInside(floats.begin[first_step + j], floats.end[first_step + j],
                             [&](size_t i) { block.AddReset(j, floats.value[i - 1]); });
      }
    }
    block.Evaluate(divisor, result.data());
    std::copy_n(result.data(), count, out->values() + first_step);
    out->present()[first_step / Block::kSteps] = usable;
  }
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
        out_(out),
        annotations_(annotations) {
    if (!kind.counter || out->steps() == 0) return;
    if (!series.floats.empty()) {
      float_resets_ = FindFloatResets(series.floats);
      float_overlaps_ = FindOverlaps(series.floats);
    }
    if (!series.histograms.empty()) histogram_overlaps_ = FindOverlaps(series.histograms);
  }

  void Evaluate() {
    for (size_t step = 0; step < out_->steps(); ++step) {
      const bool has_floats = Count(series_.floats, step) > 0;
      const bool has_histograms = Count(series_.histograms, step) > 0;
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
  }

 private:
  template <typename T>
  static size_t Count(const WindowedSamples<T>& samples, size_t step) {
    return samples.empty() ? 0 : samples.end[step] - samples.begin[step];
  }

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
    out_->SetHistogram(step, std::make_shared<const model::FloatHistogram>(*std::move(increase)));
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
    EvaluateExtendedRate(call, spec, series, kKind, out, annotations);
  } else if (series.histograms.empty() && !start_times) {
    EvaluateFloats<kCounter>(spec, series, kPerSecond, out);
  } else {
    WindowByWindow(call, spec, series, kKind, out, annotations).Evaluate();
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
