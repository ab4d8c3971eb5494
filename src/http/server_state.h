#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "http/access/access_control.h"
#include "http/connection/gate.h"
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
        state(1, kStateQueue),
        lists(query_threads, static_cast<size_t>(options.query_queue)),
        reads(query_threads, static_cast<size_t>(options.query_queue)),
        queries(query_threads, static_cast<size_t>(options.query_queue)),
        maintenance(1, kMaintenanceQueue),
        passwords(1, kPasswordQueue),
        promql(std::make_shared<Gate>(static_cast<size_t>(options.query_concurrency),
                                      static_cast<size_t>(options.query_queue))),
        remote_reads(std::make_shared<Gate>(static_cast<size_t>(options.remote_read_concurrency),
                                            static_cast<size_t>(options.query_queue))) {}

  static constexpr size_t kStateQueue = 64;
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
  // Kinds of routes wait for their own kind only: a query of minutes holds up no label browsing.
  WorkerPool state;
  WorkerPool lists;
  WorkerPool reads;
  WorkerPool queries;
  WorkerPool maintenance;
  // Of one thread: guessing takes one core at most. Reads the web config, too.
  WorkerPool passwords;
  std::shared_ptr<Gate> promql;
  std::shared_ptr<Gate> remote_reads;

  std::mutex mutex;  ///< Only for waiting on `connection_closed`.
  std::condition_variable connection_closed;

  /// The threads that answer routes of a kind, and draw the pieces of their streams.
  WorkerPool& WorkersOf(RouteKind kind) {
    switch (kind) {
      case RouteKind::kState:
        return state;
      case RouteKind::kRead:
      case RouteKind::kRemoteRead:
        return reads;
      case RouteKind::kPromql:
        return queries;
      case RouteKind::kMaintenance:
        return maintenance;
      case RouteKind::kList:
      case RouteKind::kInline:
      case RouteKind::kWrite:
        break;
    }
    return lists;
  }
  Services MakeServices(Database* db) const {
    return {db, options, metrics, stopping.load(), start_time_ms};
  }
  void Log(std::string_view message) const {
    if (options.log) options.log(message);
  }
};

}  // namespace larnax::http
