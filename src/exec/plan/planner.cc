#include "exec/plan/planner.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "exec/aggregate/aggregate.h"
#include "exec/join/vector_matching.h"
#include "exec/operators/row_transforms.h"
#include "larnax/error.h"
#include "promql/printer.h"

namespace larnax::exec {

using promql::Expr;
using promql::ValueType;
using SameLabels = PipelineOperator::SameLabels;

namespace {

// Texts of larger queries are not compared with each other to find repetitions.
constexpr int32_t kMaxSharedText = 4 << 10;
// Steps of a subquery: one series of so many takes 512 MB.
constexpr int64_t kMaxSubquerySteps = 64 << 20;

arrow::Status QueryError(std::string message) {
  return MakeError(ErrorKind::kExecution, std::move(message));
}

int64_t ClampedSub(int64_t a, int64_t b) {
  int64_t result = 0;
  if (!__builtin_sub_overflow(a, b, &result)) return result;
  return b > 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

std::string Join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// What a plan shows of a node; its children have lines of their own.
std::string PlanText(const Expr& expr) {
  if (const auto* aggregate = expr.As<promql::Aggregate>()) {
    std::string text(promql::Spelling(aggregate->op));
    if (aggregate->without || !aggregate->grouping.empty()) {
      text += (aggregate->without ? " without (" : " by (") + Join(aggregate->grouping) + ")";
    }
    return text;
  }
  if (const auto* binary = expr.As<promql::Binary>()) {
    std::string text(promql::Spelling(binary->op));
    if (binary->return_bool) text += " bool";
    if (binary->matching.has_value() &&
        (binary->matching->on || !binary->matching->labels.empty())) {
      text +=
          (binary->matching->on ? " on (" : " ignoring (") + Join(binary->matching->labels) + ")";
    }
    return text;
  }
  if (const auto* call = expr.As<promql::Call>()) {
    for (const auto& argument : call->args) {
      if (promql::Unwrap(*argument).As<promql::MatrixSelector>() != nullptr) {
        return promql::ToString(expr);
      }
    }
    return std::string(call->function->name) + "()";
  }
  if (expr.As<promql::Unary>() != nullptr) return "-";
  return promql::ToString(expr);
}

// Puts the nodes of what is planned meanwhile under a new one.
class PlanScope {
 public:
  PlanScope(PlanNode** current, std::string text) : current_(current), parent_(*current) {
    parent_->children.push_back(std::make_unique<PlanNode>());
    *current_ = parent_->children.back().get();
    (*current_)->text = std::move(text);
  }
  ~PlanScope() { *current_ = parent_; }
  PlanScope(const PlanScope&) = delete;
  PlanScope& operator=(const PlanScope&) = delete;

 private:
  PlanNode** current_;
  PlanNode* parent_;
};

// Whether the groups of an aggregation have no `__name__`.
bool LosesName(const promql::Aggregate& aggregate) {
  using promql::AggregateOp;
  switch (aggregate.op) {
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
    case AggregateOp::kCountValues:
      return false;
    default:
      return aggregate.without || std::find(aggregate.grouping.begin(), aggregate.grouping.end(),
                                            kMetricLabel) == aggregate.grouping.end();
  }
}

}  // namespace

bool Planner::HasNameEquality(const promql::VectorSelector& selector) {
  return std::any_of(selector.matchers.begin(), selector.matchers.end(), [](const Matcher& m) {
    return m.name() == kMetricLabel && m.type() == MatchType::kEqual;
  });
}

Planner::Planner(ExecutionContext* context, const QueryRequest& request, const Expr& root)
    : context_(context), request_(request), plan_root_(std::make_unique<PlanNode>()) {
  plan_ = plan_root_.get();
  if (FindInvariant(root)) invariant_.insert(&root);
  if (root.position.end - root.position.start <= kMaxSharedText) CountTexts(root);
}

// Tells whether an expression is the same at every step; notes the largest ones that are.
bool Planner::FindInvariant(const Expr& expr) {
  if (const auto* selector = expr.As<promql::VectorSelector>()) {
    return selector->shift.at != promql::TimeShift::At::kNone;
  }
  if (const auto* matrix = expr.As<promql::MatrixSelector>()) {
    return matrix->selector.shift.at != promql::TimeShift::At::kNone;
  }
  if (const auto* subquery = expr.As<promql::Subquery>()) {
    if (FindInvariant(*subquery->expr)) invariant_.insert(subquery->expr.get());
    return subquery->shift.at != promql::TimeShift::At::kNone;
  }
  bool invariant = true;
  std::vector<const Expr*> those;
  for (const Expr* child : promql::Children(expr)) {
    if (FindInvariant(*child)) {
      those.push_back(child);
    } else {
      invariant = false;
    }
  }
  if (const auto* call = expr.As<promql::Call>()) {
    const Function* function = FindFunctionKernel(call->function->name);
    // Without its argument a date function is one of time.
    if (function != nullptr && function->depends_on_time) invariant = false;
  }
  if (!invariant) {
    for (const Expr* child : those) invariant_.insert(child);
  }
  return invariant;
}

void Planner::CountTexts(const Expr& expr) {
  const bool larger = expr.As<promql::Call>() != nullptr ||
                      expr.As<promql::Aggregate>() != nullptr ||
                      expr.As<promql::Binary>() != nullptr;
  if (larger && expr.type == ValueType::kVector) {
    // What is inside of the second one is the first one's too.
    if (++texts_[promql::ToString(expr)] > 1) return;
  }
  for (const Expr* child : promql::Children(expr)) CountTexts(*child);
}

RefTimes Planner::RefsOf(const promql::TimeShift& shift, const StepGrid& grid) {
  if (shift.at != promql::TimeShift::At::kNone) {
    return {ClampedSub(shift.at_ms, shift.offset_ms), 0, grid.count};
  }
  const int64_t first_ms = ClampedSub(grid.start_ms, shift.offset_ms);
  int64_t last_ms = 0;
  const int64_t length_ms = grid.end_ms() - grid.start_ms;
  // At the end of time all steps look at one place, where there is nothing.
  if (__builtin_add_overflow(first_ms, length_ms, &last_ms)) return {first_ms, 0, grid.count};
  return {first_ms, grid.step_ms, grid.count};
}

TimeRange Planner::ReadRange(const promql::VectorSelector& selector, const RefTimes& refs,
                             int64_t range_ms, int64_t lookback_ms) {
  int64_t before_ms = range_ms;
  if (selector.anchored || selector.smoothed) before_ms += lookback_ms;
  // Windows are open at their start.
  int64_t start_ms = ClampedSub(refs.first_ms, before_ms);
  if (start_ms != std::numeric_limits<int64_t>::max()) ++start_ms;
  const int64_t after_ms = selector.smoothed ? lookback_ms : 0;
  return {start_ms, ClampedSub(refs.last_ms(), -after_ms)};
}

arrow::Result<StepGrid> Planner::GridOf(const promql::Subquery& subquery,
                                        const StepGrid& grid) const {
  const RefTimes refs = RefsOf(subquery.shift, grid);
  const int64_t step_ms =
      subquery.step_ms > 0 ? subquery.step_ms : request_.default_subquery_step_ms;
  if (step_ms <= 0) return QueryError("the step of a subquery must be greater than 0");
  const int64_t after_ms = ClampedSub(refs.first_ms, subquery.range_ms);
  StepGrid inner{after_ms / step_ms * step_ms, step_ms, 0};
  if (inner.start_ms <= after_ms &&
      __builtin_add_overflow(inner.start_ms, step_ms, &inner.start_ms)) {
    return inner;
  }
  if (grid.count == 0 || refs.last_ms() < inner.start_ms) return inner;
  int64_t length_ms = 0;
  if (__builtin_sub_overflow(refs.last_ms(), inner.start_ms, &length_ms) ||
      length_ms / step_ms >= kMaxSubquerySteps) {
    return MakeError(ErrorKind::kLimit, "a subquery would have too many steps: limit=" +
                                            std::to_string(kMaxSubquerySteps));
  }
  inner.count = static_cast<size_t>(length_ms / step_ms + 1);
  // Its times, and a row at least.
  ARROW_RETURN_NOT_OK(context_->budget->CheckBytes(static_cast<int64_t>(inner.count) * 16));
  return inner;
}

arrow::Result<VectorOperatorPtr> Planner::PlanVector(const Expr& expr, StepGrid grid) {
  if (const auto* paren = expr.As<promql::Paren>();
      paren != nullptr && !invariant_.contains(&expr)) {
    return PlanVector(*paren->expr, grid);
  }
  if (grid.count == 0) return std::make_unique<EmptyVector>(context_, grid);
  if (grid.count > 1 && invariant_.contains(&expr)) {
    const PlanScope scope(&plan_, "once");
    const Setting<StepRole> role(&context_->role, RoleOfOne());
    ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr once,
                          PlanShared(expr, {grid.start_ms, grid.step_ms, 1}));
    VectorOperatorPtr repeated = std::make_unique<RepeatedVector>(context_, grid, std::move(once));
    repeated->set_plan(plan_);
    return repeated;
  }
  return PlanShared(expr, grid);
}

bool Planner::IsRepeated(const Expr& expr) const {
  if (texts_.empty()) return false;
  const bool larger = expr.As<promql::Call>() != nullptr ||
                      expr.As<promql::Aggregate>() != nullptr ||
                      expr.As<promql::Binary>() != nullptr;
  if (!larger) return false;
  const auto found = texts_.find(promql::ToString(expr));
  return found != texts_.end() && found->second > 1;
}

arrow::Result<VectorOperatorPtr> Planner::PlanShared(const Expr& expr, StepGrid grid) {
  if (!IsRepeated(expr)) return PlanFresh(expr, grid);
  const std::string key = std::to_string(grid.start_ms) + ' ' + std::to_string(grid.step_ms) + ' ' +
                          std::to_string(grid.count) + (detect_resets_ ? " detect " : " ") +
                          promql::ToString(expr);
  std::shared_ptr<SharedVector>& shared = shared_[key];
  if (shared == nullptr) {
    ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr input, PlanFresh(expr, grid));
    // Planning what is below may have moved the map's entries.
    shared_[key] = std::make_shared<SharedVector>(context_, std::move(input), expr.position.start);
  } else {
    const PlanScope scope(&plan_, "again " + PlanText(expr));
  }
  return std::make_unique<SharedVectorReader>(context_, shared_[key], expr.position.start);
}

