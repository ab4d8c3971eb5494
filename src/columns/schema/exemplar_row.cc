#include "columns/schema/exemplar_row.h"

#include <bit>

namespace larnax::columns {

int CompareExemplars(const ExemplarRow& a, const ExemplarRow& b) {
  if (a.time_ms != b.time_ms) return a.time_ms < b.time_ms ? -1 : 1;
  if (const int order = a.labels.compare(b.labels); order != 0) return order;
  const auto a_bits = std::bit_cast<uint64_t>(a.value);
  const auto b_bits = std::bit_cast<uint64_t>(b.value);
  return a_bits == b_bits ? 0 : a_bits < b_bits ? -1 : 1;
}

}  // namespace larnax::columns
