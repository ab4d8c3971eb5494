// Any text reads or fails as a bad file; what reads can be used without further checks.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/access/web_config.h"
#include "larnax/error.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax::http;  // NOLINT(google-build-using-namespace)
  const auto config = ParseWebConfig({reinterpret_cast<const char*>(data), size}, "web.yml");
  if (!config.ok()) {
    Check(larnax::KindOf(config.status()) == larnax::ErrorKind::kBadQuery);
    return 0;
  }
  for (const Account& account : config->accounts) {
    Check(!account.name.empty() && account.hash.size() == (account.is_token ? 32 : 60));
  }
  if (config->tls) Check(!config->tls->cert_file.empty() && !config->tls->key_file.empty());
  for (const auto& [name, value] : config->headers) {
    for (const char c : value) Check(c >= ' ' || static_cast<unsigned char>(c) >= 0x80);
  }
  return 0;
}
