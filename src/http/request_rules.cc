#include "http/request_rules.h"

#include <boost/beast/core/string.hpp>

#include "http/router.h"
#include "larnax/format.h"

namespace larnax::http {

namespace beast = boost::beast;

Role RoutedHead::role() const {
  return head.method == Method::kOptions ? Role::kNone : Routes()[route].role;
}

bool RoutedHead::IsForeignChange() const {
  if (!Routes()[route].changes() || !IsCrossSite(head)) return false;
  return !server.cors || head.origin.empty() || !server.cors->Matches(head.origin);
}

std::optional<Response> RefuseHead(const RoutedHead& request) {
  const RequestHead& head = request.head;
  const std::string& prefix = request.server.options.route_prefix;
  if (head.http_1_1 && head.hosts != 1) {
    return TextResponse(400, "400 Bad Request: exactly one Host header is required");
  }
  if (head.authorizations > 1) {
    return TextResponse(400, "400 Bad Request: more than one Authorization header");
  }
  if (!head.transfer_encoding.empty() && !beast::iequals(head.transfer_encoding, "chunked")) {
    return TextResponse(400, "unsupported transfer encoding");
  }
  if (!head.expect.empty() && !beast::iequals(head.expect, "100-continue")) {
    return TextResponse(417, "unknown expectation");
  }
  if (!prefix.empty() && (head.path == prefix || head.path == "/")) return Redirect(prefix + "/");
  if (request.route == UnknownRoute()) return TextResponse(404, "404 page not found");
  const Route& route = Routes()[request.route];
  if (!route.Allows(head.method)) {
    Response refusal = TextResponse(405, "Method Not Allowed");
    refusal.headers.emplace_back("Allow", route.allow);
    return refusal;
  }
  if (head.method != Method::kOptions && request.IsForeignChange()) {
    return TextResponse(403, "a page of another site may not change the archive");
  }
  return std::nullopt;
}

void AddCors(const RoutedHead& request, Response* response) {
  if (request.route == UnknownRoute() || !Routes()[request.route].is_api) return;
  const std::string& origin = request.head.origin;
  const auto& cors = request.server.cors;
  response->headers.emplace_back("Vary", "Origin");
  if (origin.empty() || request.IsForeignChange()) return;
  if (cors && !cors->Matches(origin)) return;
  response->headers.emplace_back("Access-Control-Allow-Headers",
                                 "Accept, Authorization, Content-Type, Origin");
  response->headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response->headers.emplace_back("Access-Control-Expose-Headers", "Date");
  response->headers.emplace_back("Access-Control-Allow-Origin", cors ? origin : "*");
}

std::optional<std::string> AuditLine(const RoutedHead& request, std::string_view peer, int status) {
  if (request.route == UnknownRoute() || request.head.method == Method::kOptions) return {};
  const Route& route = Routes()[request.route];
  if (route.role != Role::kAdmin) return {};
  std::string line = "audit: path=";
  line.append(route.pattern).append(" account=");
  AppendJsonString(request.head.account, &line);
  line.append(" from=").append(peer).append(" status=").append(std::to_string(status));
  return line;
}

}  // namespace larnax::http
