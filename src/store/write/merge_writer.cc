#include "store/write/merge_writer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "columns/write/exemplars_writer.h"
#include "columns/write/histograms_writer.h"
#include "larnax/error.h"
#include "store/read/exemplar_merge.h"
#include "store/read/kind_merge.h"
#include "store/read/part_merge.h"
#include "store/read/part_reader.h"
#include "store/read/series_parts.h"
#include "store/read/series_walk.h"

namespace larnax::store {
namespace {

// Rows of all inputs that are in memory at a time: 16 bytes each, and again when encoded.
constexpr int64_t kChunkRows = 2 << 20;
// The same of series in inputs: short ones cost more by their labels than by their rows.
constexpr size_t kChunkParts = 256 << 10;

// The output of one table.
template <typename Writer>
class MergeOutput {
 public:
  MergeOutput(io::FileSystem& fs, const DayFolders& folders, FileNames& names, const MergeJob& job,
              const MergeSettings& settings, std::string_view table, std::vector<NewFile>* outputs)
      : fs_(fs),
        folders_(folders),
        names_(names),
        job_(job),
        settings_(settings),
        table_(table),
        outputs_(outputs) {}

  // Tell that the output may hold just these series.
  void set_labels(std::shared_ptr<const KnownLabels> labels) { labels_ = std::move(labels); }

  // `rows` as the writer takes them.
  template <typename... Rows>
  arrow::Status Append(LabelsView labels, const Rows&... rows) {
    if (writer_ != nullptr && writer_->bytes_written() >= settings_.max_file_bytes &&
        labels.metric() != metric_) {
      ARROW_RETURN_NOT_OK(Finish());
    }
    if (writer_ == nullptr) ARROW_RETURN_NOT_OK(Open());
    metric_.assign(labels.metric());
    if (labels_ != nullptr &&
        (series_ == labels_->labels.size() || !AreSamePlace(labels_->labels[series_], labels))) {
      labels_ = nullptr;
    }
    ++series_;
    const arrow::Status appended = writer_->Append(labels, rows...);
    if (KindOf(appended) != ErrorKind::kTooLarge || writer_->rows_written() == 0) return appended;
    // The file has no room for the labels of one more series.
    ARROW_RETURN_NOT_OK(Finish());
    ARROW_RETURN_NOT_OK(Open());
    return writer_->Append(labels, rows...);
  }

  arrow::Status Finish() {
    if (writer_ == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const columns::FileSummary summary, writer_->Finish());
    writer_ = nullptr;
    NewFile& file = (*outputs_)[output_];
    FillEntry(summary, &file.entry);
    if (labels_ != nullptr && summary.series == static_cast<int64_t>(labels_->labels.size())) {
      file.labels = labels_;
    }
    return arrow::Status::OK();
  }

 private:
  arrow::Status Open() {
    const int64_t min_sequence = job_.runs.front().min_sequence;
    const int64_t max_sequence = job_.runs.back().max_sequence;
    FileEntry entry{.table = std::string(table_),
                    .name = names_.Next(min_sequence, max_sequence),
                    .day = job_.day,
                    .level = job_.level,
                    .min_metric = {},
                    .max_metric = {},
                    .min_sequence = min_sequence,
                    .max_sequence = max_sequence,
                    .created_ms = settings_.now_ms};
    output_ = outputs_->size();
    outputs_->push_back({.entry = std::move(entry), .labels = nullptr});
    columns::WriterOptions options = settings_.options;
    options.tier = job_.tier;
    const std::string& name = outputs_->back().entry.name;
    ARROW_ASSIGN_OR_RAISE(writer_, Writer::Open(fs_, folders_.StagedPath(Tree::kData, name),
                                                folders_.StagedPath(Tree::kSeries, name),
                                                settings_.columns, std::move(options)));
    return arrow::Status::OK();
  }

