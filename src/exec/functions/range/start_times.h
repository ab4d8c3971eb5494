#pragma once

#include <cstdint>

namespace larnax::exec {

/// Tell whether the start time of a sample says that its counter began anew after the sample
/// before. Unknown start times are 0.
///
/// A start at the previous sample is a reset only for deltas, whose samples all have a start: a
/// first sample that starts at its own time, or later, has an unknown one.
constexpr bool IsStartReset(int64_t previous_start_ms, int64_t previous_ms, int64_t start_ms,
                            int64_t time_ms) {
  if (start_ms == 0 || start_ms >= time_ms || start_ms < previous_ms) return false;
  if (start_ms > previous_ms) return true;
  return previous_start_ms != 0 && previous_start_ms < previous_ms;
}

/// Tell whether a sample claims to have started before the one before it, and unlike it.
constexpr bool StartOverlaps(int64_t previous_start_ms, int64_t previous_ms, int64_t start_ms) {
  return start_ms != 0 && start_ms < previous_ms && start_ms != previous_start_ms;
}

}  // namespace larnax::exec
