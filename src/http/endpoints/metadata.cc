#include "http/endpoints/endpoints.h"
#include "larnax/format.h"

namespace larnax::http {
namespace {

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
