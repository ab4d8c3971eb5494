#include <map>

#include "http/endpoints/endpoints.h"
#include "larnax/format.h"
#include "larnax/query.h"

namespace larnax::http {

arrow::Result<Response> AnswerFormatQuery(const Request& request, const Services& services) {
  const auto text =
      FormatQuery(std::string(request.params.First("query")), services.options.query_features);
  if (!text.ok()) return InvalidParam("query", text.status().message());
  std::string data;
  AppendJsonString(*text, &data);
  return JsonResponse(data);
}

arrow::Result<Response> AnswerParseQuery(const Request& request, const Services& services) {
  const auto tree =
      QueryTreeJson(std::string(request.params.First("query")), services.options.query_features);
  if (!tree.ok()) return InvalidParam("query", tree.status().message());
  return JsonResponse(*tree);
}

arrow::Result<Response> AnswerFeatures(const Request&, const Services& services) {
  const QueryFeatures& query = services.options.query_features;
  std::map<std::string, std::map<std::string, bool>> features;
  features["api"] = {{"admin", false},           {"label_values_match", true},
                     {"lifecycle", false},       {"otlp_write_receiver", false},
                     {"query_stats", true},      {"query_warnings", true},
                     {"exclude_alerts", true},   {"remote_write_receiver", true},
                     {"search", false},          {"time_range_labels", true},
                     {"time_range_series", true}};
  features["prometheus"] = {{"agent_mode", false}, {"server_mode", true}};
  features["promql"] = {{"at_modifier", true},
                        {"delayed_name_removal", query.delayed_name_removal},
                        {"negative_offset", true},
                        {"per_query_lookback_delta", true},
                        {"per_step_stats", query.per_step_stats},
                        {"subqueries", true},
                        {"type_and_unit_labels", query.type_and_unit_labels}};
  features["tsdb"] = {
      {"exemplar_storage", true}, {"native_histograms", true}, {"st_storage", true}};
  for (const QueryLanguagePart& part : QueryLanguage(query)) {
    features[part.category][part.name] = part.enabled;
  }
  std::string data;
  for (const auto& [category, parts] : features) {
    data.append(data.empty() ? "{" : ",");
    AppendJsonString(category, &data);
    char separator = '{';
    data.push_back(':');
    for (const auto& [name, enabled] : parts) {
      data.push_back(separator);
      separator = ',';
      AppendJsonString(name, &data);
      data.append(enabled ? ":true" : ":false");
    }
    data.push_back('}');
  }
  data.push_back('}');
  return JsonResponse(data);
}

}  // namespace larnax::http
