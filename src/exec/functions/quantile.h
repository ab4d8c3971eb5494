#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace larnax::exec {

/// Find the `quantile` (0..1; beyond: -Inf, +Inf; NaN: NaN) of values, NaN being the smallest,
/// interpolated between neighbours. The values are put into another order.
///
/// \param values  May be empty: NaN.
double Quantile(double quantile, std::span<double> values);

/// The two neighbours that a quantile lies between.
struct QuantilePlace {
  size_t lower = 0;
  size_t upper = 0;
  double weight = 0;  ///< Of the upper one.
};

/// Find where a quantile lies in so many sorted values. \param quantile  0..1.
QuantilePlace PlaceOfQuantile(double quantile, size_t count);

/// The answer where it does not depend on the values: none, or a quantile that is none.
std::optional<double> QuantileWithoutValues(double quantile, size_t count);

inline double InterpolateRanks(double lower, double upper, double weight) {
  return lower * (1 - weight) + upper * weight;
}

/// The same as Quantile of values in ascending order, NaN first: anything with `size()` and `[]`.
template <typename Sorted>
double QuantileOfSorted(double quantile, const Sorted& sorted) {
  if (const auto fixed = QuantileWithoutValues(quantile, sorted.size())) return *fixed;
  const QuantilePlace place = PlaceOfQuantile(quantile, sorted.size());
  return InterpolateRanks(sorted[place.lower], sorted[place.upper], place.weight);
}

/// Tell whether a value can be a quantile; if not there is a warning to give.
bool IsQuantile(double quantile);

}  // namespace larnax::exec
