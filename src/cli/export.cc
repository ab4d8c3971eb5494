#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/human.h"
#include "cli/progress_bar.h"
#include "cli/query/question.h"
#include "larnax/archive.h"
#include "larnax/error.h"

namespace larnax::cli {
namespace {

arrow::Result<ExportRequest> ReadRequest(const ExportArguments& arguments) {
  ExportRequest request;
  for (const std::string& text : arguments.match) {
    ARROW_ASSIGN_OR_RAISE(auto selector, ParseSelector(text));
    request.select.selectors.push_back(std::move(selector));
  }
  const int64_t now_ms = NowMs();
  TimeRange& range = request.select.range;
  if (!arguments.start.empty()) {
    ARROW_ASSIGN_OR_RAISE(range.start_ms, ReadTime(arguments.start, now_ms));
  }
  if (!arguments.end.empty()) {
    ARROW_ASSIGN_OR_RAISE(range.end_ms, ReadTime(arguments.end, now_ms));
  }
  if (range.end_ms < range.start_ms) {
    return MakeError(ErrorKind::kBadQuery, "--end must not be before --start");
  }
  if (arguments.format == "csv") request.format = ExportFormat::kCsv;
  if (arguments.format == "openmetrics") request.format = ExportFormat::kOpenMetrics;
  if (arguments.layout == "per-metric") request.layout = ExportLayout::kPerMetric;
  request.output = arguments.output;
  return request;
}

arrow::Result<ExportReport> Export(const ExportArguments& arguments) {
  ARROW_ASSIGN_OR_RAISE(const ExportRequest request, ReadRequest(arguments));
  DatabaseOptions options;
  options.read_only = true;
  ARROW_ASSIGN_OR_RAISE(const auto database, Database::Open(arguments.data, options));
  ARROW_ASSIGN_OR_RAISE(const DatabaseStatus status, database->Status(0));
  if (!status.writer.empty()) {
    std::fprintf(stderr, "larnax: %s\n", WriterWarning(status.writer).c_str());
  }
  ProgressBar bar("Exporting series");
  return ExportSamples(*database, request, bar.AsCallback());
}

}  // namespace

int RunExport(const ExportArguments& arguments) {
  const auto report = Export(arguments);
  if (!report.ok()) return Fail(report.status());
  std::printf("%s: %s samples of %s series in %s %s, %s\n", arguments.output.c_str(),
              FormatCount(report->samples).c_str(), FormatCount(report->series).c_str(),
              FormatCount(report->files).c_str(), report->files == 1 ? "file" : "files",
              RoundBytes(report->bytes).c_str());
  if (report->histograms > 0 && arguments.format == "parquet") {
    std::printf("%s of the samples are native histograms, in files named *-histograms.parquet\n",
                FormatCount(report->histograms).c_str());
  }
  if (report->histograms_left_out > 0) {
    std::printf("left out: %s native histograms, for which OpenMetrics has no place\n",
                FormatCount(report->histograms_left_out).c_str());
  }
  if (!report->warnings.empty()) {
    return Fail(
        MakeError(ErrorKind::kCorrupt, "the output is not whole: " + report->warnings.front()));
  }
  return kOk;
}

}  // namespace larnax::cli
