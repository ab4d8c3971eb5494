#include <algorithm>
#include <optional>

#include "exec/functions/range/interpolation.h"
#include "exec/functions/range/range_notes.h"
#include "exec/functions/range/rate.h"
#include "exec/functions/range/work_meter.h"
#include "exec/sample_windows.h"

namespace larnax::exec {
namespace {

using model::FloatHistogram;

// One window with the samples that its edges follow from.
struct EdgeWindow {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  size_t first = 0;  // The newest sample not after the start, else the first one after it.
  size_t last = 0;
};

// The samples that one window can see: its own, and those within the lookback around it.
struct Reach {
  size_t begin = 0;
  size_t end = 0;
};

// Finds the reach of windows in ascending order.
template <typename T>
class ReachFinder {
 public:
  ReachFinder(const RangeSpec& spec, const WindowedSamples<T>& samples)
      : spec_(spec), times_(samples.time_ms) {}

  Reach Next(size_t step) {
    const int64_t end_ms = spec_.RefTime(step);
    const int64_t from_ms = Before(Before(end_ms, spec_.range_ms), spec_.lookback_ms);
    const int64_t to_ms = spec_.smoothed ? After(end_ms, spec_.lookback_ms) : end_ms;
    while (reach_.begin < times_.size() && times_[reach_.begin] <= from_ms) ++reach_.begin;
    while (reach_.end < times_.size() && times_[reach_.end] <= to_ms) ++reach_.end;
    return reach_;
  }

 private:
  const RangeSpec& spec_;
  const std::span<const int64_t> times_;
  Reach reach_;
};

// Picks the samples at the edges of a window; nullopt where none of its reach is inside it or
// around it.
std::optional<EdgeWindow> FindEdges(const RangeSpec& spec, std::span<const int64_t> times,
                                    Reach reach, size_t step) {
  EdgeWindow w;
  w.end_ms = spec.RefTime(step);
  w.start_ms = Before(w.end_ms, spec.range_ms);
  const auto begin = times.begin() + static_cast<std::ptrdiff_t>(reach.begin);
  const auto end = times.begin() + static_cast<std::ptrdiff_t>(reach.end);
  const auto inside = std::upper_bound(begin, end, w.start_ms);
  if (inside == end) return std::nullopt;
  w.first = static_cast<size_t>(inside - times.begin()) - (inside != begin ? 1 : 0);
  w.last = reach.end - 1;
  if (spec.smoothed) {
    const auto last = std::lower_bound(inside, end - 1, w.end_ms);
    w.last = static_cast<size_t>(last - times.begin());
    if (times[w.first] > w.end_ms) return std::nullopt;
  }
  return w;
}

// Windows of floats of one series.
class FloatEdges {
 public:
  FloatEdges(const RangeSeries& series, RateKind kind, double range_seconds, bool smoothed)
      : floats_(series.floats), kind_(kind), range_seconds_(range_seconds), smoothed_(smoothed) {}

  double Evaluate(const EdgeWindow& w) const {
    const double left = Left(w);
    const double right = Right(w);
    double result = right - left;
    if (kind_.counter) result += Resets(w, left, right);
    if (kind_.per_second) result /= range_seconds_;
    return result;
  }

 private:
  double Left(const EdgeWindow& w) const {
    if (!smoothed_ || floats_.time_ms[w.first] >= w.start_ms) return floats_.value[w.first];
    return At(w.first, w.start_ms);
  }
  double Right(const EdgeWindow& w) const {
    if (!smoothed_ || floats_.time_ms[w.last] <= w.end_ms) return floats_.value[w.last];
    return At(w.last - 1, w.end_ms);
  }
  // The value between samples `index` and `index` + 1.
  double At(size_t index, int64_t time_ms) const {
    return InterpolateFloats(floats_.time_ms[index], floats_.value[index],
                             floats_.time_ms[index + 1], floats_.value[index + 1], time_ms,
                             kind_.counter);
  }
  // What was counted before each reset, from edge to edge. Interpolation took care of those that
  // it went across.
  double Resets(const EdgeWindow& w, double left, double right) const {
    const size_t begin = w.first + (floats_.time_ms[w.first] <= w.start_ms ? 1 : 0);
    const size_t end = w.last + (floats_.time_ms[w.last] >= w.end_ms ? 0 : 1);
    double before = 0;
    double previous = left;
    for (size_t i = begin; i < end; ++i) {
      if (floats_.value[i] < previous) before += previous;
      previous = floats_.value[i];
    }
    if (right < previous) before += previous;
    return before;
  }

