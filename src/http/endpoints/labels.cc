#include "http/endpoints/endpoints.h"
#include "http/endpoints/list_answer.h"
#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::http {
namespace {

Response AnswerNames(const Request& request, const NamesAnswer& answer) {
  return ListResponse(request, answer, answer.names, [](const std::string& name, std::string* out) {
    AppendJsonString(name, out);
  });
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

}  // namespace larnax::http
