#include "http/endpoints/endpoints.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "larnax/sort_labels.h"

namespace larnax::http {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";

// Of an answer: what is missing from it by damage, and by its limit.
template <typename Answer>
std::vector<std::string> WarningsOf(const Answer& answer) {
  std::vector<std::string> warnings = answer.warnings;
  if (answer.truncated) warnings.emplace_back(kTruncated);
  return warnings;
}

void AddStats(const Request& request, const ReadStats& stats, Response* response) {
  if (!WantsStats(request.params)) return;
  std::string text;
  AppendStatsJson(stats, &text);
  response->headers.emplace_back("X-Larnax-Stats", std::move(text));
}

// Of a request for series, their names or values.
arrow::Result<SelectRequest> ListParams(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(SelectRequest select,
                        SelectParams(request, services.options.query_timeout_ms));
  // Held as they are, in their order and as JSON.
  select.max_label_bytes = services.options.query_max_memory_bytes / 3;
  return select;
}

Response AnswerNames(const Request& request, const NamesAnswer& answer) {
  Response response = BeginJson();
  const size_t begin = response.body.size();
  for (const std::string& name : answer.names) {
    response.body.push_back(response.body.size() == begin ? '[' : ',');
    AppendJsonString(name, &response.body);
  }
  response.body.append(answer.names.empty() ? "[]" : "]");
  EndJson(WarningsOf(answer), &response);
  AddStats(request, answer.stats, &response);
  return response;
}

void AppendMetadataEntry(const MetricMetadata& entry, std::string* out) {
  out->append("{\"type\":");
  AppendJsonString(entry.type, out);
  out->append(",\"help\":");
  AppendJsonString(entry.help, out);
  out->append(",\"unit\":");
  AppendJsonString(entry.unit, out);
  out->push_back('}');
}

}  // namespace

arrow::Result<Response> AnswerLabels(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(const SelectRequest select, ListParams(request, services));
  ARROW_ASSIGN_OR_RAISE(const NamesAnswer answer, services.database->LabelNames(select));
  return AnswerNames(request, answer);
}

arrow::Result<Response> AnswerLabelValues(const Request& request, const Services& services) {
  if (request.name.empty()) {
    return MakeError(ErrorKind::kBadQuery, "invalid label name: \"\"");
  }
  ARROW_ASSIGN_OR_RAISE(const SelectRequest select, ListParams(request, services));
  ARROW_ASSIGN_OR_RAISE(const NamesAnswer answer,
                        services.database->LabelValues(request.name, select));
  return AnswerNames(request, answer);
}

arrow::Result<Response> AnswerSeries(const Request& request, const Services& services) {
  if (request.params.All("match[]").empty()) {
    return MakeError(ErrorKind::kBadQuery, "no match[] parameter provided");
  }
  ARROW_ASSIGN_OR_RAISE(const SelectRequest select, ListParams(request, services));
  ARROW_ASSIGN_OR_RAISE(const SeriesAnswer answer, services.database->Series(select));
  Response response = BeginJson();
  const size_t begin = response.body.size();
  for (const Labels* labels : SortedByLabels(answer.series)) {
    response.body.push_back(response.body.size() == begin ? '[' : ',');
    AppendLabelsJson(*labels, &response.body);
  }
  response.body.append(answer.series.empty() ? "[]" : "]");
  EndJson(WarningsOf(answer), &response);
  AddStats(request, answer.stats, &response);
  return response;
}

arrow::Result<Response> AnswerMetadata(const Request& request, const Services& services) {
  // As Prometheus has it: here a limit of 0 is none of them, and a negative one no limit.
  ARROW_ASSIGN_OR_RAISE(const int64_t limit, IntegerParam(request.params, "limit", -1));
  ARROW_ASSIGN_OR_RAISE(const int64_t limit_per_metric,
                        IntegerParam(request.params, "limit_per_metric", 0));
  ARROW_ASSIGN_OR_RAISE(const auto entries,
                        services.database->Metadata(request.params.First("metric")));
  std::string data = "{";
  int64_t metrics = 0;
  for (size_t i = 0; i < entries.size();) {
    if (limit >= 0 && metrics == limit) break;
    if (metrics++ > 0) data.push_back(',');
    const std::string& metric = entries[i].metric;
    AppendJsonString(metric, &data);
    data.append(":[");
    for (int64_t n = 0; i < entries.size() && entries[i].metric == metric; ++i, ++n) {
      if (limit_per_metric > 0 && n >= limit_per_metric) continue;
      if (n > 0) data.push_back(',');
      AppendMetadataEntry(entries[i], &data);
    }
    data.push_back(']');
  }
  data.push_back('}');
  return JsonResponse(data);
}

}  // namespace larnax::http
