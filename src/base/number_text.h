#pragma once

#include <string>
#include <string_view>

namespace larnax::base {

/// Append a number as Go's `%g` prints it: shortest digits, an exponent of at least two digits
/// when it is below -4 or above 5 (`1e+06`), `NaN`, `+Inf`, `-Inf`.
void AppendShortest(double value, std::string* out);

/// Append a string as Go's `%q` prints it: in double quotes, with `\n`, `\"`, `\x00`, `\u00ad`.
void AppendQuoted(std::string_view text, std::string* out);

}  // namespace larnax::base
