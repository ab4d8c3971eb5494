#pragma once

#include <cstdint>

namespace larnax::base {

/// `digits` * 10^`exponent`.
struct Decimal {
  uint64_t digits = 0;  ///< At most 17 of them, the last one not 0.
  int exponent = 0;
};

/// The fewest digits that read back as this double; of several the nearest to it.
///
/// \param value  Finite, greater than 0.
/// \see Raffaello Giulietti, "The Schubfach way to render doubles".
Decimal ShortestDecimal(double value);

/// As many bytes as the functions below may touch: a sign, 16 digits and a point, then decimals,
/// which are written 16 at a time however few they are.
inline constexpr int64_t kMaxNumberBytes = 40;

/// Write a number without an exponent: `0.000012`, `-1500`.
///
/// \param value  0, or of a magnitude in [1e-7, 1e22).
/// \param out    Room for kMaxNumberBytes. \return The end.
char* WritePlain(double value, char* out);
/// Write a number with an exponent of at least two digits: `1.5e+300`, `-5e-324`.
///
/// \param value  Finite. \param out  Room for kMaxNumberBytes. \return The end.
char* WriteScientific(double value, char* out);
/// Write a number.
///
/// \param out  Room for kMaxNumberBytes. \return The end.
char* WriteUnsigned(uint64_t value, char* out);

}  // namespace larnax::base
