#include "http/endpoints/endpoints.h"
#include "http/endpoints/list_answer.h"
#include "larnax/error.h"
#include "larnax/query.h"
#include "larnax/sort_labels.h"

namespace larnax::http {

arrow::Result<Response> AnswerSeries(const Request& request, const Services& services) {
  if (request.params.All("match[]").empty()) {
    return MakeError(ErrorKind::kBadQuery, "no match[] parameter provided");
  }
  ARROW_ASSIGN_OR_RAISE(const SelectRequest select, ListParams(request, services));
  ARROW_ASSIGN_OR_RAISE(const SeriesAnswer answer, services.database->Series(select));
  return ListResponse(
      request, answer, SortedByLabels(answer.series),
      [](const Labels* labels, std::string* out) { AppendLabelsJson(*labels, out); });
}

}  // namespace larnax::http
