#include "cli/serve/startup_pages.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace larnax::cli {
namespace {

struct Mapping {
  uintptr_t begin = 0;
  uintptr_t end = 0;
};

// The first line of a mapping: `55d0-55e0 r-xp 00001000 fe:00 1234   /usr/bin/larnax`.
struct Head {
  Mapping mapping;
  bool is_fixed_file = false;  // Private, and cannot be written.
};

// None for other lines.
std::optional<Head> ReadHead(const std::string& line) {
  Head head;
  char permissions[5] = {};
  if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &head.mapping.begin,
                  &head.mapping.end, permissions) != 3) {
    return std::nullopt;
  }
  head.is_fixed_file = line.find(" /") != std::string::npos && permissions[0] == 'r' &&
                       permissions[1] == '-' && permissions[3] == 'p';
  return head;
}

// Mappings of files that cannot be written and of which no page ever was: the linker's and other
// writers' pages (relocations, breakpoints, code that was moved) are anonymous.
std::vector<Mapping> FileMappings() {
  std::vector<Mapping> found;
  std::ifstream lines("/proc/self/smaps");
  Head head;
  for (std::string line; std::getline(lines, line);) {
    if (const auto next = ReadHead(line)) {
      head = *next;
      continue;
    }
    uint64_t anonymous_kib = 0;
    if (std::sscanf(line.c_str(), "Anonymous: %" SCNu64 " kB", &anonymous_kib) != 1) continue;
    if (head.is_fixed_file && anonymous_kib == 0) found.push_back(head.mapping);
  }
  return found;
}

}  // namespace

void ReleaseStartupPages() {
  for (const Mapping& mapping : FileMappings()) {
    // Refused where pages are locked: then they stay.
    (void)madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin,
                  MADV_DONTNEED);
  }
}

}  // namespace larnax::cli
