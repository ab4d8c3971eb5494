#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "exec/operators/row_transforms.h"
#include "exec/plan/planner.h"
#include "larnax/error.h"

namespace larnax::exec {

using promql::Expr;
using promql::ValueType;
using SameLabels = PipelineOperator::SameLabels;

namespace {

constexpr std::array<std::string_view, 5> kAnchoredFunctions = {"changes", "delta", "increase",
                                                                "rate", "resets"};
constexpr std::array<std::string_view, 3> kSmoothedFunctions = {"delta", "increase", "rate"};

template <size_t n>
arrow::Status CheckModifier(std::string_view modifier, const std::array<std::string_view, n>& names,
                            std::string_view function) {
  if (std::find(names.begin(), names.end(), function) != names.end()) return arrow::Status::OK();
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return MakeError(ErrorKind::kExecution, std::string(modifier) +
                                              " modifier can only be used with: " + list +
                                              " - not with " + std::string(function));
}

bool HasNameMatcher(const std::vector<Matcher>& matchers, bool positive_only) {
  return std::any_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    const bool positive =
        matcher.type() == MatchType::kEqual || matcher.type() == MatchType::kRegex;
    return matcher.name() == kMetricLabel && (positive || !positive_only);
  });
}

// Moves a time as one selector or subquery asks for: what is inside of a subquery is moved from
// where that one looks.
void Apply(const promql::TimeShift& shift, promql::TimeShift* total) {
  if (shift.at != promql::TimeShift::At::kNone) {
    total->at = shift.at;
    total->at_ms = shift.at_ms;
    total->offset_ms = 0;
  }
  total->offset_ms += shift.offset_ms;
}

// How the first selector of an expression is moved in time; false if there is none.
bool FindFirstShift(const Expr& expr, promql::TimeShift* total) {
  const promql::TimeShift* shift = nullptr;
  if (const auto* selector = expr.As<promql::VectorSelector>()) shift = &selector->shift;
  if (const auto* matrix = expr.As<promql::MatrixSelector>()) shift = &matrix->selector.shift;
  if (shift != nullptr) {
    Apply(*shift, total);
    return true;
  }
  promql::TimeShift here{total->offset_ms, nullptr, total->at, total->at_ms};
  if (const auto* subquery = expr.As<promql::Subquery>()) Apply(subquery->shift, &here);
  for (const Expr* child : promql::Children(expr)) {
    promql::TimeShift below{here.offset_ms, nullptr, here.at, here.at_ms};
    if (!FindFirstShift(*child, &below)) continue;
    *total = std::move(below);
    return true;
  }
  return false;
}

// Whether the histograms below a function get their counter resets from the samples beside them. So
// do those of which only count or sum are looked at.
bool DetectsResets(std::string_view function, bool outside) {
  if (function == "histogram_count" || function == "histogram_sum" || function == "histogram_avg") {
    return true;
  }
  const bool whole = function == "histogram_quantile" || function == "histogram_quantiles" ||
                     function == "histogram_fraction";
  return !whole && outside;
}

}  // namespace

CallContext Planner::MakeCallContext(const Expr& expr, StepGrid grid) const {
  CallContext call;
  call.query = &context_->query;
  call.budget = context_->budget;
  call.grid = grid;
  call.expr = &expr;
  call.call = expr.As<promql::Call>();
  return call;
}

arrow::Result<VectorOperatorPtr> Planner::PlanCall(const Expr& expr, StepGrid grid) {
  const auto& call = *expr.As<promql::Call>();
  const std::string_view name = call.function->name;
  const Function* function = FindFunctionKernel(name);
  if (function == nullptr) {
    return MakeError(ErrorKind::kExecution, "function cannot be evaluated: " + std::string(name));
  }
  const bool starts = name == "start_timestamp" && context_->query.features.use_start_timestamps;
  if (name == "timestamp" || starts) {
    const Expr& argument = promql::Unwrap(*call.args.front());
    const auto* selector = argument.As<promql::VectorSelector>();
    if (selector != nullptr && !selector->smoothed) {
      ARROW_ASSIGN_OR_RAISE(
          VectorOperatorPtr input,
          PlanSelector(argument, grid,
                       starts ? InstantSpec::Value::kStartTime : InstantSpec::Value::kSampleTime));
      auto pipeline = Pipeline(std::move(input));
      pipeline->AddTransform(MakeNameDrop(&context_->query));
      DropsName(pipeline.get(), SameLabels::kMerge);
      return VectorOperatorPtr(std::move(pipeline));
    }
  }
  const Setting<bool> detect(&detect_resets_, !in_subquery_ && DetectsResets(name, detect_resets_));
  if (function->range != nullptr && function->vector == nullptr) {
    return PlanRangeCall(expr, *function, grid);
  }
  if (function->element != nullptr) return PlanElementCall(expr, *function, grid);
  if (function->vector != nullptr) return PlanVectorCall(expr, *function, grid);
  return MakeError(ErrorKind::kExecution, "not an instant vector: " + std::string(name));
}

