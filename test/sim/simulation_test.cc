#include "test/sim/simulation.h"

#include <string>

#include "test/matchers.h"

namespace larnax::sim {
namespace {

constexpr uint64_t kSeeds = 32;
constexpr int kSteps = 90;

std::string Replay(uint64_t seed) {
  return "replay: larnax-sim --seeds " + std::to_string(seed) + " --steps " +
         std::to_string(kSteps) + " --verbose";
}

// Every kind of fault has to strike somewhere in the list: else it shows nothing.
constexpr const char* kKinds[] = {
    "bit flips",
    "clean restarts",
    "clock jumps backward",
    "clock jumps forward",
    "deaths during recovery",
    "disk full errors",
    "failed creates",
    "failed reads",
    "failed renames",
    "failed syncs",
    "failed writes",
    "exemplars read",
    "flipped bits contained by reads",
    "flipped bits noticed by reads",
    "flushes that failed",
    "kills",
    "kills within an operation",
    "lying syncs",
    "merges",
    "merges that failed",
    "plain reads during changes",
    "power cuts",
    "power cuts within an operation",
    "read-only opens",
    "reads across other work",
    "reads during changes",
    "recoveries checked",
    "short writes",
    "slow operations",
    "unsynced entries kept",
    "unsynced entries lost",
    "unsynced entries reordered",
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
    "writes with exemplars",
    "writes with histograms",
};

TEST(Simulation, AShortListOfSeedsHoldsAndRepeatsItself) {
  Tally total;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    uint64_t hashes[2];
    for (uint64_t& hash : hashes) {
      SimulationOptions options;
      options.seed = seed;
      options.steps = kSteps;
      Simulation simulation(options);
      ASSERT_OK(simulation.Run()) << "step " << simulation.step() << "\n" << Replay(seed);
      hash = simulation.trace_hash();
      for (const auto& [name, count] : simulation.tally()) total[name] += count;
    }
    ASSERT_EQ(hashes[0], hashes[1]) << "seed " << seed << " does not repeat itself";
  }
  for (const char* kind : kKinds) EXPECT_GT(total[kind], 0) << kind;
}

// Power cuts and nothing else, under a promise that only WalSync::kBatch makes.
int CountSeedsWithLoss(WalSync wal_sync) {
  int lossy = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const FaultSet only_cuts{.power_cuts = true,
                             .kills = false,
                             .errors = false,
                             .full_disk = false,
                             .lying_sync = false,
                             .bit_flips = false,
                             .clock_jumps = false};
    Simulation simulation({.seed = seed,
                           .steps = kSteps,
                           .faults = only_cuts,
                           .wal_sync = wal_sync,
                           .expect_batch = true});
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
