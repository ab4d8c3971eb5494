#include "http/endpoints/endpoints.h"

namespace larnax::http {

arrow::Result<Response> AnswerHealthy(const Request&, const Services&) {
  return TextResponse(200, "Larnax is Healthy.");
}

arrow::Result<Response> AnswerReady(const Request&, const Services& services) {
  if (services.database != nullptr && !services.stopping) {
    return TextResponse(200, "Larnax is Ready.");
  }
  Response response = TextResponse(503, "Service Unavailable");
  response.headers.emplace_back("X-Prometheus-Stopping", services.stopping ? "true" : "false");
  return response;
}

arrow::Result<Response> AnswerMetrics(const Request&, const Services& services) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (services.database != nullptr) response.body = services.database->MetricsText();
  services.metrics.AppendText(&response.body);
  return response;
}

}  // namespace larnax::http
