#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/export_file.h"
#include "db/file_names.h"
#include "io/file_system.h"
#include "larnax/archive.h"
#include "larnax/error.h"

namespace larnax {
namespace {

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
    for (const std::string& path : {output_, db::HistogramsBeside(output_)}) {
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
    const std::string beside = db::HistogramsBeside(SingleName());
    ARROW_ASSIGN_OR_RAISE(const bool has_histograms, fs_.Exists(PathOf(beside)));
    if (has_histograms) {
      ARROW_RETURN_NOT_OK(fs_.Rename(PathOf(beside), db::HistogramsBeside(output_)));
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
    ARROW_ASSIGN_OR_RAISE(const auto file, db::OpenExportFile(format_, path, labels_));
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
