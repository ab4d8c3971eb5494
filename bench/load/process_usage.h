#pragma once

#include <cstdint>

#include <arrow/result.h>

namespace larnax::load {

/// What a process has used so far, from /proc.
struct ProcessUsage {
  double user_seconds = 0;
  double system_seconds = 0;
  int64_t resident_bytes = 0;       ///< Now.
  int64_t peak_resident_bytes = 0;  ///< Since it started (VmHWM).
};

/// Read the usage of a process; 0 means this one.
arrow::Result<ProcessUsage> ReadProcessUsage(int64_t pid);

}  // namespace larnax::load
