#include "exec/functions/range/exact_sums.h"

#include <algorithm>
#include <cmath>

namespace larnax::exec {
namespace {

constexpr double kFraction = 1024;
// Integers up to here are doubles, and numbers below half of it are rounded to integers by adding
// and subtracting kRounder.
constexpr double kLargest = 0x1p52;
constexpr double kRounder = 0x1.8p52;

}  // namespace

bool ExactSums::Load(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  const double bound = largest * static_cast<double>(values.size());
  if (!(bound < kLargest / 4)) return false;
  const double scale = bound * kFraction < kLargest / 4 ? kFraction : 1;
  unsigned rounded = 0;
  for (const double value : values) {
    const double units = value * scale;
    // NaN is not equal to anything.
    rounded |= (units + kRounder) - kRounder == units ? 0U : 1U;
  }
  if (rounded != 0) return false;
  unit_ = 1 / scale;
  totals_.resize(values.size() + 1);
  int64_t total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    total += static_cast<int64_t>(values[i] * scale);
    totals_[i + 1] = total;
  }
  return true;
}

}  // namespace larnax::exec
