#include "cli/serve/serve_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "cli/human.h"
#include "cli/query_features.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "larnax/labels.h"

namespace larnax::cli {
namespace {

using Text = std::string_view;
using To = ServeSettings*;
using From = const ServeSettings&;

arrow::Status Bad(std::string message) {
  return MakeError(ErrorKind::kBadQuery, std::move(message));
}

arrow::Status SetText(Text text, std::string* to) {
  *to = text;
  return arrow::Status::OK();
}

template <typename Number>
arrow::Status SetNumber(Text text, Number least, Number most, Number* to) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return Bad("\"" + std::string(text) + "\" is not a whole number from " + std::to_string(least) +
               " to " + std::to_string(most));
  }
  *to = number;
  return arrow::Status::OK();
}

arrow::Status SetDuration(Text text, int64_t least_ms, int64_t* to) {
  ARROW_ASSIGN_OR_RAISE(const int64_t duration_ms, ParseDuration(text));
  if (duration_ms < least_ms) return Bad("must be at least " + FormatDuration(least_ms));
  *to = duration_ms;
  return arrow::Status::OK();
}

arrow::Status SetSize(Text text, int64_t least, int64_t* to) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, ParseSize(text));
  if (size < least) return Bad("must be at least " + FormatBytes(least));
  *to = size;
  return arrow::Status::OK();
}

arrow::Status SetWalSync(Text text, To s) {
  if (text == "batch") {
    s->database.wal_sync = WalSync::kBatch;
  } else if (text == "interval") {
    s->database.wal_sync = WalSync::kInterval;
  } else if (text == "off") {
    s->database.wal_sync = WalSync::kOff;
  } else {
    return Bad("must be batch, interval or off");
  }
  return arrow::Status::OK();
}

std::string ShowWalSync(From s) {
  switch (s.database.wal_sync) {
    case WalSync::kBatch:
      return "batch";
    case WalSync::kInterval:
      return "interval";
    case WalSync::kOff:
      return "off";
  }
  return "";
}

arrow::Status SetCompat(Text text, To s) {
  if (text != "wide" && text != "modern") return Bad("must be wide or modern");
  s->database.wide_compat = text == "wide";
  return arrow::Status::OK();
}

arrow::Status SetLogLevel(Text text, To s) {
  constexpr std::array<Text, 4> kLevels = {"debug", "info", "warn", "error"};
  if (std::find(kLevels.begin(), kLevels.end(), text) == kLevels.end()) {
    return Bad("must be debug, info, warn or error");
  }
  return SetText(text, &s->log_level);
}

arrow::Status SetData(Text text, To s) {
  if (text.empty()) return Bad("must name a directory");
  if (text.find("://") != Text::npos) return Bad("only local directories can be served so far");
  return SetText(text, &s->data);
}

arrow::Status SetListen(Text text, To s) {
  ARROW_ASSIGN_OR_RAISE(s->listen, ParseListenAddress(text));
  return arrow::Status::OK();
}

// `/a/b`, with or without the slashes around it.
arrow::Status SetRoutePrefix(Text text, To s) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  const bool is_path = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-._~/").find(static_cast<char>(c)) != Text::npos;
  });
  if (!is_path) return Bad("must be a path of letters, digits and -._~");
  s->server.route_prefix = text.empty() ? "" : "/" + std::string(text);
  return arrow::Status::OK();
}

arrow::Status EnableFeatures(Text text, To s) {
  return EnableQueryFeatures(text, &s->server.query_features);
}

std::string ShowFeatures(From s) { return NamesOf(s.server.query_features); }

