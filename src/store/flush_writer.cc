#include "store/flush_writer.h"

#include <algorithm>
#include <bit>

#include "base/civil_time.h"
#include "store/stored_samples.h"

namespace larnax::store {
namespace {

using head::FrozenSeries;
using head::SampleColumns;

// Files of more series do not keep their labels in memory.
constexpr size_t kMaxKnownLabels = 256 << 10;

TimeRange RangeOfDays(std::span<const int64_t> days) {
  return {.start_ms = days.front() * base::kDayMs, .end_ms = (days.back() + 1) * base::kDayMs - 1};
}

// Files may hold some of the samples of this series that are to be written.
bool MayBeStored(const FlushJob& job, const FrozenSeries& series, TimeRange range) {
  const int64_t first_ms =
      std::max(range.start_ms, job.generation->generation->RangeOf(series.ref).start_ms);
  return first_ms <= std::min(series.flushed_through_ms, range.end_ms);
}

// Opens the lookup of stored samples; nullptr where no file can hold any.
arrow::Result<std::unique_ptr<StoredSamples>> OpenStored(const FlushJob& job, TimeRange range) {
  std::vector<LabelsView> wanted;
  TimeRange stored{.start_ms = range.end_ms, .end_ms = range.start_ms};
  for (const FrozenSeries& series : job.generation->series) {
    if (!MayBeStored(job, series, range)) continue;
    wanted.push_back(series.labels);
    const TimeRange own = job.generation->generation->RangeOf(series.ref);
    stored.start_ms = std::min(stored.start_ms, std::max(own.start_ms, range.start_ms));
    stored.end_ms =
        std::max(stored.end_ms, std::min({own.end_ms, series.flushed_through_ms, range.end_ms}));
  }
  if (wanted.empty() || stored.start_ms > stored.end_ms) return nullptr;
  ARROW_ASSIGN_OR_RAISE(auto sources, FindSources(job.version->files, {}, stored, nullptr));
  if (sources.empty()) return nullptr;
  auto lookup = std::make_unique<StoredSamples>(std::move(sources), std::move(wanted), stored);
  ARROW_RETURN_NOT_OK(lookup->Start());
  return lookup;
}

// Removes samples that are stored with the same bits, unless they tell a start time that the stored
// ones do not have.
void DropStored(const SampleColumns& stored, SampleColumns* columns) {
  size_t kept = 0;
  size_t at = 0;
  const bool with_starts = !columns->start_ms.empty();
  for (size_t i = 0; i < columns->time_ms.size(); ++i) {
    while (at < stored.time_ms.size() && stored.time_ms[at] < columns->time_ms[i]) ++at;
    if (at < stored.time_ms.size() && stored.time_ms[at] == columns->time_ms[i] &&
        std::bit_cast<uint64_t>(stored.value[at]) == std::bit_cast<uint64_t>(columns->value[i])) {
      const int64_t stored_start_ms = stored.start_ms.empty() ? 0 : stored.start_ms[at];
      if (!with_starts || columns->start_ms[i] == 0 || columns->start_ms[i] == stored_start_ms) {
        continue;
      }
    }
    columns->time_ms[kept] = columns->time_ms[i];
    columns->value[kept] = columns->value[i];
    if (with_starts) columns->start_ms[kept] = columns->start_ms[i];
    ++kept;
  }
  columns->time_ms.resize(kept);
  columns->value.resize(kept);
  if (with_starts) columns->start_ms.resize(kept);
}

// One writer a day.
class DayWriters {
 public:
  DayWriters(const FlushJob& job, std::vector<NewFile>* files)
      : job_(job), files_(files), labels_(job.days.size()) {}

  arrow::Status Open(io::FileSystem& fs, const DayFolders& folders, FileNames& names) {
    for (const int64_t day : job_.days) {
      FileEntry entry{.table = std::string(kSamplesTable),
                      .name = names.Next(job_.sequence, job_.sequence),
                      .day = day,
                      .min_metric = {},
                      .max_metric = {},
                      .min_sequence = job_.sequence,
                      .max_sequence = job_.sequence,
                      .created_ms = job_.now_ms};
      files_->push_back({.entry = std::move(entry), .labels = nullptr});
      const std::string& name = files_->back().entry.name;
      ARROW_ASSIGN_OR_RAISE(auto writer,
                            columns::SamplesWriter::Open(fs, folders.StagedPath(Tree::kData, name),
                                                         folders.StagedPath(Tree::kSeries, name),
                                                         job_.columns, job_.options));
      writers_.push_back(std::move(writer));
    }
    return arrow::Status::OK();
  }

