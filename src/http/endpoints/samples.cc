#include "http/endpoints/answer_body.h"
#include "http/endpoints/endpoints.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

arrow::Result<bool> DropsStale(const Request& request) {
  const std::string_view stale = request.params.First("stale");
  if (stale == "drop") return true;
  if (stale.empty() || stale == "keep") return false;
  return MakeError(ErrorKind::kBadQuery, "invalid parameter \"stale\": must be keep or drop");
}

}  // namespace

arrow::Result<Response> AnswerSamples(const Request& request, const Services& services) {
  if (request.params.All("match[]").empty()) {
    return MakeError(ErrorKind::kBadQuery, "no match[] parameter provided");
  }
  // No cap on the time of a download: a reader that stands still is cut by the write timeout.
  ARROW_ASSIGN_OR_RAISE(SelectRequest select, SelectParams(request, 0));
  if (select.range.end_ms < select.range.start_ms) {
    return MakeError(ErrorKind::kBadQuery,
                     "invalid parameter \"end\": end timestamp must not be before start timestamp");
  }
  ARROW_ASSIGN_OR_RAISE(const AnswerFormat format, ChooseFormat(request));
  SamplesOptions options;
  ARROW_ASSIGN_OR_RAISE(options.drop_stale, DropsStale(request));
  options.stats = WantsStats(request.params);
  options.limit = select.limit;
  // One more, to see whether the limit cut anything.
  if (select.limit > 0 && select.limit < INT64_MAX) ++select.limit;
  ARROW_ASSIGN_OR_RAISE(auto stream, services.database->Select(select));

  // Asked for after Select, so that no series of the stream has a label unknown here.
  std::vector<std::string> labels;
  if (format != AnswerFormat::kJson) {
    select.limit = 0;
    ARROW_ASSIGN_OR_RAISE(NamesAnswer names, services.database->LabelNames(select));
    labels = std::move(names.names);
  }
  return AnswerResponse(format, WriteSamples(std::move(stream), format, labels, options),
                        options.stats);
}

}  // namespace larnax::http
