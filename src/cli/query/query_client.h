#pragma once

#include <string>
#include <string_view>

#include <arrow/result.h>

#include "larnax/query.h"

namespace larnax::cli {

/// Ask a server over HTTP, and give back the body of its answer.
///
/// \param format  `json`, `csv`, `arrow` or `parquet`; Prometheus speaks only the first.
/// \retval kBadQuery, kExecution, kTimeout, ... As the server says; kUnsupported where it answers
///                    in another form.
/// \retval IOError    It cannot be reached.
arrow::Result<std::string> AskServer(const std::string& url, const QueryRequest& request,
                                     std::string_view format);

/// Read the JSON of an answer. Histograms keep count and sum only.
///
/// \retval kCorrupt It is not such JSON.
arrow::Result<QueryResult> ReadAnswerJson(std::string_view json);

}  // namespace larnax::cli
