#include "cli/serve/listen_address.h"

#include <charconv>
#include <optional>

#include "larnax/error.h"

namespace larnax::cli {
namespace {

constexpr int kMaxPort = 65535;
// Any address, of IPv6 and through it of IPv4.
constexpr std::string_view kAnyHost = "::";

arrow::Status BadAddress(std::string_view text) {
  return MakeError(ErrorKind::kBadQuery, "not an address to listen on: \"" + std::string(text) +
                                             "\"; expected HOST:PORT, [IPV6]:PORT, :PORT or PORT");
}

std::optional<int> ParsePort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (port < 0 || port > kMaxPort) return std::nullopt;
  return port;
}

}  // namespace

arrow::Result<ListenAddress> ParseListenAddress(std::string_view text) {
  ListenAddress address;
  const size_t colon = text.rfind(':');
  if (const auto port =
          ParsePort(colon == std::string_view::npos ? text : text.substr(colon + 1))) {
    address.port = *port;
  } else {
    return BadAddress(text);
  }
  if (colon == std::string_view::npos) return address;
  std::string_view host = text.substr(0, colon);
  if (host.empty()) {
    host = kAnyHost;
  } else if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return BadAddress(text);
    host = host.substr(1, host.size() - 2);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return BadAddress(text);
    }
  } else if (host.find_first_of(":[]/@ ") != std::string_view::npos) {
    return BadAddress(text);
  }
  address.host = host;
  return address;
}

std::string FormatListenAddress(const ListenAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace larnax::cli
