#pragma once

#include <cmath>
#include <limits>

namespace larnax::exec {

/// The greater of two numbers as PromQL has it: +Inf above NaN, NaN above the rest, 0 above -0.
inline double MaxOf(double a, double b) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (a == kInf || b == kInf) return kInf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

/// The smaller of two numbers: -Inf below NaN, NaN below the rest, -0 below 0.
inline double MinOf(double a, double b) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (a == -kInf || b == -kInf) return -kInf;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

}  // namespace larnax::exec
