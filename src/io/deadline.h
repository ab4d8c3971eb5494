#pragma once

#include <cstdint>
#include <limits>

#include "io/clock.h"

namespace larnax::io {

/// The deadline of what may take any time.
inline constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();

/// When, by Clock::MonotonicNs, something ends that may take `timeout_ms` from now; kNoDeadline for
/// 0 and below, and for timeouts that end beyond what the clock can tell.
inline int64_t DeadlineNs(int64_t timeout_ms, const Clock& clock) {
  constexpr int64_t kNsPerMs = 1'000'000;
  const int64_t now_ns = clock.MonotonicNs();
  if (timeout_ms <= 0 || timeout_ms > (kNoDeadline - now_ns) / kNsPerMs) return kNoDeadline;
  return now_ns + timeout_ms * kNsPerMs;
}

}  // namespace larnax::io
