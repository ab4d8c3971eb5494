#include <algorithm>

#include "http/endpoints/endpoints.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "larnax/query.h"

namespace larnax::http {
namespace {

void AppendExemplar(const Exemplar& exemplar, std::string* out) {
  out->append("{\"labels\":");
  AppendLabelsJson(exemplar.labels, out);
  out->append(",\"value\":\"");
  AppendValue(exemplar.value, out);
  out->append("\",\"timestamp\":");
  AppendSeconds(exemplar.time_ms, out);
  out->push_back('}');
}

void AppendSeries(const SeriesExemplars& series, std::string* out) {
  out->append("{\"seriesLabels\":");
  AppendLabelsJson(series.labels, out);
  out->append(",\"exemplars\":[");
  for (size_t i = 0; i < series.exemplars.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendExemplar(series.exemplars[i], out);
  }
  out->append("]}");
}

}  // namespace

arrow::Result<Response> AnswerQueryExemplars(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(SelectRequest select,
                        SelectParams(request, services.options.query_timeout_ms));
  if (select.range.end_ms < select.range.start_ms) {
    return MakeError(ErrorKind::kBadQuery, "end timestamp must not be before start timestamp");
  }
  auto selectors =
      QuerySelectors(std::string(request.params.First("query")), services.options.query_features);
  if (!selectors.ok()) return MakeError(ErrorKind::kBadQuery, selectors.status().message());
  if (selectors->empty()) {
    Response nothing;
    nothing.status = 204;
    return nothing;
  }
  select.selectors = std::move(*selectors);
  select.sample_limit = services.options.query_max_samples;
  ARROW_ASSIGN_OR_RAISE(ExemplarsAnswer answer, services.database->Exemplars(select));
  std::sort(answer.series.begin(), answer.series.end(),
            [](const SeriesExemplars& a, const SeriesExemplars& b) {
              return CompareLabels(a.labels, b.labels) < 0;
            });
  std::string data = "[";
  for (const SeriesExemplars& series : answer.series) {
    if (data.size() > 1) data.push_back(',');
    AppendSeries(series, &data);
  }
  data.push_back(']');
  return JsonResponse(data, answer.warnings);
}

}  // namespace larnax::http
