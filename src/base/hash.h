#pragma once

#include <cstdint>
#include <string_view>

namespace larnax::base {

/// Hash bytes with XXH3-64, seed 0: the same on every machine.
uint64_t Hash64(std::string_view bytes);

}  // namespace larnax::base
