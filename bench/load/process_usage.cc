#include "bench/load/process_usage.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace larnax::load {

arrow::Result<ProcessUsage> ReadProcessUsage(int64_t pid) {
  const std::string folder = "/proc/" + (pid == 0 ? std::string("self") : std::to_string(pid));
  std::ifstream stat(folder + "/stat");
  std::stringstream text;
  text << stat.rdbuf();
  const std::string line = text.str();
  // The second field, the name in parentheses, may hold blanks and parentheses.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) {
    return arrow::Status::IOError("cannot read the usage of a process: pid=", pid);
  }
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  constexpr int kFieldsBeforeTimes = 11;
  for (int i = 0; i < kFieldsBeforeTimes; ++i) fields >> skipped;
  double user_ticks = 0;
  double system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessUsage usage;
  usage.user_seconds = user_ticks / ticks_per_second;
  usage.system_seconds = system_ticks / ticks_per_second;

  std::ifstream status(folder + "/status");
  constexpr int64_t kKib = 1024;
  for (std::string name; status >> name;) {
    int64_t value = 0;
    if (name == "VmHWM:" && status >> value) usage.peak_resident_bytes = value * kKib;
    if (name == "VmRSS:" && status >> value) usage.resident_bytes = value * kKib;
    std::getline(status, skipped);
  }
  return usage;
}

}  // namespace larnax::load
