#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "exec/types.h"

namespace larnax::exec {

/// Loops over steps that are compiled for the vector units of several machines; results are the
/// same on all.

/// Add `terms[i]` to the compensated sums (Kahan-Neumaier) `sum[i]`, `compensation[i]`, as
/// base::KahanSum does.
void AddCompensated(const double* terms, size_t count, double* sum, double* compensation);

/// Tell whether any value has exactly these bits.
bool AnyHasBits(std::span<const double> values, uint64_t bits);

/// Tell whether any value is less than the one before it.
bool AnyDecreases(std::span<const double> values);

/// The windows of a counter at all steps, as far as they follow from times; see
/// ExtrapolateCounters.
struct CounterWindows {
  std::span<const uint32_t> first;   ///< Index of the first sample.
  std::span<const uint32_t> last;    ///< Index of the last sample.
  std::span<const double> sampled;   ///< Seconds between them.
  std::span<const double> to_start;  ///< Seconds that are added before the first one.
  std::span<const double> factor;    ///< What the increase between them is multiplied by.
};

/// Compute what counters without resets grew by in all windows, unless the counter was 0 within
/// `to_start` before the first sample.
///
/// \param increases  Shape [steps]; those between the first and the last sample.
/// \param results    Shape [steps]; the same times `factor`.
/// \return           Whether the counter was, or may have been, 0 anywhere so near: then
///                   `results` are not to be used.
bool ExtrapolateCounters(const CounterWindows& windows, const double* values, double* increases,
                         double* results);

/// Call `f(begin, end)` for each run of steps whose bits are set in both `a` and `b`; runs end at
/// the bounds of words.
template <typename F>
void ForEachRun(const PresenceWord* a, const PresenceWord* b, size_t steps, F&& f) {
  for (size_t word = 0; word < PresenceWordCount(steps); ++word) {
    PresenceWord bits = a[word] & b[word];
    size_t at = word * 64;
    while (bits != 0) {
      const auto skipped = static_cast<size_t>(std::countr_zero(bits));
      bits >>= skipped;
      const auto length = static_cast<size_t>(std::countr_one(bits));
      at += skipped;
      f(at, at + length);
      at += length;
      bits = length == 64 ? 0 : bits >> length;
    }
  }
}

}  // namespace larnax::exec
