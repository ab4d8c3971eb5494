#pragma once

#include <span>

namespace larnax::exec {

/// Find the `quantile` (0..1; beyond: -Inf, +Inf; NaN: NaN) of values, NaN being the smallest,
/// interpolated between neighbours. The values are put into another order.
///
/// \param values  May be empty: NaN.
double Quantile(double quantile, std::span<double> values);

/// The same of values that are in ascending order, NaN first.
double QuantileOfSorted(double quantile, std::span<const double> sorted);

/// Tell whether a value can be a quantile; if not there is a warning to give.
bool IsQuantile(double quantile);

}  // namespace larnax::exec
