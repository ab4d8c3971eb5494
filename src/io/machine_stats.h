#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace larnax::io {

/// What this process uses, as the operating system counts it; zeros where it does not say.
struct ProcessStats {
  double cpu_seconds = 0;  ///< User and system.
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int64_t open_files = 0;
  int64_t max_files = 0;
  int64_t threads = 0;
  double start_time_seconds = 0;  ///< Since the Unix epoch.
};
ProcessStats ReadProcessStats();

/// What the machine is doing; Linux only.
struct MachineStats {
  bool available = false;  ///< False where the operating system does not tell; the rest is empty.
  double load1 = 0;
  double load5 = 0;
  double load15 = 0;
  int64_t memory_total_bytes = 0;
  int64_t memory_available_bytes = 0;
  std::vector<std::pair<std::string, double>> cpu_seconds;  ///< By mode: `user`, `idle`, ...
};
MachineStats ReadMachineStats();

}  // namespace larnax::io
