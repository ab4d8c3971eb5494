#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/message/request.h"
#include "http/message/response.h"
#include "http/server_state.h"

namespace larnax::http {

/// A header and where it goes, as rules look at it. Borrows; `route` is an index of Routes() or
/// UnknownRoute().
struct RoutedHead {
  const RequestHead& head;
  size_t route;
  const ServerState& server;

  /// What an account needs for it. What a browser asks before the real request comes without
  /// credentials.
  Role role() const;
  /// Tell whether a page of another site wants to change the archive without having been let in by
  /// name: that pages of all sites may read is the default, and names nobody.
  bool IsForeignChange() const;
};

/// The refusal of a request that its header alone condemns; none where its body may be read.
std::optional<Response> RefuseHead(const RoutedHead& request);

/// Tell the browser of a page of another site what the page may see. Nothing for unknown routes.
void AddCors(const RoutedHead& request, Response* response);

/// The line that says who made a call that only administrators may make, and what became of it;
/// none where there is nothing to be told of.
std::optional<std::string> AuditLine(const RoutedHead& request, std::string_view peer, int status);

}  // namespace larnax::http
