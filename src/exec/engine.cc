#include "exec/engine.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "exec/operator.h"
#include "exec/plan/durations.h"
#include "exec/plan/planner.h"
#include "exec/result.h"
#include "exec/select/select_pool.h"
#include "io/clock.h"
#include "io/executor.h"
#include "larnax/error.h"
#include "promql/parser.h"

namespace larnax::exec {

using promql::ValueType;

namespace {

// One series of so many steps takes 80 MB.
constexpr int64_t kMaxSteps = 10'000'000;

arrow::Status BadQuery(std::string message) {
  return MakeError(ErrorKind::kBadQuery, std::move(message));
}

arrow::Result<StepGrid> GridOf(const QueryRequest& request) {
  if (request.step_ms == 0) return StepGrid{request.start_ms, 1, 1};
  if (request.step_ms < 0) {
    return BadQuery(
        "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  if (request.end_ms < request.start_ms) {
    return BadQuery("end timestamp must not be before start time");
  }
  int64_t length_ms = 0;
  if (__builtin_sub_overflow(request.end_ms, request.start_ms, &length_ms) ||
      length_ms / request.step_ms >= kMaxSteps) {
    return MakeError(ErrorKind::kLimit,
                     "query would have too many steps: limit=" + std::to_string(kMaxSteps));
  }
  return StepGrid{request.start_ms, request.step_ms,
                  static_cast<size_t>(length_ms / request.step_ms + 1)};
}

void PrintPlan(const PlanNode& node, int depth, std::vector<QueryPlanLine>* lines) {
  lines->push_back({depth, node.text, node.series, node.samples, node.time_ns});
  for (const auto& child : node.children) PrintPlan(*child, depth + 1, lines);
}

// One query on its way.
class QueryRun {
 public:
  QueryRun(SampleSource& source, const QueryRequest& request, const io::Clock& clock,
           io::Executor* executor, size_t morsels, io::TaskRunner tasks)
      : request_(request),
        clock_(clock),
        budget_(request, clock),
        selects_(&source, request, &context_) {
    context_.query = {request.start_ms, request.step_ms == 0 ? request.start_ms : request.end_ms,
                      request.step_ms, request.lookback_ms, request.features};
    context_.budget = &budget_;
    context_.clock = &clock;
    context_.executor = executor;
    context_.parallel = executor == nullptr ? 1 : morsels;
    context_.tasks = std::move(tasks);
    context_.selects = &selects_;
    context_.analyze = request.explain == QueryExplain::kAnalyze;
    context_.plan_only = request.explain == QueryExplain::kPlan;
  }

  arrow::Result<QueryResult> Evaluate() {
    const int64_t begin = clock_.MonotonicNs();
    ARROW_ASSIGN_OR_RAISE(const StepGrid grid, GridOf(request_));
    ARROW_ASSIGN_OR_RAISE(promql::ExprPtr expr, ParseText());
    ARROW_RETURN_NOT_OK(ResolveDurations(expr.get(), context_.query, request_.text));
    context_.steps = grid.count;
    if (request_.step_stats) {
      ARROW_RETURN_NOT_OK(budget_.CheckBytes(static_cast<int64_t>(grid.count) * 16));
      context_.stats.samples_at.resize(grid.count);
      context_.stats.samples_taken_at.resize(grid.count);
    }
    Planner planner(&context_, request_, *expr);
    QueryResult result;
    ARROW_RETURN_NOT_OK(EvaluateExpr(*expr, grid, &planner, begin, &result));
    Finish(grid, &planner, &result);
    return result;
  }

 private:
  arrow::Result<promql::ExprPtr> ParseText() {
    promql::ParseOptions options;
    options.experimental_functions = request_.features.experimental_functions;
    options.extended_range_selectors = request_.features.extended_range_selectors;
    options.binop_fill_modifiers = request_.features.binop_fill_modifiers;
    ARROW_ASSIGN_OR_RAISE(promql::ExprPtr expr, promql::Parse(request_.text, options));
    const ValueType type = expr->type;
    if (request_.step_ms != 0 && type != ValueType::kVector && type != ValueType::kScalar) {
      return BadQuery("invalid expression type \"" + std::string(promql::TypeName(type)) +
                      "\" for range query, must be Scalar or instant Vector");
    }
    return expr;
  }

  arrow::Status EvaluateExpr(const promql::Expr& expr, const StepGrid& grid, Planner* planner,
                             int64_t begin, QueryResult* result) {
    const bool matrix = request_.step_ms != 0;
    switch (expr.type) {
      case ValueType::kVector: {
        ARROW_ASSIGN_OR_RAISE(auto input, planner->PlanVector(expr, grid));
        EndPreparation(begin);
        if (context_.plan_only) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(StepVector vector, Drain(input.get()));
        StartSort();
        return FillFromVector(std::move(vector), grid, matrix, budget_, result);
      }
      case ValueType::kScalar: {
        ARROW_ASSIGN_OR_RAISE(auto input, planner->PlanScalar(expr, grid));
        EndPreparation(begin);
        if (context_.plan_only) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(const auto values, input->Evaluate());
        StartSort();
        FillFromScalar(values, grid, matrix, result);
        return arrow::Status::OK();
      }
      case ValueType::kMatrix:
        EndPreparation(begin);
        return FillFromMatrix(expr, grid, planner, &context_, result);
      default:
        EndPreparation(begin);
        result->type = QueryValueType::kString;
        result->text = promql::Unwrap(expr).As<promql::StringLiteral>()->value;
        return arrow::Status::OK();
    }
  }

  void EndPreparation(int64_t begin) {
    evaluate_begin_ns_ = clock_.MonotonicNs();
    context_.stats.prepare_ns = evaluate_begin_ns_ - begin;
  }
  void StartSort() { sort_begin_ns_ = clock_.MonotonicNs(); }

  void Finish(const StepGrid& grid, Planner* planner, QueryResult* result) {
    const int64_t end = clock_.MonotonicNs();
    if (sort_begin_ns_ == 0) sort_begin_ns_ = end;
    result->time_ms = request_.start_ms;
    const auto limit = static_cast<size_t>(std::max<int64_t>(request_.series_limit, 0));
    if (limit > 0 && result->series.size() > limit) {
      result->series.resize(limit);
      result->truncated = true;
    }
    // Damage first: of many warnings only some are shown.
    result->warnings = selects_.Warnings();
    for (std::string& warning : context_.annotations.Warnings(request_.text)) {
      result->warnings.push_back(std::move(warning));
    }
    result->infos = context_.annotations.Infos(request_.text);
    QueryStats& stats = context_.stats;
    stats.steps = static_cast<int64_t>(grid.count);
    stats.first_step_ms = grid.start_ms;
    stats.step_ms = request_.step_ms;
    stats.evaluate_ns = sort_begin_ns_ - evaluate_begin_ns_;
    stats.sort_ns = end - sort_begin_ns_;
    stats.peak_bytes = budget_.meter()->peak_bytes();
    stats.peak_samples = budget_.meter()->peak_samples();
    selects_.AddStats(&stats);
    result->stats = stats;
    if (request_.explain == QueryExplain::kNo) return;
    const auto plan = planner->TakePlan();
    for (const auto& child : plan->children) PrintPlan(*child, 0, &result->plan);
    // A range selector alone, or a literal.
    if (result->plan.empty()) result->plan.push_back({.text = request_.text});
  }

  const QueryRequest& request_;
  const io::Clock& clock_;
  QueryBudget budget_;
  ExecutionContext context_;
  SelectPool selects_;
  int64_t evaluate_begin_ns_ = 0;
  int64_t sort_begin_ns_ = 0;
};

}  // namespace

class Engine::Impl {
 public:
  explicit Impl(const EngineOptions& options)
      : clock_(options.clock == nullptr ? io::RealClock() : *options.clock),
        threads_(options.threads > 0 ? static_cast<size_t>(options.threads)
                                     : std::max<size_t>(1, std::thread::hardware_concurrency())) {}

