#include <cmath>
#include <vector>

#include "exec/functions/function_lists.h"
#include "exec/functions/range/start_times.h"
#include "exec/sample_windows.h"

namespace larnax::exec {
namespace {

// A sample of either kind, in the order of time over both.
struct AnySample {
  int64_t time_ms = 0;
  int64_t start_ms = 0;
  double value = 0;
  const model::FloatHistogram* histogram = nullptr;
};

bool Changed(double before, double value) {
  return value != before && !(std::isnan(value) && std::isnan(before));
}

// What `changes` counts.
struct ChangeRule {
  static bool Between(double before, double value) { return Changed(before, value); }
  static bool Between(const AnySample& before, const AnySample& sample) {
    if ((before.histogram == nullptr) != (sample.histogram == nullptr)) return true;
    if (sample.histogram == nullptr) return Changed(before.value, sample.value);
    return !sample.histogram->Equals(*before.histogram);
  }
  static constexpr bool kUsesStarts = false;
};

// What `resets` counts.
struct ResetRule {
  static bool Between(double before, double value) { return value < before; }
  static bool Between(const AnySample& before, const AnySample& sample) {
    if ((before.histogram == nullptr) != (sample.histogram == nullptr)) return true;
    if (IsStartReset(before.start_ms, before.time_ms, sample.start_ms, sample.time_ms)) return true;
    if (sample.histogram == nullptr) return sample.value < before.value;
    return sample.histogram->DetectReset(*before.histogram);
  }
  static constexpr bool kUsesStarts = true;
};

// Events up to each sample, so that those inside any window are one difference.
using Prefix = std::vector<uint32_t>;

double CountInside(const Prefix& prefix, size_t begin, size_t end) {
  return static_cast<double>(prefix[end - 1] - prefix[begin]);
}

template <typename Rule>
Prefix CountFloats(std::span<const double> values) {
  Prefix prefix(values.size());
  uint32_t count = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    count += Rule::Between(values[i - 1], values[i]) ? 1 : 0;
    prefix[i] = count;
  }
  return prefix;
}

// Samples of both kinds, those that come first of equal times being floats.
std::vector<AnySample> Merge(const RangeSeries& series) {
  std::vector<AnySample> merged;
  const auto& floats = series.floats;
  const auto& histograms = series.histograms;
  merged.reserve(floats.value.size() + histograms.value.size());
  size_t f = 0;
  size_t h = 0;
  while (f < floats.value.size() || h < histograms.value.size()) {
    AnySample sample;
    if (h == histograms.value.size() ||
        (f < floats.value.size() && floats.time_ms[f] <= histograms.time_ms[h])) {
      sample.time_ms = floats.time_ms[f];
      sample.start_ms = floats.start_ms.empty() ? 0 : floats.start_ms[f];
      sample.value = floats.value[f++];
    } else {
      sample.time_ms = histograms.time_ms[h];
      sample.start_ms = histograms.start_ms.empty() ? 0 : histograms.start_ms[h];
      sample.histogram = histograms.value[h++].get();
    }
    merged.push_back(sample);
  }
  return merged;
}

// Counts in all windows. Under `anchored` a window also has the newest sample not after its start,
// from within the lookback, but is empty if it has only that.
template <typename TimeAt>
void WriteCounts(const RangeSpec& spec, const Prefix& prefix, size_t size, TimeAt time_at,
                 SeriesWriter* out) {
  size_t begin = 0;
  size_t end = 0;
  for (size_t step = 0; step < out->steps(); ++step) {
    const int64_t end_ms = spec.RefTime(step);
    const int64_t start_ms = Before(end_ms, spec.range_ms);
    while (begin < size && time_at(begin) <= start_ms) ++begin;
    while (end < size && time_at(end) <= end_ms) ++end;
    if (begin >= end) continue;
    const bool anchor =
        spec.anchored && begin > 0 && time_at(begin - 1) > Before(start_ms, spec.lookback_ms);
    out->SetFloat(step, CountInside(prefix, anchor ? begin - 1 : begin, end));
  }
}

template <typename Rule>
arrow::Status CountEvents(const CallContext&, const RangeSpec& spec, const RangeSeries& series,
                          SeriesWriter* out, Annotations*) {
  const auto& floats = series.floats;
  const bool starts = Rule::kUsesStarts && !floats.start_ms.empty();
  if (!series.histograms.empty() || starts) {
    const std::vector<AnySample> merged = Merge(series);
    Prefix prefix(merged.size());
    for (size_t i = 1; i < merged.size(); ++i) {
      prefix[i] = prefix[i - 1] + (Rule::Between(merged[i - 1], merged[i]) ? 1 : 0);
    }
    WriteCounts(spec, prefix, merged.size(), [&](size_t i) { return merged[i].time_ms; }, out);
  } else if (spec.anchored) {
    const Prefix prefix = CountFloats<Rule>(floats.value);
    WriteCounts(
        spec, prefix, floats.value.size(), [&](size_t i) { return floats.time_ms[i]; }, out);
  } else if (!floats.empty()) {
    const Prefix prefix = CountFloats<Rule>(floats.value);
    for (size_t step = 0; step < out->steps(); ++step) {
      const size_t begin = floats.begin[step];
      const size_t end = floats.end[step];
      if (begin < end) out->SetFloat(step, CountInside(prefix, begin, end));
    }
  }
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "changes", .range = &CountEvents<ChangeRule>},
    {.name = "resets", .range = &CountEvents<ResetRule>},
};

}  // namespace

std::span<const Function> ChangeFunctions() { return kFunctions; }

}  // namespace larnax::exec
