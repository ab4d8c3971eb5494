#pragma once

#include <atomic>
#include <cstdint>

#include "io/clock.h"

namespace larnax::io {

/// A clock that stands still until it is told to go. Safe to use from several threads.
class SimClock final : public Clock {
 public:
  explicit SimClock(int64_t start_ms = 1'700'000'000'000) : wall_offset_ms_(start_ms) {}

  int64_t NowMs() const override {
    return wall_offset_ms_.load() + monotonic_ns_.load() / 1'000'000;
  }
  int64_t MonotonicNs() const override { return monotonic_ns_.load(); }

  /// Let both clocks go on; not negative.
  void AdvanceNs(int64_t step_ns) { monotonic_ns_.fetch_add(step_ns); }
  void AdvanceMs(int64_t step_ms) { AdvanceNs(step_ms * 1'000'000); }

  /// Set the wall clock forward or back, as a time server would; the monotonic clock stays.
  void JumpWallMs(int64_t step_ms) { wall_offset_ms_.fetch_add(step_ms); }

 private:
  std::atomic<int64_t> wall_offset_ms_;
  std::atomic<int64_t> monotonic_ns_{0};
};

}  // namespace larnax::io