arrow::Result<VectorOperatorPtr> Planner::PlanFresh(const Expr& whole, StepGrid grid) {
  const Expr& expr = promql::Unwrap(whole);
  const PlanScope scope(&plan_, PlanText(expr));
  arrow::Result<VectorOperatorPtr> planned = QueryError("not an instant vector");
  if (expr.As<promql::VectorSelector>() != nullptr) {
    planned = PlanSelector(expr, grid, InstantSpec::Value::kSample);
  } else if (expr.As<promql::Call>() != nullptr) {
    planned = PlanCall(expr, grid);
  } else if (expr.As<promql::Aggregate>() != nullptr) {
    planned = PlanAggregate(expr, grid);
  } else if (expr.As<promql::Binary>() != nullptr) {
    planned = PlanBinary(expr, grid);
  } else if (expr.As<promql::Unary>() != nullptr) {
    planned = PlanUnary(expr, grid);
  }
  if (planned.ok()) (*planned)->set_plan(plan_);
  return planned;
}

arrow::Result<VectorOperatorPtr> Planner::PlanSelector(const Expr& expr, StepGrid grid,
                                                       InstantSpec::Value value) {
  const auto& selector = *expr.As<promql::VectorSelector>();
  InstantSpec spec;
  spec.refs = RefsOf(selector.shift, grid);
  spec.lookback_ms = context_->query.lookback_ms;
  spec.smoothed = selector.smoothed;
  spec.value = value;
  spec.detect_resets = detect_resets_;
  spec.position = expr.position;
  TimeRange range = ReadRange({}, spec.refs, spec.lookback_ms, 0);
  if (selector.smoothed) range.end_ms = ClampedSub(range.end_ms, -spec.lookback_ms);
  const size_t reader = context_->selects->Register(selector.matchers, range);
  VectorOperatorPtr result = std::make_unique<InstantSelector>(context_, grid, reader, spec);
  result->set_single_name(HasNameEquality(selector));
  return result;
}

