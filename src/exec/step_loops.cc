#include "exec/step_loops.h"

#include <bit>
#include <cmath>
#include <limits>

#include "exec/target_clones.h"

namespace larnax::exec {

LARNAX_TARGET_CLONES void AddCompensated(const double* __restrict terms, size_t count,
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

LARNAX_TARGET_CLONES bool AnyHasBits(std::span<const double> values, uint64_t bits) {
  uint64_t any = 0;
  for (const double value : values) {
    any |= static_cast<uint64_t>(std::bit_cast<uint64_t>(value) == bits);
  }
  return any != 0;
}

LARNAX_TARGET_CLONES bool AnyDecreases(std::span<const double> values) {
  uint64_t any = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    any |= static_cast<uint64_t>(values[i] < values[i - 1]);
  }
  return any != 0;
}

LARNAX_TARGET_CLONES bool ExtrapolateCounters(const CounterWindows& windows,
                                              const double* __restrict values,
                                              double* __restrict increases,
                                              double* __restrict results) {
  // Divisions are saved where products tell the same beyond any rounding.
  constexpr double kBeyondRounding = 1 + 1e-9;
  constexpr double kTiny = 1e-290;
  constexpr double kHuge = 1e290;
  const uint32_t* const __restrict first = windows.first.data();
  const uint32_t* const __restrict last = windows.last.data();
  const double* const __restrict sampled = windows.sampled.data();
  const double* const __restrict to_start = windows.to_start.data();
  const double* const __restrict factor = windows.factor.data();
  uint64_t near_zero = 0;
  for (size_t step = 0; step < windows.first.size(); ++step) {
    const double begin = values[first[step]];
    const double increase = values[last[step]] - begin;
    const double left = begin * sampled[step];
    const double right = to_start[step] * increase;
    const bool far = (left > right * kBeyondRounding) & (right > kTiny) & (left < kHuge);
    near_zero |= static_cast<uint64_t>((increase > 0) & (begin >= 0) & !far);
    increases[step] = increase;
    results[step] = increase * factor[step];
  }
  return near_zero != 0;
}

}  // namespace larnax::exec
