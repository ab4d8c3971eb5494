#include "http/endpoints/answer_body.h"

#include "larnax/error.h"

namespace larnax::http {
namespace {

constexpr std::string_view kArrowType = "application/vnd.apache.arrow.stream";
constexpr std::string_view kParquetType = "application/vnd.apache.parquet";
constexpr std::string_view kCsvType = "text/csv";

class AnswerBody : public BodySource {
 public:
  AnswerBody(std::unique_ptr<AnswerWriter> writer, bool stats_trailer)
      : writer_(std::move(writer)), stats_trailer_(stats_trailer) {}

  arrow::Result<bool> Next(std::string* out) override { return writer_->Next(out); }

  std::string Trailer() override {
    if (!stats_trailer_) return {};
    std::string trailer = "X-Larnax-Stats: ";
    AppendStatsJson(writer_->stats(), &trailer);
    return trailer + "\r\n";
  }

 private:
  std::unique_ptr<AnswerWriter> writer_;
  const bool stats_trailer_;
};

std::string ContentTypeOf(AnswerFormat format) {
  switch (format) {
    case AnswerFormat::kJson:
      return "application/json";
    case AnswerFormat::kCsv:
      return "text/csv; charset=utf-8; header=present";
    case AnswerFormat::kArrow:
      return std::string(kArrowType);
    case AnswerFormat::kParquet:
      return std::string(kParquetType);
  }
  return {};
}

}  // namespace

arrow::Result<AnswerFormat> ChooseFormat(const Request& request) {
  const std::string_view format = request.params.First("format");
  if (format == "json") return AnswerFormat::kJson;
  if (format == "csv") return AnswerFormat::kCsv;
  if (format == "arrow") return AnswerFormat::kArrow;
  if (format == "parquet") return AnswerFormat::kParquet;
  if (!format.empty()) {
    return MakeError(ErrorKind::kBadQuery,
                     "invalid parameter \"format\": must be json, csv, arrow or parquet");
  }
  const std::string& accept = request.head.accept;
  if (accept.find(kArrowType) != std::string::npos) return AnswerFormat::kArrow;
  if (accept.find(kParquetType) != std::string::npos) return AnswerFormat::kParquet;
  if (accept.find(kCsvType) != std::string::npos) return AnswerFormat::kCsv;
  return AnswerFormat::kJson;
}

Response AnswerResponse(AnswerFormat format, std::unique_ptr<AnswerWriter> writer,
                        bool stats_trailer) {
  Response response;
  response.content_type = ContentTypeOf(format);
  if (stats_trailer) response.headers.emplace_back("Trailer", "X-Larnax-Stats");
  response.stream = std::make_unique<AnswerBody>(std::move(writer), stats_trailer);
  // Its pages are compressed already.
  response.compressible = format != AnswerFormat::kParquet;
  return response;
}

}  // namespace larnax::http