std::unique_ptr<PipelineOperator> Planner::Pipeline(VectorOperatorPtr input) const {
  // Operators that are looked at one by one must not become one.
  if (context_->analyze) return std::make_unique<MapOperator>(context_, std::move(input));
  return AsPipeline(context_, std::move(input));
}

void Planner::DropsName(PipelineOperator* pipeline, SameLabels same_labels) const {
  if (context_->query.features.delayed_name_removal || pipeline->has_single_name()) return;
  pipeline->set_same_labels(same_labels);
  // What comes out has no names that could be dropped again.
  pipeline->set_single_name(true);
}

arrow::Result<VectorOperatorPtr> Planner::PlanUnary(const Expr& expr, StepGrid grid) {
  const auto& unary = *expr.As<promql::Unary>();
  ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr input, PlanVector(*unary.expr, grid));
  if (!unary.negate) return input;
  auto pipeline = Pipeline(std::move(input));
  pipeline->AddTransform(MakeNegate(&context_->query));
  DropsName(pipeline.get(), SameLabels::kMerge);
  return VectorOperatorPtr(std::move(pipeline));
}

arrow::Result<VectorOperatorPtr> Planner::PlanAggregate(const Expr& expr, StepGrid grid) {
  const auto& aggregate = *expr.As<promql::Aggregate>();
  ScalarOperatorPtr param;
  if (aggregate.param != nullptr && aggregate.param->type == ValueType::kScalar) {
    ARROW_ASSIGN_OR_RAISE(param, PlanScalar(*aggregate.param, grid));
  }
  ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr input, PlanVector(*aggregate.expr, grid));
  const bool single_name = input->has_single_name() || LosesName(aggregate);
  VectorOperatorPtr result = MakeAggregate(context_, &expr, std::move(input), std::move(param));
  result->set_single_name(single_name);
  return result;
}

