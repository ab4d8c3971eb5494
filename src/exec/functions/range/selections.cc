#include <cmath>
#include <vector>

#include "exec/functions/function_lists.h"
#include "exec/functions/range/float_windows.h"
#include "exec/functions/range/window_lanes.h"

namespace larnax::exec {
namespace {

template <typename F>
void ForAnyWindows(const RangeSeries& series, size_t steps, F&& f) {
  for (size_t step = 0; step < steps; ++step) {
    const size_t floats = CountInWindow(series.floats, step);
    const size_t histograms = CountInWindow(series.histograms, step);
    if (floats + histograms > 0) f(step, floats, histograms);
  }
}

double Seconds(int64_t time_ms) { return static_cast<double>(time_ms) / 1000; }

arrow::Status Count(const CallContext&, const RangeSpec&, const RangeSeries& series,
                    SeriesWriter* out, Annotations*) {
  ForAnyWindows(series, out->steps(), [&](size_t step, size_t floats, size_t histograms) {
    out->SetFloat(step, static_cast<double>(floats + histograms));
  });
  return arrow::Status::OK();
}

arrow::Status Present(const CallContext&, const RangeSpec&, const RangeSeries& series,
                      SeriesWriter* out, Annotations*) {
  ForAnyWindows(series, out->steps(), [&](size_t step, size_t, size_t) { out->SetFloat(step, 1); });
  return arrow::Status::OK();
}

// The first or last sample of a window, of whatever kind; of equal times the histogram.
struct Chosen {
  int64_t time_ms = 0;
  size_t index = 0;
  bool is_float = false;
};

template <bool kLast>
Chosen Choose(const RangeSeries& series, size_t step, size_t float_count, size_t histogram_count) {
  const auto& floats = series.floats;
  const auto& histograms = series.histograms;
  Chosen chosen;
  if (float_count > 0) {
    chosen.index = kLast ? floats.end[step] - 1 : floats.begin[step];
    chosen.time_ms = floats.time_ms[chosen.index];
    chosen.is_float = true;
  }
  if (histogram_count > 0) {
    const size_t index = kLast ? histograms.end[step] - 1 : histograms.begin[step];
    const int64_t time_ms = histograms.time_ms[index];
    const bool nearer = kLast ? time_ms >= chosen.time_ms : time_ms <= chosen.time_ms;
    if (!chosen.is_float || nearer) chosen = {time_ms, index, false};
  }
  return chosen;
}

template <bool kLast>
arrow::Status EdgeValue(const CallContext&, const RangeSpec&, const RangeSeries& series,
                        SeriesWriter* out, Annotations*) {
  // A copy: the series' own histograms share their memory, and one would keep them all.
  const HistogramPtr* copied = nullptr;
  size_t copied_index = 0;
  ForAnyWindows(series, out->steps(), [&](size_t step, size_t floats, size_t histograms) {
    const Chosen chosen = Choose<kLast>(series, step, floats, histograms);
    if (chosen.is_float) {
      out->SetFloat(step, series.floats.value[chosen.index]);
    } else if (copied != nullptr && copied_index == chosen.index) {
      out->SetHistogram(step, *copied);
    } else {
      out->SetHistogram(step, model::FloatHistogram(*series.histograms.value[chosen.index]));
      copied = &out->row().histograms[step];
      copied_index = chosen.index;
    }
  });
  return arrow::Status::OK();
}

template <bool kLast>
arrow::Status EdgeTime(const CallContext&, const RangeSpec&, const RangeSeries& series,
                       SeriesWriter* out, Annotations*) {
  ForAnyWindows(series, out->steps(), [&](size_t step, size_t floats, size_t histograms) {
    out->SetFloat(step, Seconds(Choose<kLast>(series, step, floats, histograms).time_ms));
  });
  return arrow::Status::OK();
}

// Where the most extreme value of each window stands. Samples that a later one of the window
// outdoes can never be it again, so each sample is looked at about twice, however long windows are.
template <bool kMaximum, bool kLatest>
class ExtremeFinder {
 public:
  explicit ExtremeFinder(std::span<const double> values) : values_(values) {}

