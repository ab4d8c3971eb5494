#pragma once

#include <string>

#include <arrow/result.h>

#include "promql/ast.h"

namespace larnax::promql {

/// Print an expression on one line, in the one form that Prometheus prints. It parses back to an
/// equal expression.
std::string ToString(const Expr& expr);
std::string ToString(const DurationExpr& duration);
/// Print a selector with its modifiers.
std::string ToString(const VectorSelector& selector);

/// Print on several lines: what is longer than 100 bytes is split at its operators and arguments,
/// each level indented by two spaces.
///
/// \retval kTooLarge Indentation makes the text too long.
arrow::Result<std::string> Pretty(const Expr& expr);

}  // namespace larnax::promql
