#include "http/endpoints/endpoints.h"
#include "larnax/error.h"

namespace larnax::http {

arrow::Result<Response> AnswerFlush(const Request&, const Services& services) {
  ARROW_RETURN_NOT_OK(services.database->Flush());
  return JsonResponse("{}");
}

arrow::Result<Response> AnswerMerge(const Request& request, const Services& services) {
  const std::string_view everything = request.params.First("everything");
  if (!everything.empty() && everything != "true" && everything != "false") {
    return MakeError(ErrorKind::kBadQuery,
                     "invalid parameter \"everything\": must be true or false");
  }
  ARROW_RETURN_NOT_OK(services.database->Merge(everything == "true"));
  return JsonResponse("{}");
}

}  // namespace larnax::http
