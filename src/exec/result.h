#pragma once

#include <string>
#include <string_view>

#include "exec/operator.h"
#include "exec/plan/planner.h"
#include "larnax/query.h"

namespace larnax::exec {

/// Put an evaluated vector into an answer: names that were marked are dropped, series that become
/// equal are merged, and those of a matrix are sorted.
///
/// \param matrix  The answer of a range query; else of an instant one.
/// \retval kExecution Series are equal and present at the same step.
/// \retval kLimit kTimeout kCancelled  As `budget` has it, which counts rows and answer together.
arrow::Status FillFromVector(StepVector vector, const StepGrid& grid, bool matrix,
                             const QueryBudget& budget, QueryResult* result);
/// Put a scalar into an answer.
void FillFromScalar(const std::vector<double>& values, const StepGrid& grid, bool matrix,
                    QueryResult* result);
/// Evaluate a range selector or subquery as a whole instant query: the samples in its window.
arrow::Status FillFromMatrix(const promql::Expr& expr, const StepGrid& grid, Planner* planner,
                             ExecutionContext* context, QueryResult* result);

}  // namespace larnax::exec
