#include "http/router.h"

#include <algorithm>
#include <unordered_map>

namespace larnax::http {
namespace {

constexpr std::string_view kGet = "GET, HEAD, OPTIONS";
constexpr std::string_view kGetPost = "GET, HEAD, POST, OPTIONS";
constexpr std::string_view kPost = "POST, OPTIONS";
constexpr std::string_view kPostPut = "POST, PUT, OPTIONS";
constexpr std::string_view kPlainGet = "GET, HEAD";
constexpr std::string_view kPlainPostPut = "POST, PUT";

constexpr std::string_view kLabelPrefix = "/api/v1/label/";
constexpr std::string_view kLabelSuffix = "/values";
constexpr std::string_view kLabelPattern = "/api/v1/label/:name/values";

constexpr Route kRoutes[] = {
    {"/api/v1/write", kPost, RouteKind::kWrite, nullptr, true, true, Role::kWrite},
    {"/receive", kPost, RouteKind::kWrite, nullptr, true, true, Role::kWrite},
    {"/api/v1/read", kPost, RouteKind::kRemoteRead, AnswerRead},
    {"/api/v1/query", kGetPost, RouteKind::kPromql, AnswerQuery},
    {"/api/v1/query_range", kGetPost, RouteKind::kPromql, AnswerQueryRange},
    {"/api/v1/query_exemplars", kGetPost, RouteKind::kRead, AnswerQueryExemplars},
    {"/api/v1/format_query", kGetPost, RouteKind::kList, AnswerFormatQuery, false},
    {"/api/v1/parse_query", kGetPost, RouteKind::kList, AnswerParseQuery, false},
    {"/api/v1/features", kGet, RouteKind::kInline, AnswerFeatures, false},
    {"/api/v1/labels", kGetPost, RouteKind::kList, AnswerLabels},
    {kLabelPattern, kGet, RouteKind::kList, AnswerLabelValues},
    {"/api/v1/series", kGetPost, RouteKind::kList, AnswerSeries},
    {"/api/v1/samples", kGetPost, RouteKind::kRead, AnswerSamples},
    {"/api/v1/metadata", kGet, RouteKind::kList, AnswerMetadata},
    {"/api/v1/status/buildinfo", kGet, RouteKind::kInline, AnswerBuildInfo, false},
    {"/api/v1/status/runtimeinfo", kGet, RouteKind::kInline, AnswerRuntimeInfo, false},
    {"/api/v1/status/tsdb", kGet, RouteKind::kList, AnswerTsdb},
    {"/api/v1/status/flags", kGet, RouteKind::kInline, AnswerFlags, false},
    {"/api/v1/status/config", kGet, RouteKind::kInline, AnswerConfig, false},
    {"/api/v1/rules", kGet, RouteKind::kInline, AnswerRules, false},
    {"/api/v1/alerts", kGet, RouteKind::kInline, AnswerAlerts, false},
    {"/api/v1/targets", kGet, RouteKind::kInline, AnswerTargets, false},
    {"/api/v1/targets/metadata", kGet, RouteKind::kInline, AnswerTargetsMetadata, false},
    {"/api/v1/scrape_pools", kGet, RouteKind::kInline, AnswerScrapePools, false},
    {"/api/v1/alertmanagers", kGet, RouteKind::kInline, AnswerAlertmanagers, false},
    {"/api/v1/admin/flush", kPostPut, RouteKind::kMaintenance, AnswerFlush, true, true,
     Role::kAdmin},
    {"/api/v1/admin/merge", kPostPut, RouteKind::kMaintenance, AnswerMerge, true, true,
     Role::kAdmin},
    {"/flush", kPlainPostPut, RouteKind::kMaintenance, AnswerFlush, true, false, Role::kAdmin},
    {"/metrics", kPlainGet, RouteKind::kState, AnswerMetrics, false, false},
    {"/-/healthy", kPlainGet, RouteKind::kInline, AnswerHealthy, false, false, Role::kNone},
    {"/-/ready", kPlainGet, RouteKind::kInline, AnswerReady, false, false, Role::kNone},
    {"/graph", kPlainGet, RouteKind::kInline, AnswerGraph, false, false},
    {"/query", kPlainGet, RouteKind::kInline, AnswerGraph, false, false},
    {"/", kPlainGet, RouteKind::kInline, AnswerRoot, false, false},
};

size_t IndexOf(std::string_view pattern) {
  const auto* route = std::find_if(std::begin(kRoutes), std::end(kRoutes),
                                   [&](const Route& r) { return r.pattern == pattern; });
  return static_cast<size_t>(route - std::begin(kRoutes));
}

}  // namespace

bool Route::Allows(Method method) const {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
      return allow.starts_with("GET");
    case Method::kPost:
      return allow.find("POST") != std::string_view::npos;
    case Method::kPut:
      return allow.find("PUT") != std::string_view::npos;
    case Method::kOptions:
      return is_api;
    case Method::kOther:
      return false;
  }
  return false;
}

std::span<const Route> Routes() { return kRoutes; }

std::vector<std::string_view> RouteNames() {
  std::vector<std::string_view> names;
  for (const Route& route : kRoutes) names.push_back(route.pattern);
  names.push_back("unknown");
  return names;
}

size_t FindRoute(std::string_view path, std::string* name) {
  if (path.size() > kLabelPrefix.size() + kLabelSuffix.size() && path.starts_with(kLabelPrefix) &&
      path.ends_with(kLabelSuffix)) {
    path.remove_prefix(kLabelPrefix.size());
    path.remove_suffix(kLabelSuffix.size());
    if (path.find('/') != std::string_view::npos) return UnknownRoute();
    auto decoded = PercentDecode(path, false);
    if (!decoded.ok()) return UnknownRoute();
    *name = DecodeNameEscapes(*decoded);
    return IndexOf(kLabelPattern);
  }
  // A pattern with a variable never equals a path: labels go through the branch above.
  if (path.find(':') != std::string_view::npos) return UnknownRoute();
  return IndexOf(path);
}

}  // namespace larnax::http