arrow::Result<VectorOperatorPtr> Planner::PlanRangeCall(const Expr& expr, const Function& function,
                                                        StepGrid grid) {
  auto call = std::make_shared<RangeCall>();
  call->call = MakeCallContext(expr, grid);
  call->kernel = function.range;
  // A range kernel that feeds a vector kernel is for that one to name.
  call->drops_name = !function.keeps_name && function.vector == nullptr;
  const auto& args = call->call.call->args;
  const Expr* matrix = nullptr;
  call->scalar_operators.resize(args.size());
  call->call.strings.resize(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    switch (args[i]->type) {
      case ValueType::kMatrix:
        matrix = &promql::Unwrap(*args[i]);
        break;
      case ValueType::kString:
        call->call.strings[i] = promql::Unwrap(*args[i]).As<promql::StringLiteral>()->value;
        break;
      default:
        ARROW_ASSIGN_OR_RAISE(call->scalar_operators[i], PlanScalar(*args[i], grid));
    }
  }
  if (matrix == nullptr) return MakeError(ErrorKind::kExecution, "a range vector is missing");
  const bool drops_name = call->drops_name;
  ARROW_ASSIGN_OR_RAISE(VectorOperatorPtr result, PlanRangeInput(*matrix, grid, std::move(call)));
  if (drops_name) DropsName(static_cast<PipelineOperator*>(result.get()), SameLabels::kRefuse);
  return result;
}

arrow::Result<VectorOperatorPtr> Planner::PlanRangeInput(const Expr& matrix, StepGrid grid,
                                                         std::shared_ptr<RangeCall> call) {
  RangeSpec& spec = call->spec;
  spec.lookback_ms = context_->query.lookback_ms;
  if (const auto* selector = matrix.As<promql::MatrixSelector>()) {
    const promql::VectorSelector& vector = selector->selector;
    const std::string_view name = call->call.call->function->name;
    if (vector.anchored) {
      ARROW_RETURN_NOT_OK(CheckModifier("anchored", kAnchoredFunctions, name));
    }
    if (vector.smoothed) {
      ARROW_RETURN_NOT_OK(CheckModifier("smoothed", kSmoothedFunctions, name));
    }
    const RefTimes refs = RefsOf(vector.shift, grid);
    spec.range_ms = selector->range_ms;
    spec.first_ref_ms = refs.first_ms;
    spec.ref_step_ms = refs.step_ms;
    spec.anchored = vector.anchored;
    spec.smoothed = vector.smoothed;
    call->detect_resets = detect_resets_;
    const size_t reader = context_->selects->Register(
        vector.matchers, ReadRange(vector, refs, spec.range_ms, spec.lookback_ms));
    VectorOperatorPtr result = std::make_unique<RangeFunction>(context_, reader, std::move(call));
    result->set_single_name(HasNameEquality(vector));
    return result;
  }
  const auto* subquery = matrix.As<promql::Subquery>();
  if (subquery == nullptr) return MakeError(ErrorKind::kExecution, "not a range vector");
  const RefTimes refs = RefsOf(subquery->shift, grid);
  spec.range_ms = subquery->range_ms;
  spec.first_ref_ms = refs.first_ms;
  spec.ref_step_ms = refs.step_ms;
  spec.is_subquery = true;
  ARROW_ASSIGN_OR_RAISE(const StepGrid inner, GridOf(*subquery, grid));
  // Below a subquery histograms are as they are, whatever is looked at of them.
  const Setting<bool> inside(&in_subquery_, true);
  const Setting<bool> detect(&detect_resets_, false);
  VectorOperatorPtr input;
  {
    const Setting<StepRole> role(&context_->role, StepRole::kInner);
    ARROW_ASSIGN_OR_RAISE(input, PlanVector(*subquery->expr, inner));
  }
  const bool single_name = input->has_single_name();
  VectorOperatorPtr result =
      std::make_unique<SubqueryFunction>(context_, std::move(input), std::move(call));
  result->set_single_name(single_name);
  return result;
}

