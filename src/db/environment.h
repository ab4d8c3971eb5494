#pragma once

#include <cstdint>
#include <string>

#include "io/clock.h"
#include "io/executor.h"
#include "io/file_system.h"

namespace larnax::db {

/// The outside world of a database, handed in so that a simulator can play it. What is pointed to
/// outlives the database.
struct Environment {
  io::FileSystem* fs = nullptr;
  io::Clock* clock = nullptr;
  io::Executor* executor = nullptr;
  uint64_t seed = 0;         ///< Of all that is drawn at random; 0: the machine draws.
  int recovery_threads = 2;  ///< 1: recovery and queries use the calling thread only.
  std::string build = {};    ///< Noted in data files, as another build is; empty: nothing.
};

}  // namespace larnax::db
