#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <arrow/result.h>

namespace larnax::promql {

/// Read a number as PromQL writes it: decimal, `0x1F`, `017`, `1_000`, `1e3`, `Inf`, `NaN`.
///
/// \retval kBadQuery `error parsing number: ...`
arrow::Result<double> ReadNumber(std::string_view text);

/// Read a duration (`1h30m`) into seconds.
///
/// \retval kBadQuery `not a valid duration string: ...`, `duration out of range`, ...
arrow::Result<double> ReadDuration(std::string_view text);

/// Append a number in plain notation with the fewest digits that read back the same.
void AppendNumber(double value, std::string* out);

}  // namespace larnax::promql
