#pragma once

#include <memory>

#include "exec/operator.h"
#include "promql/ast.h"

namespace larnax::exec {

/// Make the operator of an aggregation.
///
/// \param expr   A promql::Aggregate; outlives the operator.
/// \param param  Null unless the aggregation has a scalar parameter.
VectorOperatorPtr MakeAggregate(ExecutionContext* context, const promql::Expr* expr,
                                VectorOperatorPtr input, ScalarOperatorPtr param);

}  // namespace larnax::exec
