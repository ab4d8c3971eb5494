#pragma once

#include <vector>

#include "exec/operator.h"
#include "promql/ast.h"

namespace larnax::exec {

/// `topk`, `bottomk`, `limitk`, `limit_ratio`: keeps some of the samples of each group.
class PickingAggregate final : public WholeOperator {
 public:
  PickingAggregate(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr input,
                   ScalarOperatorPtr param);

 private:
  arrow::Result<StepVector> Evaluate() override;
  arrow::Status CheckParam(std::vector<double>* param);
  void NoteHistogram();
  arrow::Result<StepVector> PickRanked(StepVector all, const std::vector<double>& param);
  arrow::Result<StepVector> PickFirst(StepVector all, const std::vector<double>& param);
  arrow::Result<StepVector> PickShare(StepVector all, const std::vector<double>& param);

  const promql::Expr& expr_;
  const promql::Aggregate& aggregate_;
  VectorOperatorPtr input_;
  ScalarOperatorPtr param_;
};

}  // namespace larnax::exec
