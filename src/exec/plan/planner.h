#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <arrow/result.h>

#include "exec/operator.h"
#include "exec/operators/small_operators.h"
#include "exec/select/select_pool.h"
#include "exec/select/selectors.h"
#include "promql/ast.h"

namespace larnax::exec {

/// Gives a variable another value while it lives.
template <typename T>
class Setting {
 public:
  Setting(T* variable, T value) : variable_(variable), before_(*variable) { *variable = value; }
  ~Setting() { *variable_ = before_; }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  T* variable_;
  T before_;
};

/// Makes operators of an expression.
///
/// What is the same at every step is evaluated at one and repeated; an expression that occurs
/// several times is evaluated once; ranges to be read are told to the context's SelectPool.
class Planner {
 public:
  /// \param root  Durations are resolved. Outlives the planner and all operators.
  Planner(ExecutionContext* context, const QueryRequest& request, const promql::Expr& root);

  arrow::Result<VectorOperatorPtr> PlanVector(const promql::Expr& expr, StepGrid grid);
  arrow::Result<ScalarOperatorPtr> PlanScalar(const promql::Expr& expr, StepGrid grid);
  /// Where a selector is read at the steps of a grid.
  static RefTimes RefsOf(const promql::TimeShift& shift, const StepGrid& grid);
  /// The steps of a subquery whose windows end at the steps of `grid`.
  arrow::Result<StepGrid> GridOf(const promql::Subquery& subquery, const StepGrid& grid) const;
  /// What has to be read for windows (ref - range, ref] or for looking back.
  static TimeRange ReadRange(const promql::VectorSelector& selector, const RefTimes& refs,
                             int64_t range_ms, int64_t lookback_ms);

  /// The plan so far: the root's children are what was planned.
  std::unique_ptr<PlanNode> TakePlan() { return std::move(plan_root_); }

 private:
  // Of what is evaluated at one step for all.
  StepRole RoleOfOne() const {
    return context_->role == StepRole::kInner ? StepRole::kInner : StepRole::kOnce;
  }
  bool FindInvariant(const promql::Expr& expr);
  void CountTexts(const promql::Expr& expr);
  bool IsRepeated(const promql::Expr& expr) const;
  // Whether all series that it selects have one name.
  static bool HasNameEquality(const promql::VectorSelector& selector);

  arrow::Result<VectorOperatorPtr> PlanShared(const promql::Expr& expr, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanFresh(const promql::Expr& expr, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanSelector(const promql::Expr& expr, StepGrid grid,
                                                InstantSpec::Value value);
  arrow::Result<VectorOperatorPtr> PlanCall(const promql::Expr& expr, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanRangeCall(const promql::Expr& expr, const Function& function,
                                                 StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanRangeInput(const promql::Expr& matrix, StepGrid grid,
                                                  std::shared_ptr<RangeCall> call);
  arrow::Result<VectorOperatorPtr> PlanElementCall(const promql::Expr& expr,
                                                   const Function& function, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanVectorCall(const promql::Expr& expr,
                                                  const Function& function, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanInfoSeries(const promql::Call& call, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanBinary(const promql::Expr& expr, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanScalarBinary(const promql::Expr& expr, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanUnary(const promql::Expr& expr, StepGrid grid);
  arrow::Result<VectorOperatorPtr> PlanAggregate(const promql::Expr& expr, StepGrid grid);
  arrow::Result<ScalarOperatorPtr> PlanFreshScalar(const promql::Expr& expr, StepGrid grid);
  arrow::Result<CallArguments> PlanArguments(const promql::Expr& expr, const Function& function,
                                             StepGrid grid);
  CallContext MakeCallContext(const promql::Expr& expr, StepGrid grid) const;
  std::unique_ptr<PipelineOperator> Pipeline(VectorOperatorPtr input) const;
  void DropsName(PipelineOperator* pipeline, PipelineOperator::SameLabels same_labels) const;

  ExecutionContext* context_;
  const QueryRequest& request_;
  std::unordered_set<const promql::Expr*> invariant_;  // Largest ones that are.
  std::unordered_map<std::string, int> texts_;         // How often a larger expression occurs.
  std::unordered_map<std::string, std::shared_ptr<SharedVector>> shared_;  // By text and grid.
  std::unique_ptr<PlanNode> plan_root_;
  bool detect_resets_ = false;  // See InstantSpec.
  bool in_subquery_ = false;
  PlanNode* plan_ = nullptr;  // Under which the next operator stands.
};

}  // namespace larnax::exec
