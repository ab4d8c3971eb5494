// Any text reads or fails as a bad file, and says where; what reads can be applied and shown.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/serve/config_file.h"
#include "cli/serve/listen_address.h"
#include "cli/serve/serve_settings.h"
#include "larnax/error.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax::cli;  // NOLINT(google-build-using-namespace)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto given = ParseConfig(text, "larnax.yml");
  if (!given.ok()) {
    Check(larnax::KindOf(given.status()) == larnax::ErrorKind::kBadQuery);
    Check(given.status().message().starts_with("larnax.yml:"));
  } else {
    ServeSettings settings;
    Check(ApplySettings(*given, &settings).ok());
    Check(ShowSettings(settings).size() == AllSettings().size());
  }
  const auto address = ParseListenAddress(text);
  if (address.ok()) {
    Check(ParseListenAddress(FormatListenAddress(*address)).ValueOrDie() == *address);
  }
  return 0;
}
