#pragma once

#include <arrow/status.h>

#include "exec/function.h"
#include "promql/ast.h"

namespace larnax::exec {

/// Compute every duration that is an expression, and every `@ start()` and `@ end()`, of a tree:
/// afterwards ranges, steps, offsets and times stand in the nodes as numbers.
///
/// \retval kBadQuery A range or step is not positive, or a duration is out of range.
arrow::Status ResolveDurations(promql::Expr* expr, const QueryContext& query,
                               std::string_view text);

}  // namespace larnax::exec
