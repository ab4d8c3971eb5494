#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace larnax::base {

/// As many bytes as WriteValue may write.
inline constexpr size_t kMaxNumberBytes = 32;

/// Write a sample value as larnax::AppendValue does. \param out  Room for kMaxNumberBytes.
/// \return The end.
char* WriteValue(double value, char* out);
/// Append a number as Go's `%g` prints it: shortest digits, an exponent of at least two digits
/// when it is below -4 or above 5 (`1e+06`), `NaN`, `+Inf`, `-Inf`.
void AppendShortest(double value, std::string* out);

/// Tell whether Go's `%q` prints a code point as it is. Unassigned ones, which change with each
/// version of Unicode, count as printable.
bool IsPrintable(char32_t code_point);
/// Append a code point as it stands inside of `quote`s in Go's `%q`.
void AppendEscaped(char32_t code_point, char quote, std::string* out);
/// Append a string as Go's `%q` prints it: in double quotes, with `\n`, `\"`, `\x00`, `\u00ad`.
void AppendQuoted(std::string_view text, std::string* out);

}  // namespace larnax::base
