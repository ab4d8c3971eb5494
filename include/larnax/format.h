#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <arrow/result.h>

namespace larnax {

/// Append a sample value as Prometheus' JSON prints it: `NaN`, `+Inf`, `-0`, shortest digits, plain
/// notation unless 0 < |v| < 1e-6 or |v| >= 1e21.
void AppendValue(double value, std::string* out);

/// Append a time as Prometheus' JSON prints it: seconds, three decimals unless whole.
void AppendSeconds(int64_t time_ms, std::string* out);

/// Append a JSON string, quotes included, escaped as Go's encoder does (`<`, `>`, `&` too).
/// Invalid UTF-8 becomes U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

/// Print as RFC 3339 in UTC with milliseconds: `2026-11-22T02:46:34.000Z`.
std::string FormatTime(int64_t time_ms);

/// Read a time: decimal seconds since the epoch, or RFC 3339.
///
/// \retval kBadQuery `cannot parse "x" to a valid timestamp`.
arrow::Result<int64_t> ParseTime(std::string_view text);

/// Read a Prometheus duration (`1h30m`, `15s`, `0`) or decimal seconds, into milliseconds.
///
/// \retval kBadQuery `cannot parse "x" to a valid duration`.
arrow::Result<int64_t> ParseDuration(std::string_view text);

/// Print a duration as Prometheus does: largest units first, `0s` for none.
std::string FormatDuration(int64_t duration_ms);

/// Read a byte count: digits with an optional `KiB`, `MiB`, `GiB`, `TiB` (also `KB`, `MB`, ...).
arrow::Result<int64_t> ParseSize(std::string_view text);

}  // namespace larnax