// `name=value`, or several with commas between them; they add up.
arrow::Status AddExternalLabels(Text text, To s) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const Label& label : s->server.external_labels.view()) {
    labels.emplace_back(label.name, label.value);
  }
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const Text pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = pair.find('=');
    if (equals == 0 || equals == Text::npos) return Bad("expected name=value");
    const std::string name(pair.substr(0, equals));
    std::erase_if(labels, [&](const auto& label) { return label.first == name; });
    labels.emplace_back(name, pair.substr(equals + 1));
  }
  ARROW_ASSIGN_OR_RAISE(s->server.external_labels, Labels::Make(std::move(labels)));
  return arrow::Status::OK();
}

std::string ShowExternalLabels(From s) {
  std::string shown;
  for (const Label& label : s.server.external_labels.view()) {
    shown.append(shown.empty() ? "" : ",").append(label.name).append("=").append(label.value);
  }
  return shown;
}

constexpr int kManyThreads = 1024;
constexpr int64_t kManySamples = int64_t{1} << 40;

constexpr Text kBasic = "What and where";
constexpr Text kDurability = "Durability and memory";
constexpr Text kFiles = "Files";
constexpr Text kLimits = "Limits";
constexpr Text kQueries = "Queries";
constexpr Text kServer = "Server";

constexpr Setting kSettings[] = {
    {"data", "storage.tsdb.path", "DIR", kBasic, "The archive; created if it is not there", SetData,
     [](From s) { return s.data; }},
    {"listen", "web.listen-address", "ADDRESS", kBasic,
     "HOST:PORT, [IPV6]:PORT, :PORT (all addresses) or PORT", SetListen,
     [](From s) { return FormatListenAddress(s.listen); }},
    {"web-config", "web.config.file", "FILE", kBasic,
     "TLS and accounts, in Prometheus' format; see docs/http.md. Empty: plain HTTP for everyone",
     [](Text t, To s) { return SetText(t, &s->server.web_config); },
     [](From s) { return s.server.web_config; }},
    {"web-config-interval", "", "DURATION", kBasic,
     "How often that file, and the certificates it names, are read again",
     [](Text t, To s) { return SetDuration(t, 10, &s->server.web_config_interval_ms); },
     [](From s) { return FormatDuration(s.server.web_config_interval_ms); }},
    {"external-label", "", "NAME=VALUE", kBasic,
     "Added to series that remote read answers, where they lack it; may be repeated",
     AddExternalLabels, ShowExternalLabels, true},
    {"experiment-label", "", "LABEL", kBasic,
     "Each value of this label is recorded as an experiment; empty: none",
     [](Text t, To s) { return SetText(t, &s->database.experiment_label); },
     [](From s) { return s.database.experiment_label; }},
    {"self-metrics-interval", "", "DURATION", kBasic,
     "How often the server records its own and the machine's metrics; 0: never",
     [](Text t, To s) { return SetDuration(t, 0, &s->self_metrics_interval_ms); },
     [](From s) { return FormatDuration(s.self_metrics_interval_ms); }},
    {"log-level", "log.level", "LEVEL", kBasic, "debug, info, warn or error", SetLogLevel,
     [](From s) { return s.log_level; }},

    {"wal-sync", "", "MODE", kDurability,
     "When a write is on disk: batch (before it is acknowledged), interval or off", SetWalSync,
     ShowWalSync},
    {"wal-sync-interval", "", "DURATION", kDurability, "For --wal-sync interval",
     [](Text t, To s) { return SetDuration(t, 1, &s->database.wal_sync_interval_ms); },
     [](From s) { return FormatDuration(s.database.wal_sync_interval_ms); }},
    {"wal-segment-size", "storage.tsdb.wal-segment-size", "SIZE", kDurability,
     "A file of the log is closed at this size",
     [](Text t, To s) { return SetSize(t, 1 << 20, &s->database.wal_segment_bytes); },
     [](From s) { return FormatBytes(s.database.wal_segment_bytes); }},
    {"flush-interval", "", "DURATION", kDurability,
     "Recent samples go to files when the oldest is this old",
     [](Text t, To s) { return SetDuration(t, 1000, &s->database.flush_interval_ms); },
     [](From s) { return FormatDuration(s.database.flush_interval_ms); }},
    {"flush-samples", "", "COUNT", kDurability, "... or when there are this many",
     [](Text t, To s) {
       return SetNumber<int64_t>(t, 1000, kManySamples, &s->database.flush_samples);
     },
     [](From s) { return std::to_string(s.database.flush_samples); }},
    {"head-limit-samples", "", "COUNT", kDurability,
     "Writes are answered 503 while so many samples wait in memory",
     [](Text t, To s) {
       return SetNumber<int64_t>(t, 1000, kManySamples, &s->database.head_limit_samples);
     },
     [](From s) { return std::to_string(s.database.head_limit_samples); }},
    {"head-limit-memory", "", "SIZE", kDurability,
     "... or while they and the labels of their series take so much",
     [](Text t, To s) { return SetSize(t, 16 << 20, &s->database.head_limit_bytes); },
     [](From s) { return FormatBytes(s.database.head_limit_bytes); }},
    {"min-free-disk", "", "SIZE", kDurability,
     "Writes are answered 503 while the disk has less room",
     [](Text t, To s) { return SetSize(t, 0, &s->database.min_free_disk_bytes); },
     [](From s) { return FormatBytes(s.database.min_free_disk_bytes); }},

    {"parquet-compat", "", "MODE", kFiles,
     "modern, or wide: files that old readers (Spark before 4.3) take too, 5 to 25% larger",
     SetCompat, [](From s) { return std::string(s.database.wide_compat ? "wide" : "modern"); }},
    {"max-file-size", "", "SIZE", kFiles, "A data file is cut at the next metric past this size",
     [](Text t, To s) { return SetSize(t, 1 << 20, &s->database.max_file_bytes); },
     [](From s) { return FormatBytes(s.database.max_file_bytes); }},
    {"max-columns", "", "COUNT", kFiles,
     "Labels past this many columns share the column other_labels",
     [](Text t, To s) { return SetNumber(t, 0, 4000, &s->database.max_columns); },
     [](From s) { return std::to_string(s.database.max_columns); }},
    {"merge-fan-in", "", "COUNT", kFiles, "So many files of one level become one of the next",
     [](Text t, To s) { return SetNumber(t, 2, 1000, &s->database.merge_fan_in); },
     [](From s) { return std::to_string(s.database.merge_fan_in); }},

    {"max-future", "", "DURATION", kLimits, "Samples further ahead of the clock are refused",
     [](Text t, To s) { return SetDuration(t, 0, &s->database.max_future_ms); },
     [](From s) { return FormatDuration(s.database.max_future_ms); }},
    {"max-request-size", "", "SIZE", kLimits, "Of a write, decompressed",
     [](Text t, To s) { return SetSize(t, 1024, &s->database.max_request_bytes); },
     [](From s) { return FormatBytes(s.database.max_request_bytes); }},
    {"max-body-size", "", "SIZE", kLimits, "Of any request, as it is sent",
     [](Text t, To s) { return SetSize(t, 1024, &s->server.max_body_bytes); },
     [](From s) { return FormatBytes(s.server.max_body_bytes); }},
    {"max-buffered-size", "", "SIZE", kLimits, "Of all requests being received together",
     [](Text t, To s) { return SetSize(t, 1 << 20, &s->server.max_buffered_bytes); },
     [](From s) { return FormatBytes(s.server.max_buffered_bytes); }},
    {"max-labels", "", "COUNT", kLimits, "Of one series",
     [](Text t, To s) {
       return SetNumber<int64_t>(t, 1, 1'000'000, &s->database.max_labels_per_series);
     },
     [](From s) { return std::to_string(s.database.max_labels_per_series); }},
    {"max-label-name-size", "", "SIZE", kLimits, "Of one label's name",
     [](Text t, To s) { return SetSize(t, 1, &s->database.max_label_name_bytes); },
     [](From s) { return FormatBytes(s.database.max_label_name_bytes); }},
    {"max-label-value-size", "", "SIZE", kLimits, "Of one label's value",
     [](Text t, To s) { return SetSize(t, 1, &s->database.max_label_value_bytes); },
     [](From s) { return FormatBytes(s.database.max_label_value_bytes); }},
    {"max-connections", "web.max-connections", "COUNT", kLimits,
     "Further connections are answered 503",
     [](Text t, To s) { return SetNumber(t, 1, 1'000'000, &s->server.max_connections); },
     [](From s) { return std::to_string(s.server.max_connections); }},
    {"query-timeout", "query.timeout", "DURATION", kLimits, "Of a query",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.query_timeout_ms); },
     [](From s) { return FormatDuration(s.server.query_timeout_ms); }},
    {"query-concurrency", "query.max-concurrency", "COUNT", kLimits,
     "PromQL queries at a time; others wait",
     [](Text t, To s) { return SetNumber(t, 1, 10'000, &s->server.query_concurrency); },
     [](From s) { return std::to_string(s.server.query_concurrency); }},
    {"query-max-samples", "query.max-samples", "COUNT", kLimits,
     "Samples that a query may hold at once; 0: any number",
     [](Text t, To s) {
       return SetNumber<int64_t>(t, 0, kManySamples, &s->server.query_max_samples);
     },
     [](From s) { return std::to_string(s.server.query_max_samples); }},
    {"query-max-memory", "", "SIZE", kLimits, "Memory that a query may hold at once; 0B: any",
     [](Text t, To s) { return SetSize(t, 0, &s->server.query_max_memory_bytes); },
     [](From s) { return FormatBytes(s.server.query_max_memory_bytes); }},
    {"query-queue", "", "COUNT", kLimits, "Queries that may wait; more are answered 503",
     [](Text t, To s) { return SetNumber(t, 1, 1'000'000, &s->server.query_queue); },
     [](From s) { return std::to_string(s.server.query_queue); }},

    {"remote-read-limit", "storage.remote.read-sample-limit", "COUNT", kLimits,
     "Samples of a remote read answered in one message; 0: none",
     [](Text t, To s) {
       return SetNumber<int64_t>(t, 0, kManySamples, &s->server.remote_read_sample_limit);
     },
     [](From s) { return std::to_string(s.server.remote_read_sample_limit); }},
    {"remote-read-concurrency", "storage.remote.read-concurrent-limit", "COUNT", kLimits,
     "Remote reads at a time; others wait",
     [](Text t, To s) { return SetNumber(t, 1, 10'000, &s->server.remote_read_concurrency); },
     [](From s) { return std::to_string(s.server.remote_read_concurrency); }},

    {"query-lookback", "query.lookback-delta", "DURATION", kQueries,
     "How old a sample may be that an instant selector finds",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.query_lookback_ms); },
     [](From s) { return FormatDuration(s.server.query_lookback_ms); }},
    {"query-subquery-step", "", "DURATION", kQueries, "Step of subqueries that name none",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.query_subquery_step_ms); },
     [](From s) { return FormatDuration(s.server.query_subquery_step_ms); }},
    {"page-cache-size", "", "SIZE", kQueries,
     "Memory for decoded pages of files, for all queries together; 0B: none are kept",
     [](Text t, To s) { return SetSize(t, 0, &s->database.page_cache_bytes); },
     [](From s) { return FormatBytes(s.database.page_cache_bytes); }},
    {"enable-feature", "", "NAMES", kQueries,
     "promql-experimental-functions, promql-extended-range-selectors, "
     "promql-binop-fill-modifiers, promql-delayed-name-removal, use-start-timestamps, "
     "type-and-unit-labels, promql-per-step-stats",
     EnableFeatures, ShowFeatures, /*repeats=*/true},
    {"query-log", "", "FILE", kQueries, "Every query with its cost, a line of JSON each",
     [](Text t, To s) { return SetText(t, &s->query_log); }, [](From s) { return s.query_log; }},
    {"slow-query-log", "", "FILE", kQueries, "The same, only of slow queries",
     [](Text t, To s) { return SetText(t, &s->slow_query_log); },
     [](From s) { return s.slow_query_log; }},
    {"slow-query-time", "", "DURATION", kQueries, "From when on a query is slow",
     [](Text t, To s) { return SetDuration(t, 0, &s->server.slow_query_ms); },
     [](From s) { return FormatDuration(s.server.slow_query_ms); }},

    {"io-threads", "", "COUNT", kServer, "Threads that take writes; 0: one per core, at most 4",
     [](Text t, To s) { return SetNumber(t, 0, kManyThreads, &s->server.threads); },
     [](From s) { return std::to_string(s.server.threads); }},
    {"query-threads", "", "COUNT", kServer,
     "Threads for PromQL, as many for samples, as many for lists; 0: one per core",
     [](Text t, To s) { return SetNumber(t, 0, kManyThreads, &s->server.query_threads); },
     [](From s) { return std::to_string(s.server.query_threads); }},
    {"idle-timeout", "web.read-timeout", "DURATION", kServer,
     "A connection without requests is closed",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.idle_timeout_ms); },
     [](From s) { return FormatDuration(s.server.idle_timeout_ms); }},
    {"header-timeout", "", "DURATION", kServer, "For a client to send a request's header",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.header_timeout_ms); },
     [](From s) { return FormatDuration(s.server.header_timeout_ms); }},
    {"body-timeout", "", "DURATION", kServer, "For a client to send a request's body",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.body_timeout_ms); },
     [](From s) { return FormatDuration(s.server.body_timeout_ms); }},
    {"write-timeout", "", "DURATION", kServer, "For a client to take anything of an answer",
     [](Text t, To s) { return SetDuration(t, 1, &s->server.write_timeout_ms); },
     [](From s) { return FormatDuration(s.server.write_timeout_ms); }},
    {"drain-timeout", "", "DURATION", kServer, "For requests under way when stopping",
     [](Text t, To s) { return SetDuration(t, 0, &s->server.drain_timeout_ms); },
     [](From s) { return FormatDuration(s.server.drain_timeout_ms); }},
    {"route-prefix", "web.route-prefix", "PATH", kServer,
     "Path below which everything is, for a proxy that passes it on", SetRoutePrefix,
     [](From s) { return s.server.route_prefix; }},
    {"cors-origin", "web.cors.origin", "REGEX", kServer,
     "Web pages of these origins may read answers; if set, change the archive, too",
     [](Text t, To s) { return SetText(t, &s->server.cors_origin); },
     [](From s) { return s.server.cors_origin; }},
};

const Setting* FindSetting(Text name) {
  const auto* found = std::find_if(std::begin(kSettings), std::end(kSettings), [&](const auto& s) {
    return s.name == name || (!s.alias.empty() && s.alias == name);
  });
  return found == std::end(kSettings) ? nullptr : found;
}

}  // namespace

std::span<const Setting> AllSettings() { return kSettings; }

arrow::Status ApplySettings(const GivenSettings& given, ServeSettings* settings) {
  for (const auto& [name, value] : given) {
    const Setting* setting = FindSetting(name);
    if (setting == nullptr) return Bad("unknown setting: " + name);
    if (const auto status = setting->set(value, settings); !status.ok()) {
      return Bad("invalid " + name + ": " + status.message());
    }
  }
  return arrow::Status::OK();
}

std::map<std::string, std::string> ShowSettings(const ServeSettings& settings) {
  std::map<std::string, std::string> shown;
  for (const Setting& setting : kSettings) shown.emplace(setting.name, setting.show(settings));
  return shown;
}

}  // namespace larnax::cli
