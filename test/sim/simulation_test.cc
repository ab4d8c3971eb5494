#include "test/sim/simulation.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "test/matchers.h"

namespace larnax::sim {
namespace {

constexpr uint64_t kSeeds = 64;
// What a seed draws differs between compilers: where something rare has not come yet, more are
// tried.
constexpr uint64_t kMostSeeds = 400;
constexpr uint64_t kRepeatedSeeds = 20;
constexpr int kSteps = 90;

std::string Replay(uint64_t seed) {
  return "replay: larnax-sim --seeds " + std::to_string(seed) + " --steps " +
         std::to_string(kSteps) + " --verbose";
}

// Every kind of fault has to strike somewhere in the list: else it shows nothing.
constexpr const char* kKinds[] = {
    "bit flips",
    "bits flipped at rest",
    "clean restarts",
    "damage at rest at the end of the log",
    "damage at rest contained",
    "damage at rest refused by name",
    "clock jumps backward",
    "clock jumps forward",
    "deaths during recovery",
    "disk full errors",
    "failed creates",
    "failed lists",
    "failed mkdirs",
    "failed opens",
    "failed reads",
    "failed removes",
    "failed renames",
    "failed syncs",
    "failed truncates",
    "failed writes",
    "exemplars read",
    "files cut at rest",
    "files lost at rest",
    "flipped bits contained by reads",
    "flipped bits noticed by reads",
    "flushes that failed",
    "full disks",
    "indexes mended",
    "kills",
    "kills within an operation",
    "lying syncs",
    "merges",
    "merges that failed",
    "plain reads during changes",
    "power cuts",
    "power cuts within an operation",
    "read-only errors",
    "read-only opens",
    "reads across other work",
    "reads during changes",
    "recoveries checked",
    "sectors zeroed at rest",
    "short writes",
    "slow disks",
    "slow operations",
    "starts that ended with damage at rest",
    "unsynced entries kept",
    "unsynced entries lost",
    "unsynced entries reordered",
    "unsynced renames lost",
    "unsynced writes kept",
    "unsynced writes lost",
    "unsynced writes reordered",
    "unsynced writes scattered",
    "unsynced writes torn",
    "unsynced writes zeroed",
    "writes acknowledged",
    "writes during changes",
    "writes postponed",
    "writes refused",
    "writes refused: memory is full",
    "writes with exemplars",
    "writes with histograms",
};

// In each phase that changes the disk, the process has to end and calls have to fail.
constexpr Phase kPhases[] = {Phase::kLog, Phase::kFlush, Phase::kMerge, Phase::kManifest,
                             Phase::kRecovery};
constexpr const char* kErrors[] = {"failed creates", "failed syncs", "failed writes",
                                   "disk full errors", "read-only errors"};
constexpr const char* kReadErrors[] = {"failed lists", "failed opens", "failed reads"};

// What has struck so far.
struct Struck {
  Tally total;
  FaultTable faults;

  // Gives what has not come yet.
  std::vector<std::string> Missing() {
    std::vector<std::string> missing;
    const auto need = [&](bool came, std::string what) {
      if (!came) missing.push_back(std::move(what));
    };
    for (const char* kind : kKinds) need(total[kind] > 0, kind);
    const auto any_of = [&](std::span<const char* const> kinds, Phase phase) {
      return std::ranges::any_of(
          kinds, [&](const char* kind) { return faults[kind][static_cast<size_t>(phase)] > 0; });
    };
    for (const Phase phase : kPhases) {
      need(any_of(kErrors, phase), "errors in " + std::string(PhaseName(phase)));
      need(faults["ends of the process"][static_cast<size_t>(phase)] > 0,
           "ends of the process in " + std::string(PhaseName(phase)));
    }
    need(any_of(kReadErrors, Phase::kReading), "errors in reading");
    return missing;
  }
};

void RunSeed(uint64_t seed, Struck* struck) {
  std::set<uint64_t> hashes;
  for (int round = 0; round < (seed <= kRepeatedSeeds ? 2 : 1); ++round) {
    SimulationOptions options;
    options.seed = seed;
    options.steps = kSteps;
    Simulation simulation(options);
    ASSERT_OK(simulation.Run()) << "step " << simulation.step() << "\n" << Replay(seed);
    hashes.insert(simulation.trace_hash());
    for (const auto& [name, count] : simulation.tally()) struck->total[name] += count;
    for (const auto& [kind, phases] : simulation.faults()) {
      for (size_t i = 0; i < phases.size(); ++i) struck->faults[kind][i] += phases[i];
    }
  }
  ASSERT_EQ(hashes.size(), 1U) << "seed " << seed << " does not repeat itself";
}

TEST(Simulation, AShortListOfSeedsHoldsAndRepeatsItself) {
  Struck struck;
  for (uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    if (seed > kSeeds && struck.Missing().empty()) break;
    ASSERT_NO_FATAL_FAILURE(RunSeed(seed, &struck));
  }
  EXPECT_THAT(struck.Missing(), testing::IsEmpty());
}

// The simulator has to find code that forgets a call.
TEST(Simulation, ForgottenSyncsAreFound) {
  for (const ForgottenCall& call : std::initializer_list<ForgottenCall>{
           {"sync", "/wal/"}, {"sync", ".parquet"}, {"sync directory", "/date="}}) {
    bool is_found = false;
    for (uint64_t seed = 1; seed <= 60 && !is_found; ++seed) {
      SimulationOptions options;
      options.seed = seed;
      options.steps = kSteps;
      options.forgotten = call;
      Simulation simulation(options);
      is_found = !simulation.Run().ok();
    }
    EXPECT_TRUE(is_found) << call.kind << " of " << call.path_part;
  }
}

// Power cuts and nothing else, under a promise that only WalSync::kBatch makes.
int CountSeedsWithLoss(WalSync wal_sync) {
  int lossy = 0;
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    const FaultSet only_cuts{.power_cuts = true,
                             .kills = false,
                             .errors = false,
                             .full_disk = false,
                             .lying_sync = false,
                             .read_only_disk = false,
                             .slow_disk = false,
                             .bit_flips = false,
                             .clock_jumps = false};
    SimulationOptions options;
    options.seed = seed;
    options.steps = kSteps;
    options.faults = only_cuts;
    options.wal_sync = wal_sync;
    options.expect_batch = true;
    Simulation simulation(options);
    const arrow::Status status = simulation.Run();
    if (status.ok()) continue;
    EXPECT_THAT(status, test::HasMessage("lost")) << "seed " << seed;
    ++lossy;
  }
  return lossy;
}

TEST(Simulation, ALogThatIsNotSyncedIsCaughtLosingSamples) {
  EXPECT_GT(CountSeedsWithLoss(WalSync::kOff), 6);
}

TEST(Simulation, ALogThatIsSyncedLosesNothing) {
  EXPECT_EQ(CountSeedsWithLoss(WalSync::kBatch), 0);
}

}  // namespace
}  // namespace larnax::sim