  arrow::Result<QueryResult> Evaluate(SampleSource& source, const QueryRequest& request) {
    const size_t threads = ThreadsFor(request);
    io::Executor* executor = threads > 1 ? Workers() : nullptr;
    // Where fewer threads than there are may work, no more tasks than these may wait for them.
    const size_t morsels = threads < threads_ ? threads : 3 * threads;
    return QueryRun(source, request, clock_, executor, morsels, RunnerFor(request)).Evaluate();
  }

  io::TaskRunner RunnerFor(const QueryRequest& request) {
    const size_t threads = ThreadsFor(request);
    return threads > 1 ? io::MakeTaskRunner(Workers(), threads - 1) : io::TaskRunner();
  }

 private:
  size_t ThreadsFor(const QueryRequest& request) const {
    if (request.threads <= 0) return threads_;
    return std::min(threads_, static_cast<size_t>(request.threads));
  }

  // Made when they are first needed, so that an engine that is never asked has no threads.
  io::Executor* Workers() {
    std::call_once(once_,
                   [this] { workers_ = std::make_unique<io::ThreadExecutor>(threads_ - 1); });
    return workers_.get();
  }

  const io::Clock& clock_;
  const size_t threads_;
  std::once_flag once_;
  std::unique_ptr<io::ThreadExecutor> workers_;
};

Engine::Engine(const EngineOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Engine::~Engine() = default;

arrow::Result<QueryResult> Engine::Run(SampleSource& source, const QueryRequest& request) {
  return impl_->Evaluate(source, request);
}

io::TaskRunner Engine::RunnerFor(const QueryRequest& request) { return impl_->RunnerFor(request); }

}  // namespace larnax::exec
