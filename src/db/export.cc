#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "columns/column_registry.h"
#include "columns/histograms_writer.h"
#include "columns/samples_writer.h"
#include "db/file_names.h"
#include "io/file_system.h"
#include "larnax/archive.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "wire/exposition/text_encoder.h"

namespace larnax {
namespace {

bool IsStale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

// Where the rows of one output file go. Series come in file order, each once.
class ExportFile {
 public:
  virtual ~ExportFile() = default;
  virtual arrow::Status Append(const SeriesSamples& series) = 0;
  /// Complete the file; tell its size.
  virtual arrow::Result<int64_t> Finish() = 0;
};

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

  arrow::Status Append(const SeriesSamples& series) override {
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
  static std::string HistogramsBeside(std::string path) {
    constexpr std::string_view kSuffix = ".parquet";
    if (path.ends_with(kSuffix)) path.resize(path.size() - kSuffix.size());
    return path + "-histograms" + std::string(kSuffix);
  }

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

void AppendCsvField(std::string_view field, std::string* out) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out->append(field);
    return;
  }
  out->push_back('"');
  for (const char c : field) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

// metric, one column per label, timestamp (RFC 3339), value (empty when stale), stale,
// start_timestamp (empty when unknown).
class CsvExport final : public ExportFile {
 public:
  static arrow::Result<std::unique_ptr<ExportFile>> Open(const std::string& path,
                                                         const std::vector<std::string>& labels) {
    auto file = std::make_unique<CsvExport>();
    ARROW_ASSIGN_OR_RAISE(file->file_, TextFile::Create(path));
    file->labels_ = labels;
    std::string* const out = file->file_->text();
    out->append("metric");
    for (const std::string& label : labels) {
      out->push_back(',');
      AppendCsvField(label, out);
    }
    out->append(",timestamp,value,stale,start_timestamp\n");
    return file;
  }

  arrow::Status Append(const SeriesSamples& series) override {
    std::string prefix;
    AppendCsvField(series.labels.metric(), &prefix);
    for (const std::string& label : labels_) {
      prefix.push_back(',');
      AppendCsvField(series.labels.Get(label), &prefix);
    }
    std::string* const out = file_->text();
    for (size_t i = 0; i < series.value.size(); ++i) {
      const bool stale = IsStale(series.value[i]);
      out->append(prefix).append(",").append(FormatTime((*series.time_ms)[i])).append(",");
      if (!stale) AppendValue(series.value[i], out);
      out->append(stale ? ",true," : ",false,");
      const int64_t start_ms = series.start_ms.empty() ? 0 : series.start_ms[i];
      if (start_ms != 0) out->append(FormatTime(start_ms));
      out->push_back('\n');
    }
    return file_->WriteIfLarge();
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

  arrow::Status Append(const SeriesSamples& series) override {
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

// Opens the output files one after the other as the series come.
class Exporter {
 public:
  Exporter(const ExportRequest& request, std::vector<std::string> labels)
      : request_(request), labels_(std::move(labels)) {}

  arrow::Status Append(const SeriesSamples& series) {
    const bool per_metric = request_.layout == ExportLayout::kPerMetric;
    if (file_ != nullptr && per_metric && series.labels.metric() != metric_) {
      ARROW_RETURN_NOT_OK(FinishFile());
    }
    if (file_ == nullptr) {
      metric_ = series.labels.metric();
      ARROW_RETURN_NOT_OK(OpenFile(per_metric ? PathOf(metric_) : request_.output));
    }
    ++report_.series;
    const auto histograms = static_cast<int64_t>(series.histograms.size());
    report_.samples += static_cast<int64_t>(series.value.size());
    if (request_.format == ExportFormat::kParquet) {
      report_.samples += histograms;
      report_.histograms += histograms;
    } else {
      report_.histograms_left_out += histograms;
    }
    return file_->Append(series);
  }

  arrow::Result<ExportReport> Finish() {
    // Nothing selected is still a file: an empty one, with its columns.
    if (file_ == nullptr && report_.files == 0 && request_.layout == ExportLayout::kSingle) {
      ARROW_RETURN_NOT_OK(OpenFile(request_.output));
    }
    if (file_ != nullptr) ARROW_RETURN_NOT_OK(FinishFile());
    return report_;
  }

 private:
  std::string PathOf(const std::string& metric) const {
    constexpr std::string_view kSuffixes[] = {".parquet", ".csv", ".om.txt"};
    return io::JoinPath(
        request_.output,
        db::FileNameOf(metric) + std::string(kSuffixes[static_cast<size_t>(request_.format)]));
  }

  arrow::Status OpenFile(const std::string& path) {
    switch (request_.format) {
      case ExportFormat::kParquet:
        return ParquetExport::Open(path, labels_).Value(&file_);
      case ExportFormat::kCsv:
        return CsvExport::Open(path, labels_).Value(&file_);
      case ExportFormat::kOpenMetrics:
        return OpenMetricsExport::Open(path).Value(&file_);
    }
    return arrow::Status::OK();
  }

  arrow::Status FinishFile() {
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, file_->Finish());
    report_.bytes += bytes;
    ++report_.files;
    file_.reset();
    return arrow::Status::OK();
  }

  const ExportRequest& request_;
  const std::vector<std::string> labels_;
  std::unique_ptr<ExportFile> file_;
  std::string metric_;
  ExportReport report_;
};

}  // namespace

arrow::Result<ExportReport> ExportSamples(Database& database, const ExportRequest& request,
                                          Progress progress) {
  io::FileSystem& fs = io::RealFileSystem();
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(request.output));
  if (exists) {
    return MakeError(ErrorKind::kBadQuery, "the output exists already: path=" + request.output);
  }
  if (request.layout == ExportLayout::kPerMetric) {
    ARROW_RETURN_NOT_OK(fs.MakeDirectories(request.output));
  }
  ARROW_ASSIGN_OR_RAISE(NamesAnswer labels, database.LabelNames(request.select));
  std::erase(labels.names, std::string(kMetricLabel));
  ARROW_ASSIGN_OR_RAISE(const SeriesAnswer series, database.Series(request.select));
  Exporter exporter(request, std::move(labels.names));
  ARROW_ASSIGN_OR_RAISE(const auto stream, database.Select(request.select));
  int64_t done = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const SampleBatch batch, stream->Next());
    if (batch.series.empty()) break;
    for (const SeriesSamples& each : batch.series) ARROW_RETURN_NOT_OK(exporter.Append(each));
    done += static_cast<int64_t>(batch.series.size());
    if (progress) progress(done, static_cast<int64_t>(series.series.size()));
  }
  ARROW_ASSIGN_OR_RAISE(ExportReport report, exporter.Finish());
  report.warnings = stream->warnings();
  return report;
}

}  // namespace larnax
