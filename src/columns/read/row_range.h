#pragma once

#include <cstdint>

#include "io/task_runner.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Consecutive rows of a data file.
struct RowRange {
  int64_t first = 0;
  int64_t count = 0;
};

/// How rows are read.
struct ReadContext {
  ReadStats* stats = nullptr;  ///< May be null.
  io::TaskRunner runner = {};  ///< Reads and decodes pages; empty: the calling thread.
};

}  // namespace larnax::columns
