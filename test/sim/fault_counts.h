#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "io/sim_disk.h"

namespace larnax::sim {

/// What the archive was doing when a fault struck.
enum class Phase { kLog, kFlush, kMerge, kManifest, kRecovery, kReading, kIdle };
inline constexpr size_t kPhaseCount = 7;
std::string_view PhaseName(Phase phase);

/// How often each kind of fault struck, by phase.
using FaultTable = std::map<std::string, std::array<int64_t, kPhaseCount>>;

/// Counts faults by the phase in which they strike. Recovery and reading are told; everything else
/// is known by the path: the log and the manifest have folders of their own, and a file or folder
/// in the making shows by its name whether a flush or a merge makes it.
class FaultCounts {
 public:
  void set_recovering(bool is_recovering) { is_recovering_ = is_recovering; }
  /// \return What it was before.
  bool set_reading(bool is_reading) {
    const bool before = is_reading_;
    is_reading_ = is_reading;
    return before;
  }
  /// Say what the process was doing when it ended; kIdle: nothing.
  void set_last_phase(Phase phase) { last_phase_ = phase; }

  Phase PhaseOf(const std::string& path);
  /// The counters for what befalls a path; "/" is the process as a whole.
  io::SimCounters& Of(const std::string& path) {
    return counters_[static_cast<size_t>(path == "/" ? last_phase_ : PhaseOf(path))];
  }
  void Count(const std::string& kind, Phase phase) { ++counts_[kind][static_cast<size_t>(phase)]; }
  FaultTable table() const;

 private:
  std::array<io::SimCounters, kPhaseCount> counters_;
  FaultTable counts_;
  bool is_recovering_ = false;
  bool is_reading_ = false;
  Phase last_phase_ = Phase::kIdle;
  Phase work_ = Phase::kFlush;  // The last that a path has shown.
};

}  // namespace larnax::sim
