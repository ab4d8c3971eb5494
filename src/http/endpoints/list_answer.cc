#include "http/endpoints/list_answer.h"

#include <utility>

#include "larnax/query.h"

namespace larnax::http {

arrow::Result<SelectRequest> ListParams(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(SelectRequest select,
                        SelectParams(request, services.options.query_timeout_ms));
  // Held as they are, in their order and as JSON.
  select.max_label_bytes = services.options.query_max_memory_bytes / 3;
  return select;
}

void EndList(const Request& request, std::vector<std::string> warnings, bool truncated,
             const ReadStats& stats, Response* response) {
  if (truncated) warnings.emplace_back("results truncated due to limit");
  EndJson(warnings, response);
  if (!WantsStats(request.params)) return;
  std::string text;
  AppendStatsJson(stats, &text);
  response->headers.emplace_back("X-Larnax-Stats", std::move(text));
}

}  // namespace larnax::http