  io::FileSystem& fs_;
  const DayFolders& folders_;
  FileNames& names_;
  const MergeJob& job_;
  const MergeSettings& settings_;
  const std::string_view table_;
  std::vector<NewFile>* outputs_;
  size_t output_ = 0;  // The one that is open.
  // The first input's, while the output holds just the same series. Not for files that live long:
  // they would keep the memory of labels that the head has forgotten.
  std::shared_ptr<const KnownLabels> labels_;
  size_t series_ = 0;
  std::unique_ptr<Writer> writer_;
  std::string metric_;
};

// Readers of its own: what a merge loads is of no use to queries, and goes when it ends. They are
// opened at once, as files may move meanwhile.
arrow::Result<std::vector<SeriesWalk::Source>> OpenAll(const MergeJob& job, bool exemplars) {
  std::vector<SeriesWalk::Source> sources;
  for (const Run& run : job.runs) {
    for (const auto& file : run.files) {
      if ((file->entry().table == kExemplarsTable) != exemplars) continue;
      SeriesWalk::Source source{.file = file->Clone(),
                                .index = nullptr,
                                .samples = nullptr,
                                .rows = {},
                                .all_rows = true};
      ARROW_ASSIGN_OR_RAISE(source.index, source.file->Index(nullptr));
      ARROW_RETURN_NOT_OK(source.file->OpenRows(nullptr));
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

arrow::Status CheckCancelled(const MergeSettings& settings) {
  if (settings.cancelled == nullptr || !*settings.cancelled) return arrow::Status::OK();
  return MakeError(ErrorKind::kCancelled, "The merge was given up.");
}

// Series that are read together.
struct Chunk {
  std::vector<LabelsView> series;
  SeriesParts parts;
  std::vector<std::shared_ptr<const void>> labels;  // Kept alive.
};

arrow::Status NextChunk(SeriesWalk* walk, bool* in_walk, Chunk* chunk) {
  chunk->series.clear();
  chunk->parts.Clear();
  chunk->labels.clear();
  while (*in_walk && chunk->parts.load() < kChunkRows && chunk->parts.part_count() < kChunkParts) {
    chunk->series.push_back(walk->labels());
    if (chunk->labels.empty() || chunk->labels.back() != walk->label_memory()) {
      chunk->labels.push_back(walk->label_memory());
    }
    chunk->parts.Add(walk->sources(), walk->parts(), nullptr);
    ARROW_ASSIGN_OR_RAISE(*in_walk, walk->Next());
  }
  return arrow::Status::OK();
}

class MergeWriter {
 public:
  MergeWriter(io::FileSystem& fs, const DayFolders& folders, FileNames& names, const MergeJob& job,
              const MergeSettings& settings, std::vector<NewFile>* outputs)
      : job_(job),
        settings_(settings),
        samples_(fs, folders, names, job, settings, kSamplesTable, outputs),
        histograms_(fs, folders, names, job, settings, kHistogramsTable, outputs),
        exemplars_(fs, folders, names, job, settings, kExemplarsTable, outputs) {}

  arrow::Status Write() {
    ARROW_RETURN_NOT_OK(WriteSamples());
    return WriteExemplars();
  }

 private:
  // Floats and histograms together: at one time only one of them stays.
  arrow::Status WriteSamples() {
    ARROW_ASSIGN_OR_RAISE(auto sources, OpenAll(job_, /*exemplars=*/false));
    const Run& first = job_.runs.front();
    const auto is_samples = [](const auto& file) { return file->entry().table == kSamplesTable; };
    if (job_.level == 1 && std::count_if(first.files.begin(), first.files.end(), is_samples) == 1) {
      samples_.set_labels(
          (*std::find_if(first.files.begin(), first.files.end(), is_samples))->known_labels());
    }
    SeriesWalk walk(std::move(sources), nullptr);
    ARROW_ASSIGN_OR_RAISE(bool in_walk, walk.Start());
    Chunk chunk;
    while (in_walk) {
      ARROW_RETURN_NOT_OK(CheckCancelled(settings_));
      ARROW_RETURN_NOT_OK(NextChunk(&walk, &in_walk, &chunk));
      ARROW_RETURN_NOT_OK(chunk.parts.Load(walk.sources(), TimeRange(), nullptr));
      for (size_t i = 0; i < chunk.series.size(); ++i) {
        ARROW_RETURN_NOT_OK(WriteSeries(chunk.series[i], chunk.parts, i));
      }
    }
    ARROW_RETURN_NOT_OK(samples_.Finish());
    return histograms_.Finish();
  }

  arrow::Status WriteSeries(LabelsView labels, const SeriesParts& parts, size_t series) {
    const auto floats = parts.floats(series);
    const auto histograms = parts.histograms(series);
    PartSamples samples;
    if (!histograms.empty()) {
      MergeKinds(floats, parts.float_precedence(series), histograms, &merged_);
      if (!merged_.histograms.empty()) {
        ARROW_RETURN_NOT_OK(
            histograms_.Append(labels, std::span<const HistogramSample>(merged_.histograms)));
      }
      samples = {merged_.floats.time_ms, merged_.floats.value, merged_.floats.start_ms};
    } else if (floats.size() == 1) {
      samples = floats[0];
    } else {
      MergeParts(floats, &merged_.floats);
      samples = {merged_.floats.time_ms, merged_.floats.value, merged_.floats.start_ms};
    }
    if (samples.size() == 0) return arrow::Status::OK();
    return samples_.Append(labels, samples.time_ms, samples.value, samples.start_ms);
  }

  arrow::Status WriteExemplars() {
    ARROW_ASSIGN_OR_RAISE(auto sources, OpenAll(job_, /*exemplars=*/true));
    if (sources.empty()) return arrow::Status::OK();
    ExemplarWalk walk(std::move(sources), TimeRange(), nullptr);
    ARROW_ASSIGN_OR_RAISE(bool in_walk, walk.Start());
    while (in_walk) {
      ARROW_RETURN_NOT_OK(CheckCancelled(settings_));
      ARROW_RETURN_NOT_OK(
          exemplars_.Append(walk.labels(), std::span<const columns::ExemplarRow>(walk.rows())));
      ARROW_ASSIGN_OR_RAISE(in_walk, walk.Next());
    }
    return exemplars_.Finish();
  }

  const MergeJob& job_;
  const MergeSettings& settings_;
  MergeOutput<columns::SamplesWriter> samples_;
  MergeOutput<columns::HistogramsWriter> histograms_;
  MergeOutput<columns::ExemplarsWriter> exemplars_;
  MergedSeries merged_;
};

}  // namespace

arrow::Status WriteMerge(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                         const MergeJob& job, const MergeSettings& settings,
                         std::vector<NewFile>* outputs) {
  return MergeWriter(fs, folders, names, job, settings, outputs).Write();
}

}  // namespace larnax::store
