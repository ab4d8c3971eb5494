#include "db/export_file.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "columns/schema/column_registry.h"
#include "columns/write/histograms_writer.h"
#include "columns/write/samples_writer.h"
#include "io/file_system.h"
#include "larnax/query.h"
#include "wire/exposition/text_encoder.h"

namespace larnax::db {
namespace {

template <typename Append>
arrow::Status ForEachSeries(SampleStream& stream, Append append) {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const SampleBatch batch, stream.Next());
    if (batch.series.empty()) return arrow::Status::OK();
    for (const SeriesSamples& series : batch.series) ARROW_RETURN_NOT_OK(append(series));
  }
}

class ParquetExport final : public ExportFile {
 public:
  static arrow::Result<std::unique_ptr<ExportFile>> Open(const std::string& path,
                                                         const std::vector<std::string>& labels) {
    columns::ColumnRegistry registry;
    for (const std::string& label : labels) registry.Assign(label);
    std::unique_ptr<ParquetExport> file(new ParquetExport(path, registry.entries()));
    columns::WriterOptions options;
    options.tier = columns::Tier::kDay;
    ARROW_ASSIGN_OR_RAISE(file->writer_,
                          columns::SamplesWriter::Open(io::RealFileSystem(), path, IndexOf(path),
                                                       file->columns_, std::move(options)));
    return file;
  }

  arrow::Status Write(std::unique_ptr<SampleStream> stream) override {
    return ForEachSeries(*stream, [&](const SeriesSamples& series) { return Append(series); });
  }

  arrow::Status Append(const SeriesSamples& series) {
    ARROW_RETURN_NOT_OK(
        writer_->Append(series.labels, *series.time_ms, series.value, series.start_ms));
    if (series.histograms.empty()) return arrow::Status::OK();
    if (histograms_ == nullptr) {
      columns::WriterOptions options;
      options.tier = columns::Tier::kDay;
      ARROW_ASSIGN_OR_RAISE(
          histograms_,
          columns::HistogramsWriter::Open(io::RealFileSystem(), histograms_path_,
                                          IndexOf(histograms_path_), columns_, std::move(options)));
    }
    return histograms_->Append(series.labels, series.histograms);
  }

  arrow::Result<int64_t> Finish() override {
    ARROW_ASSIGN_OR_RAISE(const columns::FileSummary summary, writer_->Finish());
    // The index is for archives; a file on its own is rows only.
    ARROW_RETURN_NOT_OK(io::RealFileSystem().RemoveFile(IndexOf(path_)));
    if (histograms_ == nullptr) return summary.data_bytes;
    ARROW_ASSIGN_OR_RAISE(const columns::FileSummary histograms, histograms_->Finish());
    ARROW_RETURN_NOT_OK(io::RealFileSystem().RemoveFile(IndexOf(histograms_path_)));
    return summary.data_bytes + histograms.data_bytes;
  }

 private:
  ParquetExport(const std::string& path, std::vector<columns::ColumnName> columns)
      : path_(path), histograms_path_(HistogramsBeside(path)), columns_(std::move(columns)) {}

  static std::string IndexOf(const std::string& path) { return path + ".index"; }

  const std::string path_;
  const std::string histograms_path_;
  const std::vector<columns::ColumnName> columns_;
  std::unique_ptr<columns::SamplesWriter> writer_;
  std::unique_ptr<columns::HistogramsWriter> histograms_;  // Null until there are some.
};

// A text file written in pieces.
class TextFile {
 public:
  static arrow::Result<std::unique_ptr<TextFile>> Create(const std::string& path) {
    auto file = std::make_unique<TextFile>();
    ARROW_ASSIGN_OR_RAISE(file->file_, io::RealFileSystem().Create(path));
    return file;
  }
  std::string* text() { return &text_; }
  arrow::Status WriteIfLarge() {
    constexpr size_t kPieceBytes = 1 << 20;
    return text_.size() < kPieceBytes ? arrow::Status::OK() : Write();
  }
  arrow::Result<int64_t> Finish() {
    ARROW_RETURN_NOT_OK(Write());
    ARROW_RETURN_NOT_OK(file_->Sync());
    const int64_t bytes = file_->size_bytes();
    ARROW_RETURN_NOT_OK(file_->Close());
    return bytes;
  }

