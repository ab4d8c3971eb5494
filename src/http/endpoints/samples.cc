#include "http/endpoints/endpoints.h"
#include "http/samples/samples_body.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

constexpr std::string_view kArrowType = "application/vnd.apache.arrow.stream";
constexpr std::string_view kCsvType = "text/csv";

enum class Format { kJson, kCsv, kArrow };

// The parameter decides; without it the Accept header, if it names one of the other formats.
arrow::Result<Format> ChooseFormat(const Request& request) {
  const std::string_view format = request.params.First("format");
  if (format == "json") return Format::kJson;
  if (format == "csv") return Format::kCsv;
  if (format == "arrow") return Format::kArrow;
  if (!format.empty()) {
    return MakeError(ErrorKind::kBadQuery,
                     "invalid parameter \"format\": must be json, csv or arrow");
  }
  if (request.head.accept.find(kArrowType) != std::string::npos) return Format::kArrow;
  if (request.head.accept.find(kCsvType) != std::string::npos) return Format::kCsv;
  return Format::kJson;
}

arrow::Result<bool> DropsStale(const Request& request) {
  const std::string_view stale = request.params.First("stale");
  if (stale == "drop") return true;
  if (stale.empty() || stale == "keep") return false;
  return MakeError(ErrorKind::kBadQuery, "invalid parameter \"stale\": must be keep or drop");
}

arrow::Result<std::vector<LabelColumn>> ColumnsOf(SelectRequest select, Database* database) {
  select.limit = 0;
  ARROW_ASSIGN_OR_RAISE(const NamesAnswer answer, database->LabelNames(select));
  return AssignColumns(answer.names, kMaxLabelColumns);
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
  ARROW_ASSIGN_OR_RAISE(const Format format, ChooseFormat(request));
  SamplesOptions options;
  ARROW_ASSIGN_OR_RAISE(options.drop_stale, DropsStale(request));
  options.stats = WantsStats(request.params);
  options.limit = select.limit;
  // One more, to see whether the limit cut anything.
  if (select.limit > 0 && select.limit < INT64_MAX) ++select.limit;
  ARROW_ASSIGN_OR_RAISE(auto stream, services.database->Select(select));

  Response response;
  if (options.stats) response.headers.emplace_back("Trailer", "X-Larnax-Stats");
  if (format == Format::kJson) {
    response.content_type = "application/json";
    response.stream = JsonBody(std::move(stream), options);
    return response;
  }
  // Asked for after Select, so that no series of the stream has a label unknown here.
  ARROW_ASSIGN_OR_RAISE(auto columns, ColumnsOf(select, services.database));
  if (format == Format::kCsv) {
    response.content_type = "text/csv; charset=utf-8; header=present";
    response.stream = CsvBody(std::move(stream), std::move(columns), options);
  } else {
    response.content_type = kArrowType;
    response.stream = ArrowBody(std::move(stream), std::move(columns), options);
  }
  return response;
}

}  // namespace larnax::http
