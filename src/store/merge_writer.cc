#include "store/merge_writer.h"

#include <algorithm>
#include <memory>

#include "larnax/error.h"
#include "store/part_merge.h"
#include "store/part_reader.h"
#include "store/series_walk.h"

namespace larnax::store {
namespace {

// Rows of all inputs that are in memory at a time: 16 bytes each, and again when encoded.
constexpr int64_t kChunkRows = 2 << 20;
// The same of series in inputs: short ones cost more by their labels than by their rows.
constexpr size_t kChunkParts = 256 << 10;

class MergeOutput {
 public:
  MergeOutput(io::FileSystem& fs, const DayFolders& folders, FileNames& names, const MergeJob& job,
              const MergeSettings& settings, std::vector<NewFile>* outputs)
      : fs_(fs),
        folders_(folders),
        names_(names),
        job_(job),
        settings_(settings),
        outputs_(outputs) {
    const Run& first = job.runs.front();
    if (job.level == 1 && first.files.size() == 1) labels_ = first.files[0]->known_labels();
  }

  arrow::Status Append(LabelsView labels, const PartSamples& samples) {
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
    return writer_->Append(labels, samples.time_ms, samples.value, samples.start_ms);
  }

  arrow::Status Finish() {
    if (writer_ == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const columns::FileSummary summary, writer_->Finish());
    writer_ = nullptr;
    NewFile& file = outputs_->back();
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
    FileEntry entry{.table = std::string(kSamplesTable),
                    .name = names_.Next(min_sequence, max_sequence),
                    .day = job_.day,
                    .level = job_.level,
                    .min_metric = {},
                    .max_metric = {},
                    .min_sequence = min_sequence,
                    .max_sequence = max_sequence,
                    .created_ms = settings_.now_ms};
    outputs_->push_back({.entry = std::move(entry), .labels = nullptr});
    columns::WriterOptions options = settings_.options;
    options.tier = job_.tier;
    const std::string& name = outputs_->back().entry.name;
    ARROW_ASSIGN_OR_RAISE(writer_,
                          columns::SamplesWriter::Open(fs_, folders_.StagedPath(Tree::kData, name),
                                                       folders_.StagedPath(Tree::kSeries, name),
                                                       settings_.columns, std::move(options)));
    return arrow::Status::OK();
  }

  io::FileSystem& fs_;
  const DayFolders& folders_;
  FileNames& names_;
  const MergeJob& job_;
  const MergeSettings& settings_;
  std::vector<NewFile>* outputs_;
  // The first input's, while the output holds just the same series. Not for files that live long:
  // they would keep the memory of labels that the head has forgotten.
  std::shared_ptr<const KnownLabels> labels_;
  size_t series_ = 0;
  std::unique_ptr<columns::SamplesWriter> writer_;
  std::string metric_;
};

// Series that are read together.
struct Chunk {
  struct Series {
    LabelsView labels;
    size_t first_part;
    size_t part_count;
  };
  std::vector<Series> series;
  std::vector<SeriesPart> parts;
  std::vector<std::shared_ptr<const void>> labels;  // Kept alive.
  int64_t rows = 0;
};

arrow::Result<Chunk> NextChunk(SeriesWalk* walk, bool* in_walk) {
  Chunk chunk;
  while (*in_walk && chunk.rows < kChunkRows && chunk.parts.size() < kChunkParts) {
    chunk.series.push_back({walk->labels(), chunk.parts.size(), walk->parts().size()});
    if (chunk.labels.empty() || chunk.labels.back() != walk->label_memory()) {
      chunk.labels.push_back(walk->label_memory());
    }
    for (const SeriesPart& part : walk->parts()) {
      chunk.parts.push_back(part);
      chunk.rows += part.extent.row_count;
    }
    ARROW_ASSIGN_OR_RAISE(*in_walk, walk->Next());
  }
  return chunk;
}

std::vector<SeriesWalk::Source> AllRows(std::span<const std::shared_ptr<DataFile>> files) {
  std::vector<SeriesWalk::Source> sources;
  for (const auto& file : files) {
    sources.push_back(
        {.file = file, .index = nullptr, .samples = nullptr, .rows = {}, .all_rows = true});
  }
  return sources;
}

}  // namespace

arrow::Status WriteMerge(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                         const MergeJob& job, const MergeSettings& settings,
                         std::vector<NewFile>* outputs) {
  std::vector<std::shared_ptr<DataFile>> files;
  for (const Run& run : job.runs) {
    // Readers of its own: what a merge loads is of no use to queries, and goes when it ends.
    for (const auto& file : run.files) files.push_back(file->Clone());
  }
  std::vector<SeriesWalk::Source> sources = AllRows(files);
  for (SeriesWalk::Source& source : sources) {
    ARROW_ASSIGN_OR_RAISE(source.index, source.file->Index(nullptr));
    ARROW_ASSIGN_OR_RAISE(source.samples, source.file->Samples(nullptr));
  }
  SeriesWalk walk(std::move(sources), nullptr);
  ARROW_ASSIGN_OR_RAISE(bool in_walk, walk.Start());
  MergeOutput output(fs, folders, names, job, settings, outputs);
  head::SampleColumns merged;
  LoadedParts loaded;
  while (in_walk) {
    if (settings.cancelled != nullptr && *settings.cancelled) {
      return MakeError(ErrorKind::kCancelled, "The merge was given up.");
    }
    ARROW_ASSIGN_OR_RAISE(const Chunk chunk, NextChunk(&walk, &in_walk));
    ARROW_RETURN_NOT_OK(LoadParts(walk.sources(), chunk.parts, TimeRange(), nullptr, &loaded));
    for (const Chunk::Series& series : chunk.series) {
      const auto parts =
          std::span<const PartSamples>(loaded.parts).subspan(series.first_part, series.part_count);
      PartSamples samples = parts[0];
      if (parts.size() > 1) {
        MergeParts(parts, &merged);
        samples = {merged.time_ms, merged.value, merged.start_ms};
      }
      ARROW_RETURN_NOT_OK(output.Append(series.labels, samples));
    }
  }
  return output.Finish();
}

}  // namespace larnax::store
