#include "exec/step_loops.h"

#include <bit>
#include <cmath>
#include <limits>

// The compiler makes one function a machine and chooses when the program starts; sanitizers are not
// ready by then.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LARNAX_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define LARNAX_WIDE
#endif

namespace larnax::exec {

LARNAX_WIDE void AddCompensated(const double* __restrict terms, size_t count,
                                double* __restrict sum, double* __restrict compensation) {
  for (size_t i = 0; i < count; ++i) {
    const double before = sum[i];
    const double term = terms[i];
    const double total = before + term;
    const double lost_term = (before - total) + term;
    const double lost_sum = (term - total) + before;
    const double lost = std::abs(before) >= std::abs(term) ? lost_term : lost_sum;
    const double kept = compensation[i] + lost;
    // An infinite sum has lost nothing that could be told.
    compensation[i] = std::abs(total) > std::numeric_limits<double>::max() ? 0 : kept;
    sum[i] = total;
  }
}

LARNAX_WIDE bool AnyHasBits(std::span<const double> values, uint64_t bits) {
  uint64_t any = 0;
  for (const double value : values) {
    any |= static_cast<uint64_t>(std::bit_cast<uint64_t>(value) == bits);
  }
  return any != 0;
}

}  // namespace larnax::exec
