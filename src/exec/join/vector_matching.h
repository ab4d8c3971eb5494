#pragma once

#include <memory>

#include "exec/operator.h"
#include "promql/ast.h"

namespace larnax::exec {

/// `vector op vector` for arithmetic, comparisons and trims.
///
/// Both sides are read whole. Series find each other by their labels once, not at every step.
class VectorBinary final : public WholeOperator {
 public:
  /// \param expr  A promql::Binary with `matching`; outlives the operator.
  VectorBinary(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr lhs,
               VectorOperatorPtr rhs);

 private:
  arrow::Result<StepVector> Evaluate() override;

  const promql::Binary& binary_;
  VectorOperatorPtr lhs_;
  VectorOperatorPtr rhs_;
};

/// `vector and|or|unless vector`
class SetOperator final : public WholeOperator {
 public:
  SetOperator(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr lhs,
              VectorOperatorPtr rhs);

 private:
  arrow::Result<StepVector> Evaluate() override;

  const promql::Binary& binary_;
  VectorOperatorPtr lhs_;
  VectorOperatorPtr rhs_;
};

}  // namespace larnax::exec
