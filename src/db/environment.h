#pragma once

#include "io/clock.h"
#include "io/executor.h"
#include "io/file_system.h"

namespace larnax::db {

/// The outside world of a database, handed in so that a simulator can play it. All three outlive
/// the database.
struct Environment {
  io::FileSystem* fs = nullptr;
  io::Clock* clock = nullptr;
  io::Executor* executor = nullptr;
};

}  // namespace larnax::db
