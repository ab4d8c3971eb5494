#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "test/sim/simulation.h"

// larnax-sim: long campaigns of the simulator.
namespace {

using larnax::WalSync;
using larnax::sim::Simulation;
using larnax::sim::SimulationOptions;
using larnax::sim::Tally;

constexpr char kUsage[] =
    "Usage: larnax-sim --seeds FROM..TO [--steps N] [--faults LIST] [--wal-sync "
    "batch|interval|off]\n"
    "                  [--expect-batch] [--twice] [--verbose]\n"
    "  --faults LIST   all (default), none, or of: cuts,kills,errors,full,lying,flips,clock\n"
    "  --expect-batch  hold every sync mode to the promise of `batch`\n"
    "  --twice         run each seed twice and compare all that happened\n";

struct Arguments {
  uint64_t first = 1;
  uint64_t last = 0;
  bool twice = false;
  std::string faults = "all";
  SimulationOptions options;
};

bool ParseFaults(const std::string& text, larnax::sim::FaultSet* faults) {
  if (text == "all") return true;
  *faults = {false, false, false, false, false, false, false};
  if (text == "none") return true;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view name = std::string_view(text).substr(begin, end - begin);
    if (name == "cuts") {
      faults->power_cuts = true;
    } else if (name == "kills") {
      faults->kills = true;
    } else if (name == "errors") {
      faults->errors = true;
    } else if (name == "full") {
      faults->full_disk = true;
    } else if (name == "lying") {
      faults->lying_sync = true;
    } else if (name == "flips") {
      faults->bit_flips = true;
    } else if (name == "clock") {
      faults->clock_jumps = true;
    } else {
      return false;
    }
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
    if (name == "--expect-batch") {
      arguments->options.expect_batch = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
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

// Runs one seed; true when all was well.
bool RunSeed(const Arguments& arguments, uint64_t seed, Tally* total) {
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
    for (const auto& [name, count] : simulation.tally()) (*total)[name] += count;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  Tally total;
  uint64_t failed = 0;
  const std::clock_t start = std::clock();
  for (uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    if (!RunSeed(arguments, seed, &total)) ++failed;
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const auto count = static_cast<double>(arguments.last - arguments.first + 1);
  for (const auto& [name, number] : total) {
    std::printf("%12lld  %s\n", static_cast<long long>(number), name.c_str());
  }
  std::printf("%.0f seeds, %llu failed, %.1f ms of CPU each\n", count,
              static_cast<unsigned long long>(failed), seconds * 1000 / count);
  return failed == 0 ? 0 : 1;
}
