#include "store/read/kind_merge.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "store/read/part_merge.h"

namespace larnax::store {
namespace {

struct Candidate {
  const HistogramSample* sample;
  int64_t precedence;
};

// Of each time the sample of the last part.
std::vector<Candidate> LastOfEachTime(std::span<const HistogramPart> parts) {
  std::vector<Candidate> all;
  bool is_sorted = true;
  for (const HistogramPart& part : parts) {
    for (const HistogramSample& sample : part.samples) {
      is_sorted &= all.empty() || all.back().sample->time_ms < sample.time_ms;
      all.push_back({&sample, part.precedence});
    }
  }
  if (is_sorted) return all;
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.sample->time_ms < b.sample->time_ms;
  });
  size_t kept = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i + 1 < all.size() && all[i + 1].sample->time_ms == all[i].sample->time_ms) continue;
    all[kept++] = all[i];
  }
  all.resize(kept);
  return all;
}

// Precedence of the float sample that counts among the floats of a time; nullopt: there is none.
std::optional<int64_t> FindFloat(std::span<const PartSamples> parts,
                                 std::span<const int64_t> precedence, int64_t time_ms) {
  for (size_t i = parts.size(); i-- > 0;) {
    const auto& times = parts[i].time_ms;
    if (std::binary_search(times.begin(), times.end(), time_ms)) return precedence[i];
  }
  return std::nullopt;
}

}  // namespace

void MergeKinds(std::span<const PartSamples> floats, std::span<const int64_t> float_precedence,
                std::span<const HistogramPart> histograms, MergedSeries* out) {
  LARNAX_DCHECK(floats.size() == float_precedence.size());
  MergeParts(floats, &out->floats);
  out->histograms.clear();
  std::vector<int64_t> replaced;  // Times of floats that lose.
  for (const Candidate& candidate : LastOfEachTime(histograms)) {
    const int64_t time_ms = candidate.sample->time_ms;
    const auto other = FindFloat(floats, float_precedence, time_ms);
    if (other && *other > candidate.precedence) continue;
    if (other) replaced.push_back(time_ms);
    out->histograms.push_back(*candidate.sample);
  }
  if (!replaced.empty()) out->floats.Remove(replaced);
}

}  // namespace larnax::store
