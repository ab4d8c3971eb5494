#pragma once

#include <cstdint>

#include <arrow/result.h>

#include "cli/command_line.h"
#include "larnax/query.h"

namespace larnax::cli {

/// Look at the machine's clock.
int64_t NowMs();

/// Read a time: `now`, a duration before it (`-1h30m`), seconds since 1970, or RFC 3339.
arrow::Result<int64_t> ReadTime(const std::string& text, int64_t now_ms);

/// Turn the arguments of `query` and `explain` into what is to be asked.
///
/// \retval kBadQuery A time, duration or feature cannot be read, or they do not go together.
arrow::Result<QueryRequest> ReadQuestion(const QueryArguments& arguments, int64_t now_ms);

}  // namespace larnax::cli
