#include "exec/functions/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace larnax::exec {
namespace {

bool SortsBefore(double a, double b) {
  if (std::isnan(b)) return false;
  return std::isnan(a) || a < b;
}

}  // namespace

std::optional<double> QuantileWithoutValues(double quantile, size_t count) {
  if (count == 0 || std::isnan(quantile)) return std::numeric_limits<double>::quiet_NaN();
  if (quantile < 0) return -std::numeric_limits<double>::infinity();
  if (quantile > 1) return std::numeric_limits<double>::infinity();
  return std::nullopt;
}

QuantilePlace PlaceOfQuantile(double quantile, size_t count) {
  const double rank = quantile * static_cast<double>(count - 1);
  const auto lower = static_cast<size_t>(std::floor(rank));
  return {lower, std::min(count - 1, lower + 1), rank - std::floor(rank)};
}

bool IsQuantile(double quantile) { return quantile >= 0 && quantile <= 1; }

double Quantile(double quantile, std::span<double> values) {
  if (const auto fixed = QuantileWithoutValues(quantile, values.size())) return *fixed;
  const QuantilePlace place = PlaceOfQuantile(quantile, values.size());
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>(place.lower);
  std::nth_element(values.begin(), lower, values.end(), SortsBefore);
  double upper = *lower;
  if (place.upper != place.lower) {
    upper = *std::min_element(lower + 1, values.end(), SortsBefore);
  }
  return InterpolateRanks(*lower, upper, place.weight);
}

}  // namespace larnax::exec
