#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "http/access/access_control.h"
#include "http/gate.h"
#include "http/router.h"
#include "http/server.h"
#include "http/server_metrics.h"
#include "http/services.h"
#include "http/worker_pool.h"
#include "larnax/labels.h"

namespace larnax::http {

/// What all threads of a server share. Safe to use from any of them.
struct ServerState {
  ServerState(ServerOptions server_options, std::optional<Matcher> cors_matcher, int query_threads,
              std::unique_ptr<AccessControl> access_control)
      : options(std::move(server_options)),
        cors(std::move(cors_matcher)),
        access(std::move(access_control)),
        metrics(RouteNames()),
        queries(query_threads, static_cast<size_t>(options.query_queue)),
        maintenance(1, kMaintenanceQueue),
        passwords(1, kPasswordQueue),
        promql(std::make_shared<Gate>(static_cast<size_t>(options.query_concurrency),
                                      static_cast<size_t>(options.query_queue))),
        remote_reads(std::make_shared<Gate>(static_cast<size_t>(options.remote_read_concurrency),
                                            static_cast<size_t>(options.query_queue))) {}

  static constexpr size_t kMaintenanceQueue = 16;
  // One password takes a good part of a second to check; more than these are answered 503.
  static constexpr size_t kPasswordQueue = 32;

  const ServerOptions options;
  const std::optional<Matcher> cors;  ///< None: any origin.
  const std::unique_ptr<AccessControl> access;
  std::atomic<Database*> database{nullptr};
  std::atomic<bool> stopping{false};
  int64_t start_time_ms = 0;
  ServerMetrics metrics;
  std::atomic<int64_t> buffered_bytes{0};  ///< Of request bodies.
  std::atomic<int> connections{0};
  std::atomic<int64_t> next_reload_ms{0};  ///< Of the web config.
  WorkerPool queries;
  WorkerPool maintenance;
  WorkerPool
      passwords;  // Of one thread: guessing takes one core at most. Reads the web config, too.
  std::shared_ptr<Gate> promql;
  std::shared_ptr<Gate> remote_reads;

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
