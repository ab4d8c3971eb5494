#pragma once

#include <cstdint>
#include <span>

#include "exec/functions/range/finite_sum.h"

namespace larnax::exec {

/// Windows of one series: window k holds values begin[k] .. end[k]-1.
struct ValueWindows {
  std::span<const double> values;
  std::span<const uint32_t> begin;  ///< Shape [windows].
  std::span<const uint32_t> end;    ///< Shape [windows].
};

/// Evaluations of many windows side by side, several to a vector register. Each window has the
/// rounding of one loop over it alone: lanes never mix.

/// Sum up windows, compensated.
///
/// \param sums  Shape [windows]; zeros for an empty window.
void SumWindows(const ValueWindows& windows, FiniteSum* sums);

/// Sum up windows, and what their values are when each is multiplied by a factor, compensated.
///
/// \param factors   Those of window k are factors[first[k]], factors[first[k] + 1], ...
/// \param first     Shape [windows].
/// \param sums      Shape [windows]; zeros for an empty window.
/// \param products  Shape [windows]; zeros for an empty window.
void SumProductWindows(const ValueWindows& windows, const double* factors,
                       std::span<const uint32_t> first, FiniteSum* sums, FiniteSum* products);

/// Compute population variances by Welford's recurrence, compensated. A result that is not finite
/// means nothing: there were values that are not, or an overflow.
///
/// \param variances  Shape [windows]; NaN for an empty window.
void SpreadWindows(const ValueWindows& windows, double* variances);

/// Find the greatest values, NaN not counted: -Inf where there is no other. Of zeros it may be one
/// of either sign.
void MaximizeWindows(const ValueWindows& windows, double* results);
/// The same of the smallest; +Inf where there is none.
void MinimizeWindows(const ValueWindows& windows, double* results);

}  // namespace larnax::exec
