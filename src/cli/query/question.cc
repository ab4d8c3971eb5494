#include "cli/query/question.h"

#include <algorithm>
#include <chrono>

#include "cli/query_features.h"
#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::cli {
namespace {

// Steps of a range that names none: about as many as a terminal or screen can show.
constexpr int64_t kDefaultSteps = 250;
constexpr int64_t kLeastStepMs = 1000;

}  // namespace

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

arrow::Result<int64_t> ReadTime(const std::string& text, int64_t now_ms) {
  if (text == "now") return now_ms;
  if (text.size() > 1 && text[0] == '-') {
    // Seconds before 1970 are of no use here; a plain `-60` is a minute ago.
    ARROW_ASSIGN_OR_RAISE(const int64_t ago_ms, ParseDuration(text.substr(1)));
    return now_ms - ago_ms;
  }
  return ParseTime(text);
}

arrow::Result<QueryRequest> ReadQuestion(const QueryArguments& arguments, int64_t now_ms) {
  QueryRequest request;
  request.text = arguments.query;
  ARROW_RETURN_NOT_OK(EnableQueryFeatures(arguments.features, &request.features));
  if (!arguments.timeout.empty()) {
    ARROW_ASSIGN_OR_RAISE(request.timeout_ms, ParseDuration(arguments.timeout));
  }
  if (arguments.start.empty()) {
    if (!arguments.end.empty() || !arguments.step.empty()) {
      return MakeError(ErrorKind::kBadQuery, "--end and --step go with --start");
    }
    const std::string& time = arguments.time;
    ARROW_ASSIGN_OR_RAISE(request.start_ms, ReadTime(time.empty() ? "now" : time, now_ms));
    request.end_ms = request.start_ms;
    return request;
  }
  if (!arguments.time.empty()) {
    return MakeError(ErrorKind::kBadQuery, "--time is of an instant query, --start of a range");
  }
  ARROW_ASSIGN_OR_RAISE(request.start_ms, ReadTime(arguments.start, now_ms));
  ARROW_ASSIGN_OR_RAISE(request.end_ms,
                        ReadTime(arguments.end.empty() ? "now" : arguments.end, now_ms));
  if (request.end_ms < request.start_ms) {
    return MakeError(ErrorKind::kBadQuery, "--end must not be before --start");
  }
  const int64_t range_ms = request.end_ms - request.start_ms;
  request.step_ms = std::max(kLeastStepMs, range_ms / kDefaultSteps / 1000 * 1000);
  if (!arguments.step.empty()) {
    ARROW_ASSIGN_OR_RAISE(request.step_ms, ParseDuration(arguments.step));
    if (request.step_ms <= 0) return MakeError(ErrorKind::kBadQuery, "--step must be positive");
  }
  return request;
}

}  // namespace larnax::cli
