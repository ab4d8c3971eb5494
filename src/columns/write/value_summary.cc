#include "columns/write/value_summary.h"

#include <bit>
#include <cmath>

#include "larnax/samples.h"

namespace larnax::columns {
namespace {

// What x86 makes of inf - inf.
constexpr uint64_t kNegativeNanBits = 0xfff8000000000000;
constexpr uint64_t kQuietBit = 0x0008000000000000;

/// Tell which NaN sum + value is. An addition leaves that to compiler and processor, but a file
/// must not depend on them.
double NanOf(double sum, double value) {
  if (std::isnan(value)) return std::bit_cast<double>(std::bit_cast<uint64_t>(value) | kQuietBit);
  return std::isnan(sum) ? sum : std::bit_cast<double>(kNegativeNanBits);
}

}  // namespace

SeriesValues Summarize(std::span<const int64_t> time_ms, std::span<const double> value) {
  SeriesValues result;
  double sum = 0;
  double correction = 0;
  double previous = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const double v = value[i];
    if (std::bit_cast<uint64_t>(v) == kStaleBits) continue;
    if (!result.has_values) {
      result.has_values = true;
      result.first_value = v;
      result.min = v;
      result.max = v;
    } else {
      if (v < previous) ++result.resets;
      if (v < result.min || std::isnan(result.min)) result.min = v;
      if (v > result.max || std::isnan(result.max)) result.max = v;
    }
    previous = v;
    result.last_value = v;
    result.last_time_ms = time_ms[i];
    double next = sum + v;
    if (std::isnan(next)) {
      next = NanOf(sum, v);
    } else if (std::isinf(next)) {
      correction = 0;
    } else {
      correction += std::abs(sum) >= std::abs(v) ? (sum - next) + v : (v - next) + sum;
    }
    sum = next;
  }
  result.sum = std::isfinite(sum) ? sum + correction : sum;
  return result;
}

}  // namespace larnax::columns
