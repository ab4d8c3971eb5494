#include "base/hash.h"

#include <xxhash.h>

namespace larnax::base {

uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
uint64_t XxHash64(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

}  // namespace larnax::base
