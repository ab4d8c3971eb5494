#include "io/machine_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace larnax::io {
namespace {

double SecondsPerTick() {
  const long ticks = sysconf(_SC_CLK_TCK);
  return ticks > 0 ? 1.0 / static_cast<double>(ticks) : 0.01;
}

// Value of a line `key: 123 kB`, in bytes; 0 where there is no such line.
int64_t KilobytesOf(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key + ":", 0) != 0) continue;
    return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

double BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("btime ", 0) == 0) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

// Fields of /proc/self/stat after the command's name, which may hold anything but ')'.
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::stringstream text;
  text << file.rdbuf();
  const std::string content = text.str();
  std::vector<std::string> fields;
  const size_t close = content.rfind(')');
  if (close == std::string::npos) return fields;
  std::istringstream rest(content.substr(close + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

int64_t CountOpenFiles() {
  std::error_code error;
  int64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_files = static_cast<int64_t>(limit.rlim_cur);
  stats.resident_bytes = KilobytesOf("/proc/self/status", "VmRSS");
  stats.virtual_bytes = KilobytesOf("/proc/self/status", "VmSize");
  stats.open_files = CountOpenFiles();
  // Fields are numbered from 3 on here: see proc(5).
  const std::vector<std::string> fields = StatFields();
  if (fields.size() > 19) {
    stats.threads = std::strtoll(fields[17].c_str(), nullptr, 10);
    stats.start_time_seconds =
        BootTimeSeconds() + std::strtod(fields[19].c_str(), nullptr) * SecondsPerTick();
  }
  return stats;
}

MachineStats ReadMachineStats() {
  MachineStats stats;
  std::ifstream load("/proc/loadavg");
  if (!(load >> stats.load1 >> stats.load5 >> stats.load15)) return stats;
  stats.available = true;
  stats.memory_total_bytes = KilobytesOf("/proc/meminfo", "MemTotal");
  stats.memory_available_bytes = KilobytesOf("/proc/meminfo", "MemAvailable");
  std::ifstream cpu("/proc/stat");
  std::string name;
  cpu >> name;  // The first line sums all processors.
  constexpr std::array kModes = {"user",   "nice", "system",  "idle",
                                 "iowait", "irq",  "softirq", "steal"};
  for (const char* mode : kModes) {
    double ticks = 0;
    if (!(cpu >> ticks)) break;
    stats.cpu_seconds.emplace_back(mode, ticks * SecondsPerTick());
  }
  return stats;
}

}  // namespace larnax::io
