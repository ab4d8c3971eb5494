#pragma once

#include <string>
#include <string_view>

#include <arrow/result.h>

namespace larnax::cli {

/// Where a server listens.
struct ListenAddress {
  std::string host = "127.0.0.1";  ///< Without brackets.
  int port = 9797;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// Read `127.0.0.1:9797`, `[::1]:9797`, `:9797` (all addresses), `localhost:9797` or `9797`.
///
/// \retval kBadQuery None of these; the message says what it should look like.
arrow::Result<ListenAddress> ParseListenAddress(std::string_view text);

/// Print as `host:port`, IPv6 addresses in brackets.
std::string FormatListenAddress(const ListenAddress& address);

}  // namespace larnax::cli
