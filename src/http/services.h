#pragma once

#include <cstdint>

#include "http/server.h"
#include "http/server_metrics.h"
#include "larnax/database.h"

namespace larnax::http {

/// What endpoints work with; borrowed for the length of a call.
struct Services {
  Database* database = nullptr;  ///< Null for routes that need none, while there is none.
  const ServerOptions& options;
  const ServerMetrics& metrics;
  bool stopping = false;
  int64_t start_time_ms = 0;
};

}  // namespace larnax::http
