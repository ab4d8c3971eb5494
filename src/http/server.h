#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/result.h>
#include <arrow/status.h>

#include "larnax/database.h"
#include "larnax/labels.h"

namespace larnax::http {

/// Settings of the server. Times are in milliseconds.
struct ServerOptions {
  std::string host = "127.0.0.1";  ///< A numeric address, IPv4 or IPv6, or `localhost`.
  int port = 9797;                 ///< 0: any free one.
  int threads = 0;  ///< Loops that read and write sockets; 0: one per core, at most 4.
  /// Threads for PromQL, as many for samples and remote read, as many for lists; 0: one per core.
  int query_threads = 0;
  int query_queue = 256;  ///< Requests that wait for each of those; more are answered 503.

  int max_connections = 512;            ///< Further ones are answered 503 and closed.
  int64_t max_header_bytes = 32 << 10;  ///< Request line and fields, each.
  int64_t max_body_bytes = 32 << 20;    ///< As sent, that is compressed.
  /// All bodies being received together; requests above it are answered 503.
  int64_t max_buffered_bytes = 512 << 20;

  int64_t idle_timeout_ms = 300'000;   ///< From one answer to the next request.
  int64_t header_timeout_ms = 10'000;  ///< From the first byte of a request to the end of fields.
  int64_t body_timeout_ms = 60'000;    ///< From there to the end of the body.
  int64_t write_timeout_ms = 30'000;   ///< Without the client taking anything.
  /// What a client takes on average, that time aside, whose query another one waits for.
  int64_t least_bytes_per_second = 256 << 10;
  int64_t linger_timeout_ms = 2'000;  ///< For the client to close first, after a last answer.
  int64_t sweep_interval_ms = 1'000;  ///< How often the timeouts above are looked at.
  int64_t drain_timeout_ms = 10'000;  ///< That Stop() gives requests in flight.

  int64_t query_timeout_ms = 120'000;        ///< Cap of the parameter `timeout`.
  int query_concurrency = 20;                ///< PromQL queries at a time; further ones wait.
  int64_t query_max_samples = 50'000'000;    ///< That a query may hold at once; 0: no limit.
  int64_t query_max_memory_bytes = 1 << 30;  ///< The same, in bytes of values.
  int64_t query_lookback_ms = 300'000;       ///< Without the parameter `lookback_delta`.
  int64_t query_subquery_step_ms = 60'000;   ///< Of subqueries that name none.
  QueryFeatures query_features;
  /// Told of every query with its cost, as a line of JSON, and of those that took longer than
  /// `slow_query_ms`; from any thread; may be empty.
  std::function<void(std::string_view)> query_log;
  std::function<void(std::string_view)> slow_query_log;
  int64_t slow_query_ms = 10'000;

  int64_t remote_read_sample_limit = 50'000'000;  ///< Of an answer in one message; 0: none.
  int remote_read_concurrency = 10;               ///< Further ones wait, as queries do.
  /// Added to what remote read answers, as a Prometheus adds its own.
  Labels external_labels;

  /// A web config file, for TLS and accounts; empty: plain HTTP for everyone.
  std::string web_config;
  /// Reads a file whole. The server opens none itself. Called from any thread.
  std::function<arrow::Result<std::string>(const std::string& path)> read_file;
  /// How often the web config file, and the certificates it names, are read again.
  int64_t web_config_interval_ms = 5'000;

  /// Path below which everything is, `/a/b`; empty: at the root. For proxies that pass it on.
  std::string route_prefix;
  std::string cors_origin = ".*";            ///< Regular expression of the origins that may read.
  std::map<std::string, std::string> flags;  ///< Shown by /api/v1/status/flags.
  std::string config_yaml;                   ///< Shown by /api/v1/status/config.
  /// Told of failures that no client sees, from any thread; may be empty.
  std::function<void(std::string_view)> log;
  /// Told of every call that needs the role `admin` (who, what, from where, with what outcome), and
  /// of changes of the web config.
  std::function<void(std::string_view)> audit;
};

/// An HTTP server over a Database, running on threads of its own.
class Server {
 public:
  /// Listen and serve. While `database` is null (it may still be recovering its log), everything
  /// that needs one answers 503; see SetDatabase.
  ///
  /// \param database  Must outlive the server.
  /// \retval IOError  The address cannot be used, or another process listens there.
  /// \retval kBadQuery The web config file, or a certificate, cannot be used.
  static arrow::Result<std::unique_ptr<Server>> Start(Database* database, ServerOptions options);
  virtual ~Server() = default;  ///< As Stop().

  /// Hand over the database; from now on the server is ready.
  virtual void SetDatabase(Database* database) = 0;
  /// Whether it speaks TLS, and whether it asks for credentials.
  virtual bool has_tls() const = 0;
  virtual bool needs_credentials() const = 0;
  /// The port it listens on.
  virtual int port() const = 0;
  /// Stop accepting, answer the requests that have begun, close. Idempotent.
  ///
  /// \return An error where `drain_timeout_ms` was reached and connections had to be cut.
  virtual arrow::Status Stop() = 0;
};

}  // namespace larnax::http