  // Windows must come with ascending ends. NaN counts only where there is nothing else: then it is
  // the last one.
  size_t Next(size_t begin, size_t end) {
    if (next_ < begin) {
      next_ = begin;
      candidates_.clear();
      first_ = 0;
    }
    for (; next_ < end; ++next_) Push(next_);
    while (first_ < candidates_.size() && candidates_[first_] < begin) ++first_;
    return first_ < candidates_.size() ? candidates_[first_] : end - 1;
  }

 private:
  void Push(size_t index) {
    const double value = values_[index];
    if (std::isnan(value)) return;
    while (candidates_.size() > first_ && Outdone(values_[candidates_.back()], value)) {
      candidates_.pop_back();
    }
    candidates_.push_back(static_cast<uint32_t>(index));
  }
  static bool Outdone(double old, double value) {
    if (kLatest && old == value) return true;
    return kMaximum ? old < value : old > value;
  }

  std::span<const double> values_;
  std::vector<uint32_t> candidates_;  // From first_: ascending, each less extreme than the last.
  size_t first_ = 0;
  size_t next_ = 0;
};

// Windows of up to so many samples on average are looked through one by one, several at once.
constexpr size_t kShortWindow = 64;

bool AreShort(const WindowedSamples<double>& floats) {
  const size_t steps = floats.begin.size();
  return CountInWindows(floats, 0, steps) <= kShortWindow * steps;
}

template <bool kMaximum>
void ExtremesOfShortWindows(const WindowedSamples<double>& floats, SeriesWriter* out) {
  double* const result = out->values();
  const ValueWindows windows{floats.value, floats.begin, floats.end};
  kMaximum ? MaximizeWindows(windows, result) : MinimizeWindows(windows, result);
  for (size_t step = 0; step < out->steps(); ++step) {
    const size_t begin = floats.begin[step];
    const size_t end = floats.end[step];
    if (begin == end || (std::isfinite(result[step]) && result[step] != 0)) continue;
    // Only NaN may be there, and the first of several zeros counts.
    ExtremeFinder<kMaximum, false> finder(floats.value);
    result[step] = floats.value[finder.Next(begin, end)];
  }
  MarkFilledWindows(floats, out);
}

template <bool kMaximum, bool kTime>
arrow::Status Extreme(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                      SeriesWriter* out, Annotations* annotations) {
  const WindowedSamples<double>& floats = series.floats;
  if (!kTime && !floats.empty() && AreShort(floats)) {
    ExtremesOfShortWindows<kMaximum>(floats, out);
  } else {
    // Of equal values the first one counts (0 and -0 differ), of times the last one.
    ExtremeFinder<kMaximum, kTime> finder(floats.value);
    ARROW_RETURN_NOT_OK(ForFloatWindows(call, series, out, [&](size_t, size_t begin, size_t end) {
      const size_t found = finder.Next(begin, end);
      return kTime ? Seconds(floats.time_ms[found]) : floats.value[found];
    }));
  }
  NoteIgnoredHistograms(series, out->steps(), RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "count_over_time", .range = &Count},
    {.name = "present_over_time", .range = &Present},
    {.name = "first_over_time", .range = &EdgeValue<false>, .keeps_name = true},
    {.name = "last_over_time", .range = &EdgeValue<true>, .keeps_name = true},
    {.name = "ts_of_first_over_time", .range = &EdgeTime<false>},
    {.name = "ts_of_last_over_time", .range = &EdgeTime<true>},
    {.name = "min_over_time", .range = &Extreme<false, false>},
    {.name = "max_over_time", .range = &Extreme<true, false>},
    {.name = "ts_of_min_over_time", .range = &Extreme<false, true>},
    {.name = "ts_of_max_over_time", .range = &Extreme<true, true>},
};

}  // namespace

std::span<const Function> SelectionFunctions() { return kFunctions; }

}  // namespace larnax::exec
