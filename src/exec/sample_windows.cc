#include "exec/sample_windows.h"

#include <limits>

#include "exec/step_loops.h"

namespace larnax::exec {

int64_t Before(int64_t time_ms, int64_t span_ms) {
  int64_t result = 0;
  return __builtin_sub_overflow(time_ms, span_ms, &result) ? std::numeric_limits<int64_t>::min()
                                                           : result;
}

int64_t After(int64_t time_ms, int64_t span_ms) {
  int64_t result = 0;
  return __builtin_add_overflow(time_ms, span_ms, &result) ? std::numeric_limits<int64_t>::max()
                                                           : result;
}

void RangeWindows::Find(std::span<const int64_t> time_ms, const RefTimes& refs, int64_t range_ms) {
  begin.resize(refs.count);
  end.resize(refs.count);
  samples = 0;
  derived = nullptr;
  const auto size = static_cast<uint32_t>(time_ms.size());
  uint32_t first = 0;
  uint32_t past = 0;
  for (size_t step = 0; step < refs.count; ++step) {
    const int64_t ref_ms = refs.At(step);
    const int64_t after_ms = Before(ref_ms, range_ms);
    while (past < size && time_ms[past] <= ref_ms) ++past;
    while (first < past && time_ms[first] <= after_ms) ++first;
    begin[step] = first;
    end[step] = past;
    samples += past - first;
  }
}

void InstantWindows::Find(std::span<const int64_t> time_ms, const RefTimes& refs,
                          int64_t lookback_ms) {
  index.resize(refs.count);
  present.assign(PresenceWordCount(refs.count), 0);
  samples = 0;
  const auto size = static_cast<uint32_t>(time_ms.size());
  uint32_t past = 0;
  if (refs.count == 1) {
    // One step of many samples: search instead of walking.
    const int64_t ref_ms = refs.first_ms;
    uint32_t high = size;
    while (past < high) {
      const uint32_t middle = past + (high - past) / 2;
      if (time_ms[middle] <= ref_ms) {
        past = middle + 1;
      } else {
        high = middle;
      }
    }
  }
  for (size_t step = 0; step < refs.count; ++step) {
    const int64_t ref_ms = refs.At(step);
    while (past < size && time_ms[past] <= ref_ms) ++past;
    if (past == 0 || time_ms[past - 1] <= Before(ref_ms, lookback_ms)) {
      index[step] = kNone;
      continue;
    }
    index[step] = past - 1;
    SetPresent(present.data(), step);
    ++samples;
  }
}

bool HasStaleMarkers(std::span<const double> values) { return AnyHasBits(values, kStaleBits); }

}  // namespace larnax::exec
