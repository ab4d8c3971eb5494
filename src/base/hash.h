#pragma once

#include <cstdint>
#include <string_view>

namespace larnax::base {

/// Hash bytes with XXH3-64, seed 0: the same on every machine.
uint64_t Hash64(std::string_view bytes);
/// Hash bytes with XXH64, seed 0, where others have to come to the same.
uint64_t XxHash64(std::string_view bytes);

}  // namespace larnax::base