arrow::Result<VectorOperatorPtr> Planner::PlanBinary(const Expr& expr, StepGrid grid) {
  const auto& binary = *expr.As<promql::Binary>();
  const Setting<bool> detect(&detect_resets_, false);
  if (!binary.matching.has_value()) return PlanScalarBinary(expr, grid);
  ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr lhs, PlanVector(*binary.lhs, grid));
  ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr rhs, PlanVector(*binary.rhs, grid));
  if (promql::IsSetOperator(binary.op)) {
    const bool single_name = binary.op != promql::BinaryOp::kOr && lhs->has_single_name();
    VectorOperatorPtr result =
        std::make_unique<SetOperator>(context_, &expr, std::move(lhs), std::move(rhs));
    result->set_single_name(single_name);
    return result;
  }
  VectorOperatorPtr result =
      std::make_unique<VectorBinary>(context_, &expr, std::move(lhs), std::move(rhs));
  const auto& include = binary.matching->include;
  result->set_single_name((ChangesMetric(binary.op) || binary.return_bool) &&
                          std::find(include.begin(), include.end(), kMetricLabel) == include.end());
  return result;
}

arrow::Result<VectorOperatorPtr> Planner::PlanScalarBinary(const Expr& expr, StepGrid grid) {
  const auto& binary = *expr.As<promql::Binary>();
  const bool scalar_on_left = binary.lhs->type == ValueType::kScalar;
  ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr input,
                        PlanVector(scalar_on_left ? *binary.rhs : *binary.lhs, grid));
  ARROW_ASSIGN_OR_RAISE(ScalarOperatorPtr scalar,
                        PlanScalar(scalar_on_left ? *binary.lhs : *binary.rhs, grid));
  auto values = std::make_shared<std::vector<double>>();
  auto pipeline = Pipeline(std::move(input));
  pipeline->AddPreparation([values, scalar = std::shared_ptr<ScalarOperator>(std::move(scalar))] {
    return scalar->Evaluate().Value(values.get());
  });
  pipeline->AddTransform(MakeScalarBinary({.op = binary.op,
                                           .scalar_on_left = scalar_on_left,
                                           .return_bool = binary.return_bool,
                                           .position = binary.lhs->position,
                                           .query = &context_->query,
                                           .scalar = values}));
  if (binary.return_bool || ChangesMetric(binary.op)) {
    DropsName(pipeline.get(), SameLabels::kMerge);
  }
  return VectorOperatorPtr(std::move(pipeline));
}

