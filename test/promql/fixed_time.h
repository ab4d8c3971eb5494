#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/result.h>

namespace larnax::promqltest {

/// The text of a query that gives at any time what `query` gives at `time_ms`: every selector that
/// is not fixed, and every outermost subquery, gets `@ TIME`.
///
/// \return nullopt where a function depends on the time itself.
arrow::Result<std::optional<std::string>> FixTime(std::string_view query, int64_t time_ms);

}  // namespace larnax::promqltest
