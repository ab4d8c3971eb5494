#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "exec/types.h"
#include "larnax/samples.h"

namespace larnax::exec {

/// A span before a time, and after it; the first, or last, time there is where that lies outside.
int64_t Before(int64_t time_ms, int64_t span_ms);
int64_t After(int64_t time_ms, int64_t span_ms);

/// Reference times of the steps of a grid, offset and `@` applied.
struct RefTimes {
  int64_t first_ms = 0;
  int64_t step_ms = 0;  ///< 0 under `@`.
  size_t count = 1;

  int64_t At(size_t step) const { return first_ms + static_cast<int64_t>(step) * step_ms; }
  int64_t last_ms() const { return count == 0 ? first_ms : At(count - 1); }
};

/// Which samples of a series the windows (ref - range, ref] of all steps hold.
struct RangeWindows {
  std::vector<uint32_t> begin;  ///< Shape [steps].
  std::vector<uint32_t> end;    ///< Shape [steps].
  int64_t samples = 0;          ///< In all windows, repeats counted.
  /// What a kernel derived from them; see WindowedSamples.
  mutable std::shared_ptr<const void> derived;

  /// \param time_ms  Ascending.
  void Find(std::span<const int64_t> time_ms, const RefTimes& refs, int64_t range_ms);
};

/// Which sample of a series stands for it at each step: the newest in (ref - lookback, ref].
struct InstantWindows {
  static constexpr uint32_t kNone = UINT32_MAX;

  std::vector<uint32_t> index;        ///< Shape [steps]; kNone: there is none.
  std::vector<PresenceWord> present;  ///< Shape [PresenceWordCount(steps)].
  int64_t samples = 0;                ///< Steps that have one.

  void Find(std::span<const int64_t> time_ms, const RefTimes& refs, int64_t lookback_ms);
};

/// Windows of the last few vectors of times that were asked for: series that were scraped together
/// share one, and come one after the other. Not synchronized.
template <typename Windows>
class WindowCache {
 public:
  WindowCache(const RefTimes& refs, int64_t range_ms) : refs_(refs), range_ms_(range_ms) {}

  /// Valid until the next call.
  const Windows& Find(const std::shared_ptr<const TimestampVector>& time_ms) {
    for (Entry& entry : entries_) {
      if (entry.times == time_ms) return entry.windows;
    }
    Entry& entry = entries_[next_];
    next_ = (next_ + 1) % kEntries;
    entry.times = time_ms;
    entry.windows.Find(*time_ms, refs_, range_ms_);
    return entry.windows;
  }

 private:
  static constexpr size_t kEntries = 4;
  struct Entry {
    std::shared_ptr<const TimestampVector> times;
    Windows windows;
  };
  RefTimes refs_;
  int64_t range_ms_;
  Entry entries_[kEntries];
  size_t next_ = 0;
};

/// Tell whether any value is a stale marker.
bool HasStaleMarkers(std::span<const double> values);
/// Tell whether a value is a stale marker.
inline bool IsStaleMarker(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

}  // namespace larnax::exec
