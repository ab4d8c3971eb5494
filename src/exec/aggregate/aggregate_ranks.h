#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "exec/aggregate/group_index.h"
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
  GroupIndex NoGroups() const;
  void PickInTasks(const std::vector<double>& param);
  void NoteHistogram();
  arrow::Result<StepVector> PickRanked(StepVector all, const std::vector<double>& param);
  arrow::Result<StepVector> PickFirst(StepVector all, const std::vector<double>& param);
  arrow::Result<StepVector> PickShare(StepVector all, const std::vector<double>& param);

  const promql::Expr& expr_;
  const promql::Aggregate& aggregate_;
  VectorOperatorPtr input_;
  ScalarOperatorPtr param_;
  // Set by tasks that met a histogram among what is ranked.
  std::shared_ptr<std::atomic<bool>> any_histogram_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace larnax::exec
