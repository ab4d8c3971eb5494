// Larnax scrapes nothing and evaluates no rules; who asks for such things is told that there are
// none, in the form that a Prometheus without any would use.

#include "http/endpoints/endpoints.h"

namespace larnax::http {

arrow::Result<Response> AnswerRules(const Request&, const Services&) {
  return JsonResponse(R"({"groups":[]})");
}

arrow::Result<Response> AnswerAlerts(const Request&, const Services&) {
  return JsonResponse(R"({"alerts":[]})");
}

arrow::Result<Response> AnswerTargets(const Request&, const Services&) {
  return JsonResponse(R"({"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}})");
}

arrow::Result<Response> AnswerTargetsMetadata(const Request&, const Services&) {
  return JsonResponse("[]");
}

arrow::Result<Response> AnswerScrapePools(const Request&, const Services&) {
  return JsonResponse(R"({"scrapePools":[]})");
}

arrow::Result<Response> AnswerAlertmanagers(const Request&, const Services&) {
  return JsonResponse(R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})");
}

}  // namespace larnax::http
