#include "test/promql/runner.h"

#include <array>
#include <utility>
#include <variant>

#include <re2/re2.h>

#include "larnax/error.h"
#include "test/promql/compare.h"
#include "test/promql/fixed_time.h"

namespace larnax::promqltest {
namespace {

using arrow::Status;

constexpr int64_t kMinuteMs = 60'000;

QueryRequest BaseRequest(int threads) {
  QueryRequest request;
  request.max_samples = 10'000;
  request.timeout_ms = 100'000;
  request.threads = threads;
  request.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = true,
                      .use_start_timestamps = true};
  return request;
}

Status Prefixed(const std::string& prefix, const Status& status) {
  return status.ok() ? status : Status::Invalid(prefix, ": ", status.message());
}

class Runner {
 public:
  Runner(int threads, TestStorage* storage) : threads_(threads), storage_(storage) {}

  Status Run(const Command& command) {
    return std::visit([this](const auto& what) { return RunOne(what); }, command.what);
  }

 private:
  Status RunOne(const ClearCommand&) { return storage_->Clear(); }
  Status RunOne(const LoadCommand& load) {
    ARROW_ASSIGN_OR_RAISE(const std::vector<TimedSeries> series, ExpandLoad(load));
    return storage_->Load(series);
  }
  Status RunOne(const EvalCommand& eval) {
    if (eval.is_range) {
      return RunQuery(eval, eval.text, eval.start_ms, eval.end_ms, eval.step_ms).status();
    }
    ARROW_RETURN_NOT_OK(RunInstant(eval, eval.text, eval.start_ms));
    ARROW_ASSIGN_OR_RAISE(const auto fixed, FixTime(eval.text, eval.start_ms));
    if (!fixed) return Status::OK();
    const int64_t time_ms = eval.start_ms;
    std::vector<int64_t> times = {-10 * time_ms, 0, time_ms / 5, time_ms, 10 * time_ms};
    if (time_ms == 0) times = {-1000, 0, 1000};
    for (const int64_t other_ms : times) {
      ARROW_RETURN_NOT_OK(Prefixed("as " + *fixed + " at " + std::to_string(other_ms) + " ms",
                                   RunInstant(eval, *fixed, other_ms)));
    }
    return Status::OK();
  }

  // Runs one query and checks its answer; false where it failed as expected.
  arrow::Result<bool> RunQuery(const EvalCommand& eval, const std::string& text, int64_t start_ms,
                               int64_t end_ms, int64_t step_ms) {
    QueryRequest request = BaseRequest(threads_);
    request.text = text;
    request.start_ms = start_ms;
    request.end_ms = end_ms;
    request.step_ms = step_ms;
    const auto result = storage_->Query(request);
    if (!result.ok()) {
      const std::string& message = result.status().message();
      if (!eval.fail) return Status::Invalid("failed: ", message);
      if (eval.fail->Matches(message)) return false;
      return Status::Invalid("expected failure ", eval.fail->ToString(), ", got ", message);
    }
    if (eval.fail) return Status::Invalid("did not fail");
    is_scalar_ = result->type == QueryValueType::kScalar;
    ARROW_RETURN_NOT_OK(CompareAnnotations(eval, *result));
    ARROW_RETURN_NOT_OK(CompareAnswer(eval, *result));
    return true;
  }

  // Runs an instant query, and the same around its time as a range query.
  Status RunInstant(const EvalCommand& eval, const std::string& text, int64_t time_ms) {
    ARROW_ASSIGN_OR_RAISE(const bool has_answer, RunQuery(eval, text, time_ms, time_ms, 0));
    static const RE2 kDependsOnRange(R"((start|end|range|step)\(\))");
    if (!has_answer || eval.range_vector || eval.string ||
        RE2::PartialMatch(text, kDependsOnRange)) {
      return Status::OK();
    }
    QueryRequest request = BaseRequest(threads_);
    request.text = text;
    request.start_ms = time_ms - kMinuteMs;
    request.end_ms = time_ms + kMinuteMs;
    request.step_ms = kMinuteMs;
    const auto result = storage_->Query(request);
    if (!result.ok()) return Status::Invalid("as a range failed: ", result.status().message());
    if (eval.ordered) return Status::OK();
    return Prefixed("as a range", CompareMiddleStep(eval, time_ms, *result, is_scalar_));
  }

  int threads_;
  TestStorage* storage_;
  bool is_scalar_ = false;  // The answer of the last query.
};

}  // namespace

RunReport RunScript(const std::vector<Command>& commands, int threads, TestStorage* storage) {
  RunReport report;
  Runner runner(threads, storage);
  const auto note = [&report](int line, const Status& status) {
    if (!status.ok()) report.failures.push_back(std::to_string(line) + ": " + status.message());
  };
  note(0, storage->Clear());
  for (const Command& command : commands) {
    const Status status = runner.Run(command);
    note(command.line, status);
    if (std::holds_alternative<EvalCommand>(command.what) && status.ok()) ++report.passed;
  }
  report.failed = static_cast<int>(report.failures.size());
  return report;
}

}  // namespace larnax::promqltest
