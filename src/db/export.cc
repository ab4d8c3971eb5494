#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "columns/schema/column_registry.h"
#include "columns/write/histograms_writer.h"
#include "columns/write/samples_writer.h"
#include "db/file_names.h"
#include "io/file_system.h"
#include "larnax/archive.h"
#include "larnax/error.h"
#include "larnax/query.h"
#include "wire/exposition/text_encoder.h"

namespace larnax {
namespace {

template <typename Append>
arrow::Status ForEachSeries(SampleStream& stream, Append append) {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const SampleBatch batch, stream.Next());
    if (batch.series.empty()) return arrow::Status::OK();
    for (const SeriesSamples& series : batch.series) ARROW_RETURN_NOT_OK(append(series));
  }
}

// The name of the file of histograms beside one of floats.
std::string HistogramsBeside(std::string path) {
  constexpr std::string_view kSuffix = ".parquet";
  if (path.ends_with(kSuffix)) path.resize(path.size() - kSuffix.size());
  return path + "-histograms" + std::string(kSuffix);
}

// One output file. Series come in file order, each once.
class ExportFile {
 public:
  virtual ~ExportFile() = default;
  virtual arrow::Status Write(std::unique_ptr<SampleStream> stream) = 0;
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

// The selected series, cut into parts for the output files, and counted.
class SeriesSource {
 public:
  SeriesSource(std::unique_ptr<SampleStream> stream, Progress progress)
      : stream_(std::move(stream)), progress_(std::move(progress)) {}

  // The metric of the next series; none at the end.
  arrow::Result<std::optional<std::string>> NextMetric() {
    ARROW_RETURN_NOT_OK(Fill());
    if (batch_.series.empty()) return std::nullopt;
    return std::string(batch_.series[next_].labels.metric());
  }

  // Some of the next series, of one metric where one is given; none where others follow.
  arrow::Result<SampleBatch> Take(const std::optional<std::string>& metric) {
    ARROW_RETURN_NOT_OK(Fill());
    SampleBatch taken{.series = {}, .storage = batch_.storage};
    while (next_ < batch_.series.size()) {
      const SeriesSamples& series = batch_.series[next_];
      if (metric && series.labels.metric() != *metric) break;
      floats_ += static_cast<int64_t>(series.value.size());
      histograms_ += static_cast<int64_t>(series.histograms.size());
      taken.series.push_back(series);
      ++next_;
    }
    series_ += static_cast<int64_t>(taken.series.size());
    if (progress_ && !taken.series.empty()) progress_(series_, 0);
    return taken;
  }

  const ReadStats& stats() const { return stream_->stats(); }
  std::vector<std::string> warnings() const { return stream_->warnings(); }
  int64_t series() const { return series_; }
  int64_t floats() const { return floats_; }
  int64_t histograms() const { return histograms_; }

 private:
  arrow::Status Fill() {
    if (next_ < batch_.series.size() || ended_) return arrow::Status::OK();
    next_ = 0;
    ARROW_ASSIGN_OR_RAISE(batch_, stream_->Next());
    ended_ = batch_.series.empty();
    return arrow::Status::OK();
  }

  const std::unique_ptr<SampleStream> stream_;
  const Progress progress_;
  SampleBatch batch_;
  size_t next_ = 0;
  bool ended_ = false;
  int64_t series_ = 0;
  int64_t floats_ = 0;
  int64_t histograms_ = 0;
};

// The part of one output file. What is damaged is told of the whole.
class PartStream final : public SampleStream {
 public:
  PartStream(SeriesSource* source, std::optional<std::string> metric)
      : source_(source), metric_(std::move(metric)) {}
  arrow::Result<SampleBatch> Next() override { return source_->Take(metric_); }
  const ReadStats& stats() const override { return source_->stats(); }

 private:
  SeriesSource* const source_;
  const std::optional<std::string> metric_;
};

// Output in the making: a folder beside where it is to be. Removed unless it is brought there.
class Workplace {
 public:
  explicit Workplace(std::string output) : output_(std::move(output)) {
    while (output_.size() > 1 && output_.ends_with('/')) output_.pop_back();
    folder_ = output_ + ".partial";
  }
  ~Workplace() { ARROW_UNUSED(Remove()); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  arrow::Status Begin() {
    for (const std::string& path : {output_, HistogramsBeside(output_)}) {
      ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(path));
      if (!exists) continue;
      return MakeError(ErrorKind::kBadQuery, "the output exists already: path=" + path);
    }
    // What an export left that was killed.
    ARROW_RETURN_NOT_OK(Remove());
    return fs_.MakeDirectories(folder_);
  }