  const WindowedSamples<double>& floats_;
  const RateKind kind_;
  const double range_seconds_;
  const bool smoothed_;
};

// Windows of histograms of one series.
class HistogramEdges {
 public:
  HistogramEdges(const RangeSeries& series, RateKind kind, double range_seconds, bool smoothed)
      : histograms_(series.histograms),
        kind_(kind),
        range_seconds_(range_seconds),
        smoothed_(smoothed) {}

  std::optional<FloatHistogram> Evaluate(const EdgeWindow& w, RangeNotes* notes) const {
    if (!CheckLayouts(w, notes)) return std::nullopt;
    const auto left = Left(w, notes);
    const auto right = left ? Right(w, notes) : std::nullopt;
    if (!right) {
      notes->Add(RangeNote::kMixedSchemas);
      return std::nullopt;
    }
    if (!kind_.counter && (left->counter_reset_hint != CounterResetHint::kGauge ||
                           right->counter_reset_hint != CounterResetHint::kGauge)) {
      notes->Add(RangeNote::kNotGauge);
    }
    FloatHistogram result = *right;
    if (!Subtract(*left, &result, notes)) return std::nullopt;
    if (kind_.counter && !AddResets(w, *left, *right, &result, notes)) return std::nullopt;
    if (kind_.per_second) result.Divide(range_seconds_);
    result.counter_reset_hint = CounterResetHint::kGauge;
    result.Compact();
    return result;
  }

 private:
  bool CheckLayouts(const EdgeWindow& w, RangeNotes* notes) const {
    const bool custom = histograms_.value[w.first]->has_custom_bounds();
    for (size_t i = w.first; i <= w.last; ++i) {
      const FloatHistogram& h = *histograms_.value[i];
      if (h.has_custom_bounds() != custom) {
        notes->Add(RangeNote::kMixedSchemas);
        return false;
      }
      if (kind_.counter && h.counter_reset_hint == CounterResetHint::kGauge) {
        notes->Add(RangeNote::kNotCounter);
      }
    }
    return true;
  }

  std::optional<FloatHistogram> Left(const EdgeWindow& w, RangeNotes* notes) const {
    if (!smoothed_ || histograms_.time_ms[w.first] >= w.start_ms) {
      return *histograms_.value[w.first];
    }
    return At(w.first, w.start_ms, notes);
  }
  std::optional<FloatHistogram> Right(const EdgeWindow& w, RangeNotes* notes) const {
    if (!smoothed_ || histograms_.time_ms[w.last] <= w.end_ms) return *histograms_.value[w.last];
    return At(w.last - 1, w.end_ms, notes);
  }
  // The histogram between samples `index` and `index` + 1.
  std::optional<FloatHistogram> At(size_t index, int64_t time_ms, RangeNotes* notes) const {
    return InterpolateHistograms(*histograms_.value[index], histograms_.time_ms[index],
                                 *histograms_.value[index + 1], histograms_.time_ms[index + 1],
                                 time_ms, kind_.counter, notes);
  }

  bool Subtract(const FloatHistogram& other, FloatHistogram* from, RangeNotes* notes) const {
    const auto report = from->Subtract(other);
    if (!report) notes->Add(RangeNote::kMixedSchemas);
    if (report && report->bounds_reconciled) notes->Add(RangeNote::kBoundsSubtracted);
    return report.has_value();
  }
  static bool Add(const FloatHistogram& other, FloatHistogram* to, RangeNotes* notes) {
    const auto report = to->Add(other);
    if (!report) notes->Add(RangeNote::kMixedSchemas);
    if (report && report->bounds_reconciled) notes->Add(RangeNote::kBoundsAdded);
    return report.has_value();
  }