  // Takes the samples of one series, of all days.
  arrow::Status Append(LabelsView labels, const SampleColumns& columns) {
    const std::span<const int64_t> times(columns.time_ms);
    const std::span<const double> values(columns.value);
    const std::span<const int64_t> starts(columns.start_ms);
    size_t begin = 0;
    for (size_t i = 0; i < writers_.size() && begin < times.size(); ++i) {
      const int64_t day_end_ms = (job_.days[i] + 1) * base::kDayMs;
      size_t end = times.size();
      if (times.back() >= day_end_ms) {
        end = static_cast<size_t>(std::lower_bound(times.begin(), times.end(), day_end_ms) -
                                  times.begin());
      }
      const size_t count = end - begin;
      if (count == 0) continue;
      labels_[i].push_back(labels);
      ARROW_RETURN_NOT_OK(
          writers_[i]->Append(labels, times.subspan(begin, count), values.subspan(begin, count),
                              starts.empty() ? starts : starts.subspan(begin, count)));
      begin = end;
    }
    return arrow::Status::OK();
  }

  arrow::Status Finish() {
    for (size_t i = 0; i < writers_.size(); ++i) {
      if (writers_[i]->rows_written() == 0) continue;
      ARROW_ASSIGN_OR_RAISE(const columns::FileSummary summary, writers_[i]->Finish());
      NewFile& file = (*files_)[i];
      FillEntry(summary, &file.entry);
      file.labels = Share(std::move(labels_[i]));
    }
    return arrow::Status::OK();
  }

 private:
  std::shared_ptr<const KnownLabels> Share(std::vector<LabelsView> labels) const {
    if (labels.size() > kMaxKnownLabels) return nullptr;
    const auto& last = job_.last_labels;
    if (last != nullptr && last->memory == job_.generation->arena &&
        std::equal(labels.begin(), labels.end(), last->labels.begin(), last->labels.end(),
                   AreSamePlace)) {
      return last;
    }
    return std::make_shared<const KnownLabels>(
        KnownLabels{.labels = std::move(labels), .memory = job_.generation->arena});
  }

  const FlushJob& job_;
  std::vector<NewFile>* files_;
  std::vector<std::vector<LabelsView>> labels_;  // Of each day's file.
  std::vector<std::unique_ptr<columns::SamplesWriter>> writers_;
};

}  // namespace

std::string FileNames::Next(int64_t min_sequence, int64_t max_sequence) {
  return FileName(min_sequence, max_sequence, epoch_, next_++);
}

void FillEntry(const columns::FileSummary& summary, FileEntry* entry) {
  entry->bytes = summary.data_bytes;
  entry->series_bytes = summary.series_bytes;
  entry->rows = summary.rows;
  entry->series = summary.series;
  entry->min_time_ms = summary.min_time_ms;
  entry->max_time_ms = summary.max_time_ms;
  entry->min_metric = summary.min_metric;
  entry->max_metric = summary.max_metric;
  entry->footer_bytes = summary.data_footer_bytes;
  entry->footer_crc32c = summary.data_footer_crc32c;
  entry->series_footer_bytes = summary.series_footer_bytes;
  entry->series_footer_crc32c = summary.series_footer_crc32c;
}

void ColumnAssigner::Assign(const head::FrozenGeneration& generation,
                            columns::ColumnRegistry* registry) {
  if (arena_ != generation.arena) Reset();
  arena_ = generation.arena;
  // Neighbours in file order mostly have the same names: only others are looked up.
  std::vector<std::string_view> previous;
  for (const FrozenSeries& series : generation.series) {
    const auto ref = static_cast<size_t>(series.ref);
    if (ref >= seen_.size()) seen_.resize(std::max(ref + 1, seen_.size() * 2));
    const char* const bytes = series.labels.bytes().data();
    if (seen_[ref] == bytes) continue;
    seen_[ref] = bytes;
    size_t at = 0;
    for (const Label& label : series.labels) {
      if (at == previous.size()) previous.emplace_back();
      if (previous[at] != label.name) {
        registry->Assign(label.name);
        previous[at] = label.name;
      }
      ++at;
    }
    previous.resize(at);
  }
}

void ColumnAssigner::Reset() {
  arena_ = nullptr;
  seen_.clear();
}

arrow::Status WriteFlush(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                         const FlushJob& job, std::vector<NewFile>* files) {
  const TimeRange range = RangeOfDays(job.days);
  ARROW_ASSIGN_OR_RAISE(const auto stored, OpenStored(job, range));
  DayWriters writers(job, files);
  ARROW_RETURN_NOT_OK(writers.Open(fs, folders, names));
  SampleColumns columns;
  for (const FrozenSeries& series : job.generation->series) {
    head::ReadCapture(series.capture, range, &columns);
    if (columns.time_ms.empty()) continue;
    if (stored != nullptr && MayBeStored(job, series, range)) {
      ARROW_ASSIGN_OR_RAISE(const SampleColumns* old, stored->Find(series.labels));
      if (old != nullptr) DropStored(*old, &columns);
    }
    ARROW_RETURN_NOT_OK(writers.Append(series.labels, columns));
  }
  return writers.Finish();
}

}  // namespace larnax::store
