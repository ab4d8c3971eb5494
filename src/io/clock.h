#pragma once

#include <cstdint>

namespace larnax::io {

/// Where storage code gets the time. Safe to use from several threads.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock time in milliseconds since the Unix epoch; may jump.
  virtual int64_t NowMs() const = 0;
  /// Time that never goes back, from any start, in nanoseconds.
  virtual int64_t MonotonicNs() const = 0;
};

/// The machine's clock.
Clock& RealClock();

}  // namespace larnax::io
