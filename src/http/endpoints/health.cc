#include "http/endpoints/endpoints.h"
#include "larnax/version.h"

namespace larnax::http {
namespace {

constexpr std::string_view kRootPage = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Larnax</title></head><body>
<h1>Larnax</h1>
<p>Keeps every Prometheus sample as rows of Parquet that any tool can open.</p>
<h2>Write</h2>
<ul>
<li><code>POST /api/v1/write</code>: Prometheus remote write 1.0 and 2.0 (also <code>/receive</code>)
<li><code>POST /flush</code>: bring everything written so far into files
</ul>
<h2>Read</h2>
<ul>
<li><a href="/api/v1/samples?match[]=%7B__name__%3D~%22.%2B%22%7D&amp;limit=5">/api/v1/samples</a>:
raw samples of <code>match[]</code> from <code>start</code> to <code>end</code>;
<code>format=json|csv|arrow</code>
<li><a href="/api/v1/labels">/api/v1/labels</a>,
<a href="/api/v1/label/__name__/values">/api/v1/label/__name__/values</a>
<li><code>/api/v1/series?match[]=...</code>, <a href="/api/v1/metadata">/api/v1/metadata</a>
</ul>
<h2>State</h2>
<ul>
<li><a href="/api/v1/status/tsdb">/api/v1/status/tsdb</a>,
<a href="/api/v1/status/buildinfo">buildinfo</a>,
<a href="/api/v1/status/runtimeinfo">runtimeinfo</a>,
<a href="/api/v1/status/flags">flags</a>
<li><a href="/metrics">/metrics</a>, <a href="/-/healthy">/-/healthy</a>,
<a href="/-/ready">/-/ready</a>
</ul>
<p>Version )";

}  // namespace

arrow::Result<Response> AnswerRoot(const Request&, const Services&) {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = kRootPage;
  response.body.append(Version()).append("</p></body></html>\n");
  return response;
}

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
