#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "test/sim/simulation.h"

// larnax-sim: long campaigns of the simulator.
namespace {

using larnax::WalSync;
using larnax::sim::FaultSet;
using larnax::sim::FaultTable;
using larnax::sim::Simulation;
using larnax::sim::SimulationOptions;
using larnax::sim::Tally;

constexpr char kUsage[] =
    "Usage: larnax-sim --seeds FROM..TO [--steps N] [--faults LIST] [--wal-sync "
    "batch|interval|off]\n"
    "                  [--expect-batch] [--twice] [--verbose]\n"
    "  --faults LIST   all (default), none, or of:\n"
    "                  cuts,kills,errors,full,readonly,slow,lying,flips,clock\n"
    "  --expect-batch  hold every sync mode to the promise of `batch`\n"
    "  --twice         run each seed twice and compare all that happened\n"
    "  --forget C:P    let the code forget calls C (`sync`, `sync directory`, `rewrite`,\n"
    "                  `truncate`, `remove`) on paths that hold P: failures must be found\n"
    "  --calls         print also each call that changes the disk\n"
    "  --times         print what each seed costs\n";

struct Arguments {
  uint64_t first = 1;
  uint64_t last = 0;
  bool twice = false;
  bool times = false;
  std::string faults = "all";
  SimulationOptions options;
};

bool ParseFaults(const std::string& text, FaultSet* faults) {
  struct Name {
    std::string_view name;
    bool FaultSet::* is_drawn;
  };
  constexpr Name kNames[] = {
      {"cuts", &FaultSet::power_cuts},         {"kills", &FaultSet::kills},
      {"errors", &FaultSet::errors},           {"full", &FaultSet::full_disk},
      {"readonly", &FaultSet::read_only_disk}, {"slow", &FaultSet::slow_disk},
      {"lying", &FaultSet::lying_sync},        {"flips", &FaultSet::bit_flips},
      {"clock", &FaultSet::clock_jumps},
  };
  if (text == "all") return true;
  for (const Name& each : kNames) faults->*each.is_drawn = false;
  if (text == "none") return true;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view name = std::string_view(text).substr(begin, end - begin);
    const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                     [&](const Name& each) { return each.name == name; });
    if (found == std::end(kNames)) return false;
    faults->*found->is_drawn = true;
    begin = end + 1;
  }
  return true;
}

bool Parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--verbose") {
      arguments->options.verbose = true;
      continue;
    }
    if (name == "--twice") {
      arguments->twice = true;
      continue;
    }
    if (name == "--calls") {
      arguments->options.verbose = arguments->options.prints_calls = true;
      continue;
    }
    if (name == "--times") {
      arguments->times = true;
      continue;
    }
    if (name == "--expect-batch") {
      arguments->options.expect_batch = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    if (name == "--forget") {
      const size_t colon = value.find(':');
      if (colon == std::string::npos) return false;
      arguments->options.forgotten = {value.substr(0, colon), value.substr(colon + 1)};
      continue;
    }
    if (name == "--seeds") {
      const size_t dots = value.find("..");
      arguments->first = std::strtoull(value.c_str(), nullptr, 10);
      arguments->last = dots == std::string::npos
                            ? arguments->first
                            : std::strtoull(value.c_str() + dots + 2, nullptr, 10);
    } else if (name == "--steps") {
      arguments->options.steps = std::atoi(value.c_str());
    } else if (name == "--faults") {
      arguments->faults = value;
      if (!ParseFaults(value, &arguments->options.faults)) return false;
    } else if (name == "--wal-sync" && value == "batch") {
      arguments->options.wal_sync = WalSync::kBatch;
    } else if (name == "--wal-sync" && value == "interval") {
      arguments->options.wal_sync = WalSync::kInterval;
    } else if (name == "--wal-sync" && value == "off") {
      arguments->options.wal_sync = WalSync::kOff;
    } else {
      return false;
    }
  }
  return arguments->first <= arguments->last;
}

struct Total {
  Tally tally;
  FaultTable faults;
};

// Runs one seed; true when all was well.
bool RunSeed(const Arguments& arguments, uint64_t seed, Total* total) {
  SimulationOptions options = arguments.options;
  options.seed = seed;
  uint64_t hash = 0;
  for (int round = 0; round < (arguments.twice ? 2 : 1); ++round) {
    Simulation simulation(options);
    arrow::Status status = simulation.Run();
    if (round == 1 && status.ok() && simulation.trace_hash() != hash) {
      status = arrow::Status::Invalid("the seed does not repeat itself");
    }
    if (!status.ok()) {
      std::printf(
          "FAILED seed=%llu step=%d: %s\n  replay: larnax-sim --seeds %llu --steps %d "
          "--faults %s --verbose\n",
          static_cast<unsigned long long>(seed), simulation.step(), status.message().c_str(),
          static_cast<unsigned long long>(seed), options.steps, arguments.faults.c_str());
      std::fflush(stdout);
      return false;
    }
    hash = simulation.trace_hash();
    for (const auto& [name, count] : simulation.tally()) total->tally[name] += count;
    for (const auto& [kind, phases] : simulation.faults()) {
      auto& row = total->faults[kind];
      for (size_t i = 0; i < row.size(); ++i) row[i] += phases[i];
    }
  }
  return true;
}

void Print(const Total& total) {
  for (const auto& [name, number] : total.tally) {
    if (total.faults.contains(name)) continue;
    std::printf("%12lld  %s\n", static_cast<long long>(number), name.c_str());
  }
  std::printf("\n%-32s", "faults struck in");
  for (size_t i = 0; i < larnax::sim::kPhaseCount; ++i) {
    std::printf("%10s", std::string(PhaseName(static_cast<larnax::sim::Phase>(i))).c_str());
  }
  std::printf("\n");
  for (const auto& [kind, phases] : total.faults) {
    std::printf("%-32s", kind.c_str());
    for (const int64_t count : phases) std::printf("%10lld", static_cast<long long>(count));
    std::printf("\n");
  }
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
#if defined(__GLIBC__)
  // A life takes and gives back much memory: keep it.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
  Total total;
  uint64_t failed = 0;
  for (uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    const double start = CpuSeconds();
    if (!RunSeed(arguments, seed, &total)) ++failed;
    if (arguments.times) {
      std::printf("%llu: %.0f ms\n", static_cast<unsigned long long>(seed),
                  (CpuSeconds() - start) * 1000);
    }
  }
  Print(total);
  const auto count = static_cast<double>(arguments.last - arguments.first + 1);
  std::printf("\n%.0f seeds, %llu failed, %.1f ms of CPU each\n", count,
              static_cast<unsigned long long>(failed), CpuSeconds() * 1000 / count);
  return failed == 0 ? 0 : 1;
}
