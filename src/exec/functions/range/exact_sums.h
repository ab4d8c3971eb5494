#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace larnax::exec {

/// Sums of windows of values that are small multiples of 1/1024, or integers: no sum of them is
/// rounded, so a compensated sum has nothing to compensate, and that of a window is the difference
/// of two totals.
class ExactSums {
 public:
  /// Take up values; false where sums could be rounded.
  bool Load(std::span<const double> values);
  /// Sum up values begin .. end-1 of those taken up.
  double Sum(uint32_t begin, uint32_t end) const {
    return static_cast<double>(totals_[end] - totals_[begin]) * unit_;
  }

 private:
  std::vector<int64_t> totals_;  // Of the values before each, in units.
  double unit_ = 1;
};

}  // namespace larnax::exec