  std::string PathOf(std::string_view name) const { return io::JoinPath(folder_, name); }
  // The name of the only file.
  std::string SingleName() const { return output_.substr(output_.rfind('/') + 1); }

  arrow::Status BringFolder() { return fs_.Rename(folder_, output_); }
  arrow::Status BringSingleFile() {
    const std::string beside = HistogramsBeside(SingleName());
    ARROW_ASSIGN_OR_RAISE(const bool has_histograms, fs_.Exists(PathOf(beside)));
    if (has_histograms) {
      ARROW_RETURN_NOT_OK(fs_.Rename(PathOf(beside), HistogramsBeside(output_)));
    }
    return fs_.Rename(PathOf(SingleName()), output_);
  }

 private:
  arrow::Status Remove() {
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(folder_));
    if (!exists) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs_.List(folder_));
    for (const io::DirectoryEntry& entry : entries) {
      ARROW_RETURN_NOT_OK(fs_.RemoveFile(PathOf(entry.name)));
    }
    return fs_.RemoveDirectory(folder_);
  }

  io::FileSystem& fs_ = io::RealFileSystem();
  std::string output_;
  std::string folder_;
};

arrow::Result<std::unique_ptr<ExportFile>> OpenFile(ExportFormat format, const std::string& path,
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

std::string NameOf(const std::string& metric, ExportFormat format) {
  constexpr std::string_view kSuffixes[] = {".parquet", ".csv", ".om.txt"};
  return db::FileNameOf(metric) + std::string(kSuffixes[static_cast<size_t>(format)]);
}

// Writes the parts one after the other.
class Exporter {
 public:
  Exporter(ExportFormat format, std::vector<std::string> labels, SeriesSource* source)
      : format_(format), labels_(std::move(labels)), source_(source) {}

  arrow::Status Write(const std::string& path, std::optional<std::string> metric) {
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenFile(format_, path, labels_));
    ARROW_RETURN_NOT_OK(file->Write(std::make_unique<PartStream>(source_, std::move(metric))));
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, file->Finish());
    report_.bytes += bytes;
    ++report_.files;
    return arrow::Status::OK();
  }

  ExportReport Report() const {
    ExportReport report = report_;
    const bool has_histograms = format_ != ExportFormat::kOpenMetrics;
    report.series = source_->series();
    report.histograms = has_histograms ? source_->histograms() : 0;
    report.histograms_left_out = has_histograms ? 0 : source_->histograms();
    report.samples = source_->floats() + report.histograms;
    report.warnings = source_->warnings();
    return report;
  }

 private:
  const ExportFormat format_;
  const std::vector<std::string> labels_;
  SeriesSource* const source_;
  ExportReport report_;
};

}  // namespace

arrow::Result<ExportReport> ExportSamples(Database& database, const ExportRequest& request,
                                          Progress progress) {
  Workplace workplace(request.output);
  ARROW_RETURN_NOT_OK(workplace.Begin());
  ARROW_ASSIGN_OR_RAISE(auto stream, database.Select(request.select));
  SeriesSource source(std::move(stream), std::move(progress));
  // Asked for after Select, so that no series of the stream has a label unknown here.
  ARROW_ASSIGN_OR_RAISE(NamesAnswer labels, database.LabelNames(request.select));
  std::erase(labels.names, std::string(kMetricLabel));
  Exporter exporter(request.format, std::move(labels.names), &source);
  if (request.layout == ExportLayout::kSingle) {
    // Nothing selected is still a file: an empty one, with its columns.
    ARROW_RETURN_NOT_OK(exporter.Write(workplace.PathOf(workplace.SingleName()), std::nullopt));
    ARROW_RETURN_NOT_OK(workplace.BringSingleFile());
    return exporter.Report();
  }
  while (true) {
    ARROW_ASSIGN_OR_RAISE(std::optional<std::string> metric, source.NextMetric());
    if (!metric) break;
    const std::string path = workplace.PathOf(NameOf(*metric, request.format));
    ARROW_RETURN_NOT_OK(exporter.Write(path, std::move(metric)));
  }
  ARROW_RETURN_NOT_OK(workplace.BringFolder());
  return exporter.Report();
}

}  // namespace larnax