arrow::Result<ScalarOperatorPtr> Planner::PlanScalar(const Expr& expr, StepGrid grid) {
  if (grid.count > 1 && invariant_.contains(&expr)) {
    const Setting<StepRole> role(&context_->role, RoleOfOne());
    ARROW_ASSIGN_OR_RAISE(ScalarOperatorPtr once,
                          PlanFreshScalar(expr, {grid.start_ms, grid.step_ms, 1}));
    return std::make_unique<RepeatedScalar>(std::move(once), grid.count);
  }
  return PlanFreshScalar(expr, grid);
}

arrow::Result<ScalarOperatorPtr> Planner::PlanFreshScalar(const Expr& whole, StepGrid grid) {
  const Expr& expr = promql::Unwrap(whole);
  if (const auto* number = expr.As<promql::NumberLiteral>()) {
    return std::make_unique<ConstantScalar>(number->value, grid.count);
  }
  if (const auto* unary = expr.As<promql::Unary>()) {
    ARROW_ASSIGN_OR_RAISE(ScalarOperatorPtr input, PlanScalar(*unary->expr, grid));
    if (!unary->negate) return input;
    return std::make_unique<NegatedScalar>(std::move(input));
  }
  if (const auto* binary = expr.As<promql::Binary>()) {
    if (promql::IsTrim(binary->op)) {
      return QueryError("operator " + std::string(promql::Spelling(binary->op)) +
                        " not allowed for Scalar operations");
    }
    ARROW_ASSIGN_OR_RAISE(ScalarOperatorPtr lhs, PlanScalar(*binary->lhs, grid));
    ARROW_ASSIGN_OR_RAISE(ScalarOperatorPtr rhs, PlanScalar(*binary->rhs, grid));
    return std::make_unique<BinaryScalar>(binary->op, std::move(lhs), std::move(rhs));
  }
  if (const auto* call = expr.As<promql::Call>()) {
    const Function* function = FindFunctionKernel(call->function->name);
    if (function == nullptr || function->scalar == nullptr) {
      return QueryError("function cannot be evaluated: " + std::string(call->function->name));
    }
    const PlanScope scope(&plan_, PlanText(expr));
    ARROW_ASSIGN_OR_RAISE(CallArguments arguments, PlanArguments(expr, *function, grid));
    return std::make_unique<ScalarFunction>(context_, function, std::move(arguments));
  }
  return QueryError("not a scalar");
}

}  // namespace larnax::exec
