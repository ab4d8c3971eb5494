#pragma once

#include <string>

#include "promql/ast.h"

namespace larnax::promql {

/// Append the tree as JSON, as Prometheus' `/api/v1/parse_query` gives it: one object a node with
/// `type`, keys sorted, times and durations in milliseconds.
void AppendAstJson(const Expr& expr, std::string* out);

}  // namespace larnax::promql
