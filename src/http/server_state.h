#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "http/router.h"
#include "http/server.h"
#include "http/server_metrics.h"
#include "http/services.h"
#include "http/worker_pool.h"
#include "larnax/labels.h"

namespace larnax::http {

/// What all threads of a server share. Safe to use from any of them.
struct ServerState {
  ServerState(ServerOptions server_options, std::optional<Matcher> cors_matcher, int query_threads)
      : options(std::move(server_options)),
        cors(std::move(cors_matcher)),
        metrics(RouteNames()),
        queries(query_threads, static_cast<size_t>(options.query_queue)),
        maintenance(1, kMaintenanceQueue) {}

  static constexpr size_t kMaintenanceQueue = 16;

  const ServerOptions options;
  const std::optional<Matcher> cors;  ///< None: any origin.
  std::atomic<Database*> database{nullptr};
  std::atomic<bool> stopping{false};
  int64_t start_time_ms = 0;
  ServerMetrics metrics;
  std::atomic<int64_t> buffered_bytes{0};  ///< Of request bodies.
  std::atomic<int> connections{0};
  WorkerPool queries;
  WorkerPool maintenance;

  std::mutex mutex;  ///< Only for waiting on `connection_closed`.
  std::condition_variable connection_closed;

  Services MakeServices(Database* db) const {
    return {db, options, metrics, stopping.load(), start_time_ms};
  }
  void Log(std::string_view message) const {
    if (options.log) options.log(message);
  }
};

}  // namespace larnax::http
