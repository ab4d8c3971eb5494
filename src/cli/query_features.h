#pragma once

#include <string>
#include <string_view>

#include <arrow/status.h>

#include "larnax/query.h"

namespace larnax::cli {

/// Switch parts of the query language on, named as Prometheus does, with commas between them.
///
/// \retval kBadQuery There is no such part.
arrow::Status EnableQueryFeatures(std::string_view names, QueryFeatures* features);

/// Name the parts that are on, with commas between them.
std::string NamesOf(const QueryFeatures& features);

}  // namespace larnax::cli