  // Adds what was counted before each reset. The first sample is `left`; the last one is left out,
  // because `right` has its hint.
  bool AddResets(const EdgeWindow& w, const FloatHistogram& left, const FloatHistogram& right,
                 FloatHistogram* result, RangeNotes* notes) const {
    const FloatHistogram* previous = &left;
    size_t begin = w.first + 1;
    if (smoothed_ && histograms_.time_ms[w.first] < w.start_ms &&
        histograms_.value[begin]->DetectReset(*histograms_.value[w.first])) {
      // `left` is already behind this reset.
      previous = histograms_.value[begin].get();
      ++begin;
    }
    // One sample, or two with nothing but that reset between the edges.
    if (begin > w.last) return true;
    std::optional<FloatHistogram> before;
    const auto add = [&](const FloatHistogram& h) {
      if (before) return Add(h, &*before, notes);
      before = h;
      return true;
    };
    for (size_t i = begin; i < w.last; ++i) {
      const FloatHistogram& current = *histograms_.value[i];
      if (current.DetectReset(*previous) && !add(*previous)) return false;
      previous = &current;
    }
    if (right.DetectReset(*previous) && !add(*previous)) return false;
    return !before || Add(*before, result, notes);
  }

  const WindowedSamples<HistogramPtr>& histograms_;
  const RateKind kind_;
  const double range_seconds_;
  const bool smoothed_;
};

arrow::Status EvaluateFloatEdges(const CallContext& call, const RangeSpec& spec,
                                 const RangeSeries& series, RateKind kind, SeriesWriter* out) {
  WorkMeter work(call);
  ReachFinder<double> finder(spec, series.floats);
  const FloatEdges edges(series, kind, RangeSeconds(spec.range_ms), spec.smoothed);
  for (size_t step = 0; step < out->steps(); ++step) {
    const Reach reach = finder.Next(step);
    ARROW_RETURN_NOT_OK(work.Add(reach.end - reach.begin));
    const auto window = FindEdges(spec, series.floats.time_ms, reach, step);
    if (window) out->SetFloat(step, edges.Evaluate(*window));
  }
  return arrow::Status::OK();
}

arrow::Status EvaluateAnyEdges(const CallContext& call, const RangeSpec& spec,
                               const RangeSeries& series, RateKind kind, SeriesWriter* out,
                               RangeNotes* notes) {
  WorkMeter work(call);
  ReachFinder<double> float_finder(spec, series.floats);
  ReachFinder<HistogramPtr> histogram_finder(spec, series.histograms);
  const double range_seconds = RangeSeconds(spec.range_ms);
  const FloatEdges float_edges(series, kind, range_seconds, spec.smoothed);
  const HistogramEdges histogram_edges(series, kind, range_seconds, spec.smoothed);
  for (size_t step = 0; step < out->steps(); ++step) {
    const Reach floats = float_finder.Next(step);
    const Reach histograms = histogram_finder.Next(step);
    ARROW_RETURN_NOT_OK(
        work.Add(floats.end - floats.begin + (histograms.end - histograms.begin) * kHistogramWork));
    const bool has_floats = floats.begin != floats.end;
    const bool has_histograms = histograms.begin != histograms.end;
    if (has_floats && has_histograms) {
      notes->Add(RangeNote::kMixedTypes);
    } else if (has_floats) {
      const auto window = FindEdges(spec, series.floats.time_ms, floats, step);
      if (window) out->SetFloat(step, float_edges.Evaluate(*window));
    } else if (has_histograms) {
      const auto window = FindEdges(spec, series.histograms.time_ms, histograms, step);
      if (!window) continue;
      auto result = histogram_edges.Evaluate(*window, notes);
      if (!result) continue;
      out->SetHistogram(step, *std::move(result));
    }
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status EvaluateExtendedRate(const CallContext& call, const RangeSpec& spec,
                                   const RangeSeries& series, RateKind kind, SeriesWriter* out,
                                   Annotations* annotations) {
  if (series.histograms.empty()) return EvaluateFloatEdges(call, spec, series, kind, out);
  RangeNotes notes;
  ARROW_RETURN_NOT_OK(EvaluateAnyEdges(call, spec, series, kind, out, &notes));
  notes.Report(series.labels, RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

}  // namespace larnax::exec
