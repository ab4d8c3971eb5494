#pragma once

// CPU time for benchmarks: on a busy machine the wall clock says little.

#include <ctime>

namespace larnax::test {

/// Read a clock of this process, or of the calling thread, in nanoseconds.
inline double CpuNs(clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace larnax::test
