// Reads bytes as a `.test` file, and expands what it loads.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "test/promql/samples.h"
#include "test/promql/script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using larnax::promqltest::LoadCommand;
  // Each line may ask for a million values.
  if (size > 4096) return 0;
  const auto commands =
      larnax::promqltest::ParseScript({reinterpret_cast<const char*>(data), size});
  if (!commands.ok()) return 0;
  size_t samples = 0;
  for (const auto& command : *commands) {
    const auto* load = std::get_if<LoadCommand>(&command.what);
    if (load == nullptr) continue;
    const auto series = larnax::promqltest::ExpandLoad(*load);
    if (!series.ok()) continue;
    for (const auto& one : *series) samples += one.samples.size();
  }
  return samples == SIZE_MAX ? 1 : 0;
}
