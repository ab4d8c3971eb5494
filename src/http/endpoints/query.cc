#include "larnax/query.h"

#include <chrono>

#include "http/endpoints/answer_body.h"
#include "http/endpoints/endpoints.h"
#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::http {
namespace {

// As many intervals a range may have, hence one more point.
constexpr uint64_t kMaxIntervals = 11'000;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t NanosecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                              start)
      .count();
}

// Parameters that instant and range queries share.
arrow::Result<QueryRequest> BeginRequest(const Request& request, const ServerOptions& options) {
  QueryRequest query;
  query.text = request.params.First("query");
  ARROW_ASSIGN_OR_RAISE(query.series_limit, LimitParam(request.params, "limit"));
  query.max_samples = options.query_max_samples;
  query.max_memory_bytes = options.query_max_memory_bytes;
  query.default_subquery_step_ms = options.query_subquery_step_ms;
  query.features = options.query_features;
  query.cancelled = request.cancelled;
  return query;
}

arrow::Status ReadTimeouts(const Request& request, const ServerOptions& options,
                           QueryRequest* query) {
  ARROW_ASSIGN_OR_RAISE(query->timeout_ms,
                        DurationParam(request.params, "timeout", options.query_timeout_ms));
  if (options.query_timeout_ms > 0) {
    query->timeout_ms = std::min(query->timeout_ms, options.query_timeout_ms);
  }
  // No time at all is a timeout at the first look at the clock.
  query->timeout_ms = std::max<int64_t>(query->timeout_ms, 1);
  query->lookback_ms = options.query_lookback_ms;
  const std::string_view lookback = request.params.First("lookback_delta");
  if (lookback.empty()) return arrow::Status::OK();
  const auto lookback_ms = ParseDuration(lookback);
  if (!lookback_ms.ok()) {
    return MakeError(ErrorKind::kBadQuery,
                     "error parsing lookback delta duration: " + lookback_ms.status().message());
  }
  if (*lookback_ms > 0) query->lookback_ms = *lookback_ms;
  return arrow::Status::OK();
}

// A line for the query logs, in the form of Prometheus' query log.
std::string LogLine(const Request& request, const QueryRequest& query,
                    const arrow::Result<QueryResult>& result, int64_t queue_ns, int64_t run_ns) {
  std::string line = "{\"params\":{\"query\":";
  AppendJsonString(query.text, &line);
  line.append(",\"start\":");
  AppendJsonString(FormatTime(query.start_ms), &line);
  line.append(",\"end\":");
  AppendJsonString(FormatTime(query.step_ms == 0 ? query.start_ms : query.end_ms), &line);
  line.append(",\"step\":");
  AppendValue(static_cast<double>(query.step_ms) / 1000, &line);
  line.append("},\"stats\":{\"timings\":{\"execQueueTime\":");
  AppendValue(static_cast<double>(queue_ns) / 1e9, &line);
  line.append(",\"execTotalTime\":");
  AppendValue(static_cast<double>(run_ns) / 1e9, &line);
  line.push_back('}');
  if (result.ok()) {
    line.append(",\"samples\":{\"totalQueryableSamples\":" + std::to_string(result->stats.samples) +
                ",\"peakSamples\":" + std::to_string(result->stats.peak_samples) +
                "},\"series\":" + std::to_string(result->series.size()));
  }
  line.append("},\"httpRequest\":{\"path\":");
  AppendJsonString(request.head.path, &line);
  line.append(",\"account\":");
  AppendJsonString(request.head.account, &line);
  line.push_back('}');
  if (!result.ok()) {
    line.append(",\"error\":");
    AppendJsonString(result.status().message(), &line);
  }
  line.append(",\"ts\":");
  AppendJsonString(FormatTime(NowMs()), &line);
  return line + "}";
}

void LogQuery(const Request& request, const QueryRequest& query,
              const arrow::Result<QueryResult>& result, int64_t queue_ns, int64_t run_ns,
              const ServerOptions& options) {
  const bool slow = options.slow_query_log && run_ns > options.slow_query_ms * 1'000'000;
  if (!slow && !options.query_log) return;
  const std::string line = LogLine(request, query, result, queue_ns, run_ns);
  if (options.query_log) options.query_log(line);
  if (slow) options.slow_query_log(line);
}

std::vector<std::string> StatsWarnings(std::string_view stats) {
  if (stats.empty() || stats == "true" || stats == "all") return {};
  return {"value \"" + std::string(stats) +
          "\" for parameter \"stats\" is deprecated and will be rejected in the next major "
          "release, use \"true\" or \"all\""};
}

arrow::Result<Response> Run(const Request& request, const Services& services, QueryRequest query) {
  ARROW_RETURN_NOT_OK(ReadTimeouts(request, services.options, &query));
  ARROW_ASSIGN_OR_RAISE(const AnswerFormat format, ChooseFormat(request));
  AnswerOptions options;
  const std::string_view stats = request.params.First("stats");
  options.stats = !stats.empty();
  query.step_stats = stats == "all" && query.features.per_step_stats;
  options.warnings = StatsWarnings(stats);
  options.queue_ns = NanosecondsSince(request.received);

  const auto start = std::chrono::steady_clock::now();
  auto result = services.database->Query(query);
  LogQuery(request, query, result, options.queue_ns, NanosecondsSince(start), services.options);
  if (!result.ok()) {
    if (KindOf(result.status()) != ErrorKind::kBadQuery) return result.status();
    return InvalidParam("query", result.status().message());
  }
  const bool stats_trailer = options.stats && format != AnswerFormat::kJson;
  return AnswerResponse(format, WriteAnswer(std::move(*result), format, std::move(options)),
                        stats_trailer);
}

// A time or duration that must be there.
arrow::Result<int64_t> NeedTime(const Params& params, std::string_view name) {
  const auto time_ms = ParseTime(params.First(name));
  if (!time_ms.ok()) return InvalidParam(name, time_ms.status().message());
  return *time_ms;
}

}  // namespace

arrow::Result<Response> AnswerQuery(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(QueryRequest query, BeginRequest(request, services.options));
  ARROW_ASSIGN_OR_RAISE(query.start_ms, TimeParam(request.params, "time", NowMs()));
  query.end_ms = query.start_ms;
  return Run(request, services, std::move(query));
}

arrow::Result<Response> AnswerQueryRange(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(QueryRequest query, BeginRequest(request, services.options));
  ARROW_ASSIGN_OR_RAISE(query.start_ms, NeedTime(request.params, "start"));
  ARROW_ASSIGN_OR_RAISE(query.end_ms, NeedTime(request.params, "end"));
  if (query.end_ms < query.start_ms) {
    return InvalidParam("end", "end timestamp must not be before start time");
  }
  const auto step_ms = ParseDuration(request.params.First("step"));
  if (!step_ms.ok()) return InvalidParam("step", step_ms.status().message());
  query.step_ms = *step_ms;
  if (query.step_ms <= 0) {
    return InvalidParam("step",
                        "zero or negative query resolution step widths are not accepted. Try a "
                        "positive integer");
  }
  const uint64_t range_ms =
      static_cast<uint64_t>(query.end_ms) - static_cast<uint64_t>(query.start_ms);
  if (range_ms / static_cast<uint64_t>(query.step_ms) > kMaxIntervals) {
    return MakeError(ErrorKind::kBadQuery,
                     "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                     "the query resolution (?step=XX)");
  }
  return Run(request, services, std::move(query));
}

}  // namespace larnax::http
