#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/access/roles.h"
#include "http/endpoints/endpoints.h"
#include "http/message/request.h"

namespace larnax::http {

/// Where a route's answer is made.
enum class RouteKind {
  kWrite,        ///< Database::Ingest, from the connection's own thread.
  kInline,       ///< The connection's own thread: the answer costs next to nothing.
  kState,        ///< A thread of its own: what watches the server must not wait for what it does.
  kList,         ///< Threads for what is short: names, series, metadata.
  kRead,         ///< Threads for streams of samples.
  kRemoteRead,   ///< The same, so many at a time as `remote_read_concurrency` says.
  kPromql,       ///< Threads for PromQL, so many at a time as `query_concurrency` says.
  kMaintenance,  ///< The one thread for work that may take minutes.
};

/// One path and what answers it.
struct Route {
  std::string_view pattern;  ///< `:name` stands for one segment.
  std::string_view allow;    ///< Methods, as in the header `Allow`.
  RouteKind kind = RouteKind::kInline;
  Endpoint endpoint = nullptr;  ///< Null for kWrite.
  bool needs_database = true;
  bool is_api = true;       ///< With CORS, and answers may be compressed.
  Role role = Role::kRead;  ///< What an account needs for it.

  /// Tell whether its body is a protocol's message: then that may be too large, or not spoken here.
  bool takes_messages() const {
    return kind == RouteKind::kWrite || kind == RouteKind::kRemoteRead;
  }
  /// Tell whether it changes the archive: such requests may not come from other sites' pages.
  bool changes() const { return role == Role::kWrite || role == Role::kAdmin; }
  /// Tell whether a method may be used; HEAD goes with GET, OPTIONS with the API.
  bool Allows(Method method) const;
};

/// All routes; the index of a route is its row in the metrics.
std::span<const Route> Routes();
/// The metrics' row for paths that nothing answers.
inline size_t UnknownRoute() { return Routes().size(); }
/// Label values for the metrics: the patterns, then one for UnknownRoute().
std::vector<std::string_view> RouteNames();

/// Find the route of a path (still percent-encoded).
///
/// \param name  Set to the path's `:name` where it has one, decoded.
/// \return      The index of the route; UnknownRoute() where there is none.
size_t FindRoute(std::string_view path, std::string* name);

}  // namespace larnax::http