arrow::Result<CallArguments> Planner::PlanArguments(const Expr& expr, const Function& function,
                                                    StepGrid grid) {
  CallArguments out;
  out.call = MakeCallContext(expr, grid);
  const auto& call = *out.call.call;
  out.arguments.resize(call.args.size());
  for (size_t i = 0; i < call.args.size(); ++i) {
    const Expr& arg = *call.args[i];
    CallArguments::One& one = out.arguments[i];
    one.type = arg.type;
    switch (one.type) {
      case ValueType::kVector:
        if (function.name == "info" && i == 1) break;
        {
          ARROW_ASSIGN_OR_RAISE(one.vector, PlanVector(arg, grid));
        }
        break;
      case ValueType::kMatrix: {
        ARROW_ASSIGN_OR_RAISE(one.vector, PlanRangeCall(expr, function, grid));
        break;
      }
      case ValueType::kString:
        one.text = promql::Unwrap(arg).As<promql::StringLiteral>()->value;
        break;
      default: {
        ARROW_ASSIGN_OR_RAISE(one.scalar, PlanScalar(arg, grid));
      }
    }
  }
  if (function.name == "info") {
    out.arguments.resize(2);
    out.arguments[1].type = ValueType::kVector;
    ARROW_ASSIGN_OR_RAISE(out.arguments[1].vector, PlanInfoSeries(call, grid));
  }
  return out;
}

arrow::Result<VectorOperatorPtr> Planner::PlanInfoSeries(const promql::Call& call, StepGrid grid) {
  promql::VectorSelector selector;
  if (call.args.size() > 1) {
    if (const auto* given = promql::Unwrap(*call.args[1]).As<promql::VectorSelector>()) {
      selector.matchers = given->matchers;
    }
  }
  if (!HasNameMatcher(selector.matchers, true)) {
    const bool excludes = HasNameMatcher(selector.matchers, false);
    ARROW_ASSIGN_OR_RAISE(
        Matcher matcher,
        excludes ? Matcher::Make(MatchType::kRegex, std::string(kMetricLabel), ".+_info")
                 : Matcher::Make(MatchType::kEqual, std::string(kMetricLabel), "target_info"));
    selector.matchers.push_back(std::move(matcher));
  }
  InstantSpec spec;
  promql::TimeShift shift;
  FindFirstShift(*call.args[0], &shift);
  spec.refs = RefsOf(shift, grid);
  spec.lookback_ms = context_->query.lookback_ms;
  spec.sample_times = true;
  const size_t reader =
      context_->selects->Register(selector.matchers, ReadRange({}, spec.refs, spec.lookback_ms, 0));
  return std::make_unique<InstantSelector>(context_, grid, reader, spec);
}

arrow::Result<VectorOperatorPtr> Planner::PlanVectorCall(const Expr& expr, const Function& function,
                                                         StepGrid grid) {
  ARROW_ASSIGN_OR_RAISE(CallArguments arguments, PlanArguments(expr, function, grid));
  return std::make_unique<VectorFunction>(context_, grid, &function, std::move(arguments));
}

arrow::Result<VectorOperatorPtr> Planner::PlanElementCall(const Expr& expr,
                                                          const Function& function, StepGrid grid) {
  auto call = std::make_shared<ElementCall>();
  call->call = MakeCallContext(expr, grid);
  call->function = &function;
  const auto& args = call->call.call->args;
  VectorOperatorPtr input;
  call->call.scalars.resize(args.size());
  call->call.strings.resize(args.size());
  std::vector<std::pair<size_t, std::shared_ptr<ScalarOperator>>> scalars;
  for (size_t i = 0; i < args.size(); ++i) {
    switch (args[i]->type) {
      case ValueType::kVector: {
        ARROW_ASSIGN_OR_RAISE(input, PlanVector(*args[i], grid));
        break;
      }
      case ValueType::kString:
        call->call.strings[i] = promql::Unwrap(*args[i]).As<promql::StringLiteral>()->value;
        break;
      default: {
        ARROW_ASSIGN_OR_RAISE(ScalarOperatorPtr scalar, PlanScalar(*args[i], grid));
        scalars.emplace_back(i, std::move(scalar));
      }
    }
  }
  if (input == nullptr) {
    // A date function without argument is one of the time of each step.
    std::vector<double> seconds(grid.count);
    for (size_t step = 0; step < grid.count; ++step) {
      seconds[step] = static_cast<double>(grid.TimeAt(step)) / 1000;
    }
    input = std::make_unique<ScalarAsVector>(context_, grid,
                                             std::make_unique<GivenScalar>(std::move(seconds)));
  }
  auto pipeline = Pipeline(std::move(input));
  if (!scalars.empty()) {
    call->scalars.resize(args.size());
    pipeline->AddPreparation([call, scalars = std::move(scalars)]() -> arrow::Status {
      for (const auto& [i, scalar] : scalars) {
        ARROW_ASSIGN_OR_RAISE(std::vector<double> values, scalar->Evaluate());
        call->scalars[i] = std::make_shared<const std::vector<double>>(std::move(values));
        call->call.scalars[i] = *call->scalars[i];
      }
      return arrow::Status::OK();
    });
  }
  pipeline->AddTransform(MakeElementCall(call));
  if (!function.keeps_name) DropsName(pipeline.get(), SameLabels::kMerge);
  return VectorOperatorPtr(std::move(pipeline));
}

}  // namespace larnax::exec
