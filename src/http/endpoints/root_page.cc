#include <string>
#include <utility>

#include "http/endpoints/endpoints.h"
#include "http/message/params.h"
#include "larnax/version.h"

namespace larnax::http {
namespace {

// Links are relative: the page also stands below a prefix.
constexpr std::string_view kRootPage = R"html(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Larnax</title>
<style>body{font:15px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}
code,pre,input{font:14px monospace}input[name]{width:70%}li{margin:.2em 0}</style></head><body>
<h1>Larnax</h1>
<p>Keeps every Prometheus sample as rows of Parquet that any tool can open.</p>
<h2>Ask</h2>
<form action="api/v1/query"><input name="query" placeholder="PromQL" autofocus value="@QUERY@">
<button>Ask</button></form>
<ul>
<li><code>api/v1/query?query=...&amp;time=...</code>: PromQL at one time;
<code>api/v1/query_range?query=...&amp;start=...&amp;end=...&amp;step=...</code>: at each step;
<code>format=json|csv|arrow|parquet</code>
<li>Graphs: add this address to Grafana as a data source of type Prometheus, or
<code>larnax query 'up' --start -1h --format graph</code>
<li>Names: <a href="api/v1/label/__name__/values">metrics</a>,
<a href="api/v1/labels">labels</a>, <code>api/v1/label/NAME/values</code>,
<code>api/v1/series?match[]=...</code>, <a href="api/v1/metadata">metadata</a>,
<code>api/v1/query_exemplars?query=...</code>
<li>Raw samples: <a
href="api/v1/samples?match[]=%7B__name__%3D~%22.%2B%22%7D&amp;limit=5">api/v1/samples?match[]=...</a>
from <code>start</code> to <code>end</code>, in the same formats; <code>POST api/v1/read</code>:
Prometheus' remote read
</ul>
<h2>Open the files</h2>
<p>Plain Parquet in <code>@DATA@/samples</code> (and <code>histograms</code>,
<code>exemplars</code>, <code>metadata</code>), no server needed:</p>
<pre>pandas.read_parquet("@DATA@/samples")
duckdb -c "from read_parquet('@DATA@/samples/*/*.parquet', union_by_name = true)"</pre>
<p><code>POST flush</code> brings everything written so far into them.</p>
<h2>Write</h2>
<p><code>POST api/v1/write</code>: Prometheus remote write 1.0 and 2.0
(<code>remote_write: [{url: http://.../api/v1/write}]</code>)</p>
<h2>State</h2>
<p><a href="metrics">metrics</a>, <a href="api/v1/status/tsdb">contents</a>,
<a href="api/v1/status/flags">settings</a>,
<a href="api/v1/status/buildinfo">build</a>, <a href="api/v1/status/runtimeinfo">runtime</a>,
<a href="-/healthy">healthy</a>, <a href="-/ready">ready</a>; version @VERSION@</p>
</body></html>
)html";

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped.append("&lt;");
        break;
      case '&':
        escaped.append("&amp;");
        break;
      case '"':
        escaped.append("&quot;");
        break;
      default:
        escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace

arrow::Result<Response> AnswerRoot(const Request& request, const Services& services) {
  const auto data = services.options.flags.find("data");
  const std::pair<std::string_view, std::string> parts[] = {
      {"QUERY", EscapeHtml(request.params.First("query"))},
      {"DATA", data == services.options.flags.end() ? "data" : EscapeHtml(data->second)},
      {"VERSION", Version()}};
  Response response;
  response.content_type = "text/html; charset=utf-8";
  std::string_view rest = kRootPage;
  for (size_t at = rest.find('@'); at != std::string_view::npos; at = rest.find('@')) {
    response.body.append(rest.substr(0, at));
    rest.remove_prefix(at + 1);
    const size_t end = rest.find('@');
    for (const auto& [name, text] : parts) {
      if (rest.substr(0, end) == name) response.body.append(text);
    }
    rest.remove_prefix(end + 1);
  }
  response.body.append(rest);
  return response;
}

arrow::Result<Response> AnswerGraph(const Request& request, const Services& services) {
  const std::string root = services.options.route_prefix + "/";
  const std::string_view query = request.params.First("g0.expr");
  return Redirect(query.empty() ? root : root + "?query=" + PercentEncode(query));
}

}  // namespace larnax::http
