#include "test/sim/fault_counts.h"

namespace larnax::sim {
namespace {

struct Kind {
  const char* name;
  int64_t io::SimCounters::* count;
};
constexpr Kind kKinds[] = {
    {"power cuts", &io::SimCounters::crashes},
    {"kills", &io::SimCounters::kills},
    {"unsynced writes kept", &io::SimCounters::kept_writes},
    {"unsynced writes lost", &io::SimCounters::lost_writes},
    {"unsynced writes torn", &io::SimCounters::torn_writes},
    {"unsynced writes scattered", &io::SimCounters::scattered_writes},
    {"unsynced writes zeroed", &io::SimCounters::zeroed_writes},
    {"unsynced writes reordered", &io::SimCounters::reordered_writes},
    {"unsynced entries kept", &io::SimCounters::kept_entry_changes},
    {"unsynced entries lost", &io::SimCounters::lost_entry_changes},
    {"unsynced entries reordered", &io::SimCounters::reordered_entry_changes},
    {"unsynced renames lost", &io::SimCounters::lost_renames},
    {"failed writes", &io::SimCounters::failed_writes},
    {"short writes", &io::SimCounters::short_writes},
    {"failed syncs", &io::SimCounters::failed_syncs},
    {"failed creates", &io::SimCounters::failed_creates},
    {"failed renames", &io::SimCounters::failed_renames},
    {"failed truncates", &io::SimCounters::failed_truncates},
    {"failed reads", &io::SimCounters::failed_reads},
    {"failed opens", &io::SimCounters::failed_opens},
    {"failed lists", &io::SimCounters::failed_lists},
    {"failed mkdirs", &io::SimCounters::failed_make_directories},
    {"failed removes", &io::SimCounters::failed_removes},
    {"disk full errors", &io::SimCounters::disk_full_errors},
    {"read-only errors", &io::SimCounters::read_only_errors},
    {"lying syncs", &io::SimCounters::lying_syncs},
    {"slow operations", &io::SimCounters::slow_operations},
    {"bit flips", &io::SimCounters::bit_flips},
};

// Tells whether the name of a data file, `s<first>-<last>-...`, spans more than one sequence: then
// a merge made it.
bool IsMerged(std::string_view name) {
  constexpr size_t kDigits = 10;
  return name.size() > 2 * kDigits + 2 &&
         name.substr(1, kDigits) != name.substr(kDigits + 2, kDigits);
}

}  // namespace

std::string_view PhaseName(Phase phase) {
  constexpr std::string_view kNames[kPhaseCount] = {"log",      "flush",   "merge", "manifest",
                                                    "recovery", "reading", "idle"};
  return kNames[static_cast<size_t>(phase)];
}

Phase FaultCounts::PhaseOf(const std::string& path) {
  if (is_recovering_) return Phase::kRecovery;
  if (is_reading_) return Phase::kReading;
  const auto has = [&](std::string_view part) { return path.find(part) != std::string::npos; };
  if (has("/wal/")) return Phase::kLog;
  if (has("/manifest/") || path.ends_with("/manifest")) return Phase::kManifest;
  if (has("/staging/day-")) {
    work_ = Phase::kMerge;
  } else if (has("/staging/s0") || has("/retired/s0")) {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    work_ = has("/retired/") || IsMerged(name) ? Phase::kMerge : Phase::kFlush;
  }
  return work_;
}

FaultTable FaultCounts::table() const {
  FaultTable table = counts_;
  for (const Kind& kind : kKinds) {
    auto& row = table[kind.name];
    for (size_t phase = 0; phase < kPhaseCount; ++phase) row[phase] += counters_[phase].*kind.count;
  }
  return table;
}

}  // namespace larnax::sim