 private:
  arrow::Status Write() {
    const arrow::Status status =
        file_->Append({reinterpret_cast<const uint8_t*>(text_.data()), text_.size()});
    text_.clear();
    return status;
  }

  std::unique_ptr<io::WritableFile> file_;
  std::string text_;
};

// The table that the server answers, too; see docs/http.md.
class CsvExport final : public ExportFile {
 public:
  static arrow::Result<std::unique_ptr<ExportFile>> Open(const std::string& path,
                                                         const std::vector<std::string>& labels) {
    auto file = std::make_unique<CsvExport>();
    ARROW_ASSIGN_OR_RAISE(file->file_, TextFile::Create(path));
    file->labels_ = labels;
    return file;
  }

  arrow::Status Write(std::unique_ptr<SampleStream> stream) override {
    const auto writer = WriteSamples(std::move(stream), AnswerFormat::kCsv, labels_, {});
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool more, writer->Next(file_->text()));
      ARROW_RETURN_NOT_OK(file_->WriteIfLarge());
      if (!more) return arrow::Status::OK();
    }
  }

  arrow::Result<int64_t> Finish() override { return file_->Finish(); }

 private:
  std::vector<std::string> labels_;
  std::unique_ptr<TextFile> file_;
};

// OpenMetrics text, as `promtool tsdb create-blocks-from openmetrics` reads it. A stale marker has
// no form in it: it becomes NaN.
class OpenMetricsExport final : public ExportFile {
 public:
  static arrow::Result<std::unique_ptr<ExportFile>> Open(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(auto text, TextFile::Create(path));
    return std::unique_ptr<ExportFile>(new OpenMetricsExport(std::move(text)));
  }

  arrow::Status Write(std::unique_ptr<SampleStream> stream) override {
    return ForEachSeries(*stream, [&](const SeriesSamples& series) { return Append(series); });
  }

  arrow::Status Append(const SeriesSamples& series) {
    if (const std::string_view metric = series.labels.metric(); metric != metric_) {
      metric_ = metric;
      writer_.Family(
          {.metric = metric_, .type = wire::MetricType::kUnknown, .help = {}, .unit = {}});
    }
    for (size_t i = 0; i < series.value.size(); ++i) {
      writer_.Sample(series.labels, series.value[i], (*series.time_ms)[i]);
    }
    return file_->WriteIfLarge();
  }

  arrow::Result<int64_t> Finish() override {
    writer_.Finish();
    return file_->Finish();
  }

 private:
  explicit OpenMetricsExport(std::unique_ptr<TextFile> file)
      : file_(std::move(file)), writer_(wire::ExpositionFormat::kOpenMetrics, file_->text()) {}

  std::unique_ptr<TextFile> file_;
  wire::ExpositionWriter writer_;
  std::string metric_;
};

}  // namespace

arrow::Result<std::unique_ptr<ExportFile>> OpenExportFile(ExportFormat format,
                                                          const std::string& path,
                                                          const std::vector<std::string>& labels) {
  switch (format) {
    case ExportFormat::kParquet:
      return ParquetExport::Open(path, labels);
    case ExportFormat::kCsv:
      return CsvExport::Open(path, labels);
    case ExportFormat::kOpenMetrics:
      return OpenMetricsExport::Open(path);
  }
  LARNAX_UNREACHABLE();
}

std::string HistogramsBeside(std::string path) {
  constexpr std::string_view kSuffix = ".parquet";
  if (path.ends_with(kSuffix)) path.resize(path.size() - kSuffix.size());
  return path + "-histograms" + std::string(kSuffix);
}

}  // namespace larnax::db
