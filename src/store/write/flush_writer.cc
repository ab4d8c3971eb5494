#include "store/write/flush_writer.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <ranges>
#include <set>
#include <utility>

#include "base/civil_time.h"
#include "columns/schema/histogram_columns.h"
#include "columns/write/exemplars_writer.h"
#include "columns/write/histograms_writer.h"
#include "larnax/error.h"
#include "store/read/exemplar_merge.h"
#include "store/write/stored_samples.h"

namespace larnax::store {
namespace {

using head::FrozenSeries;
using head::SampleColumns;

// Files of more series do not keep their labels in memory.
constexpr size_t kMaxKnownLabels = 256 << 10;
constexpr int64_t kMaxKnownLabelBytes = 64 << 20;
constexpr TimeRange kNoTimes{.start_ms = std::numeric_limits<int64_t>::max(),
                             .end_ms = std::numeric_limits<int64_t>::min()};

TimeRange RangeOfDays(std::span<const int64_t> days) {
  return {.start_ms = days.front() * base::kDayMs, .end_ms = (days.back() + 1) * base::kDayMs - 1};
}

// What of a series files may hold of what is to be written: its own range and what was flushed.
TimeRange SampleOverlap(const FlushJob& job, const FrozenSeries& series, TimeRange range) {
  const head::Generation& generation = *job.generation->generation;
  if (!generation.Has(series.ref)) return kNoTimes;
  const TimeRange own = generation.RangeOf(series.ref);
  return {.start_ms = std::max(range.start_ms, own.start_ms),
          .end_ms = std::min({series.flushed_through_ms, own.end_ms, range.end_ms})};
}

TimeRange ExemplarOverlap(const FlushJob& job, const FrozenSeries& series, TimeRange range) {
  const head::Generation& generation = *job.generation->generation;
  if (!generation.HasExemplars(series.ref)) return kNoTimes;
  const TimeRange own = generation.ExemplarRangeOf(series.ref);
  return {.start_ms = std::max(range.start_ms, own.start_ms),
          .end_ms = std::min({series.exemplars_through_ms, own.end_ms, range.end_ms})};
}

// File order is no order in memory: without this half of a flush is waiting for labels.
constexpr size_t kSeriesAhead = 8;

void Prefetch(LabelsView labels) {
  constexpr size_t kCacheLineBytes = 64;
  const char* const bytes = labels.bytes().data();
  for (size_t at = 0; at < labels.bytes().size(); at += kCacheLineBytes) {
    __builtin_prefetch(bytes + at);
  }
}

bool IsEmpty(TimeRange range) { return range.start_ms > range.end_ms; }

using Overlap = TimeRange (*)(const FlushJob&, const FrozenSeries&, TimeRange);

// Opens the lookup of what is stored; nullptr where no file can hold any.
template <typename Lookup>
arrow::Result<std::unique_ptr<Lookup>> OpenStored(const FlushJob& job, TimeRange range,
                                                  Version::Files files, Overlap overlap) {
  std::vector<LabelsView> wanted;
  TimeRange stored = kNoTimes;
  for (const FrozenSeries& series : job.generation->series) {
    const TimeRange own = overlap(job, series, range);
    if (IsEmpty(own)) continue;
    wanted.push_back(series.labels);
    stored.start_ms = std::min(stored.start_ms, own.start_ms);
    stored.end_ms = std::max(stored.end_ms, own.end_ms);
  }
  if (wanted.empty()) return nullptr;
  ARROW_ASSIGN_OR_RAISE(auto sources, FindSources(files, {}, stored, nullptr));
  if (sources.empty()) return nullptr;
  auto lookup = std::make_unique<Lookup>(std::move(sources), std::move(wanted), stored);
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

// Removes histograms that are stored with the same bits, as DropStored.
void DropStoredHistograms(const std::vector<HistogramSample>& stored,
                          std::vector<HistogramSample>* samples) {
  std::erase_if(*samples, [&](const HistogramSample& sample) {
    const auto same = std::lower_bound(
        stored.begin(), stored.end(), sample.time_ms,
        [](const HistogramSample& each, int64_t time_ms) { return each.time_ms < time_ms; });
    return same != stored.end() && same->time_ms == sample.time_ms &&
           columns::SameHistogram(*same->histogram, *sample.histogram) &&
           (sample.start_ms == 0 || sample.start_ms == same->start_ms);
  });
}

// A damaged file must not keep samples in memory for ever: what it may hold of them is written a
// second time, and the next merge, or reader, takes one.
arrow::Status IgnoreDamage(const arrow::Status& status) {
  const bool is_damage =
      KindOf(status) == ErrorKind::kCorrupt || KindOf(status) == ErrorKind::kNotFound;
  return is_damage ? arrow::Status::OK() : status;
}

// One writer of a table for each day of a flush that has anything of it. What one file cannot hold
// goes on in another.
template <typename Writer>
class DayWriters {
 public:
  DayWriters(const FlushJob& job, std::string_view table, const std::vector<int64_t>& days)
      : job_(job), table_(table) {
    for (const int64_t day : days) outputs_.push_back({.day = day});
  }

  bool empty() const { return outputs_.empty(); }

  // All that is given here outlives this.
  arrow::Status Open(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                     std::vector<NewFile>* files) {
    fs_ = &fs;
    folders_ = &folders;
    names_ = &names;
    files_ = files;
    for (Output& output : outputs_) ARROW_RETURN_NOT_OK(OpenOutput(&output));
    return arrow::Status::OK();
  }

  // Takes `size` rows of one series, of all days: `append` is called with a writer and the first
  // and the number of the rows that are its.
  template <typename TimeAt, typename Append>
  arrow::Status Add(LabelsView labels, size_t size, TimeAt time_at, Append append) {
    size_t begin = 0;
    for (Output& output : outputs_) {
      if (begin == size) break;
      const int64_t day_end_ms = (output.day + 1) * base::kDayMs;
      size_t end = size;
      if (time_at(size - 1) >= day_end_ms) {
        const auto rows = std::views::iota(begin, size);
        end = begin +
              static_cast<size_t>(std::ranges::partition_point(
                                      rows, [&](size_t row) { return time_at(row) < day_end_ms; }) -
                                  rows.begin());
      }
      if (end == begin) continue;
      arrow::Status added = append(*output.writer, begin, end - begin);
      if (KindOf(added) == ErrorKind::kTooLarge && output.writer->rows_written() > 0) {
        ARROW_RETURN_NOT_OK(FinishOutput(&output));
        ARROW_RETURN_NOT_OK(OpenOutput(&output));
        added = append(*output.writer, begin, end - begin);
      }
      ARROW_RETURN_NOT_OK(added);
      output.labels.push_back(labels);
      begin = end;
    }
    return arrow::Status::OK();
  }

  arrow::Status Finish() {
    for (Output& output : outputs_) ARROW_RETURN_NOT_OK(FinishOutput(&output));
    return arrow::Status::OK();
  }

 private:
  struct Output {
    int64_t day = 0;
    size_t file = 0;  // Its place in files_.
    std::unique_ptr<Writer> writer = nullptr;
    std::vector<LabelsView> labels = {};  // Of the file's series.
  };

  arrow::Status OpenOutput(Output* output) {
    FileEntry entry{.table = std::string(table_),
                    .name = names_->Next(job_.sequence, job_.sequence),
                    .day = output->day,
                    .min_metric = {},
                    .max_metric = {},
                    .min_sequence = job_.sequence,
                    .max_sequence = job_.sequence,
                    .created_ms = job_.now_ms};
    const std::string name = entry.name;
    output->file = files_->size();
    output->labels.clear();
    files_->push_back({.entry = std::move(entry), .labels = nullptr});
    return Writer::Open(*fs_, folders_->StagedPath(Tree::kData, name),
                        folders_->StagedPath(Tree::kSeries, name), job_.columns, job_.options)
        .Value(&output->writer);
  }

  arrow::Status FinishOutput(Output* output) {
    if (output->writer->rows_written() == 0) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const columns::FileSummary summary, output->writer->Finish());
    NewFile& file = (*files_)[output->file];
    FillEntry(summary, &file.entry);
    if (table_ == kSamplesTable) file.labels = Share(std::move(output->labels));
    return arrow::Status::OK();
  }

  std::shared_ptr<const KnownLabels> Share(std::vector<LabelsView> labels) const {
    if (labels.size() > kMaxKnownLabels ||
        job_.generation->arena->memory_bytes() > kMaxKnownLabelBytes) {
      return nullptr;
    }
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
  const std::string_view table_;
  std::vector<Output> outputs_;  // By day, ascending.
  io::FileSystem* fs_ = nullptr;
  const DayFolders* folders_ = nullptr;
  FileNames* names_ = nullptr;
  std::vector<NewFile>* files_ = nullptr;
};

// The days of a job that a table has rows in. \param days  Of the generation, ascending.
template <typename Days>
std::vector<int64_t> DaysOfTable(const FlushJob& job, const Days& days) {
  std::vector<int64_t> found;
  for (const int64_t day : job.days) {
    if (days.contains(day)) found.push_back(day);
  }
  return found;
}

class FlushWriter {
 public:
  FlushWriter(const FlushJob& job, std::vector<NewFile>* files)
      : job_(job),
        range_(RangeOfDays(job.days)),
        files_(files),
        samples_(job, kSamplesTable, DaysOfTable(job, job.generation->generation->days())),
        histograms_(job, kHistogramsTable,
                    DaysOfTable(job, job.generation->generation->histogram_days())),
        exemplars_(job, kExemplarsTable,
                   DaysOfTable(job, job.generation->generation->exemplar_days())) {}

  arrow::Status Write(io::FileSystem& fs, const DayFolders& folders, FileNames& names) {
    ARROW_RETURN_NOT_OK(samples_.Open(fs, folders, names, files_));
    ARROW_RETURN_NOT_OK(histograms_.Open(fs, folders, names, files_));
    ARROW_RETURN_NOT_OK(exemplars_.Open(fs, folders, names, files_));
    ARROW_RETURN_NOT_OK(IgnoreDamage(
        OpenStored<StoredSamples>(job_, range_, job_.version->sample_files(), SampleOverlap)
            .Value(&stored_samples_)));
    if (!exemplars_.empty()) {
      ARROW_RETURN_NOT_OK(
          IgnoreDamage(OpenStored<StoredExemplars>(
                           job_, range_, job_.version->FilesOf(kExemplarsTable), ExemplarOverlap)
                           .Value(&stored_exemplars_)));
    }
    const std::vector<FrozenSeries>& all = job_.generation->series;
    for (size_t i = 0; i < all.size(); ++i) {
      if (i + kSeriesAhead < all.size()) Prefetch(all[i + kSeriesAhead].labels);
      const FrozenSeries& series = all[i];
      const head::SeriesCapture capture = job_.generation->generation->Capture(series.ref);
      ARROW_RETURN_NOT_OK(WriteSamples(series, capture));
      if (capture.lists.exemplar_count > 0) ARROW_RETURN_NOT_OK(WriteExemplars(series, capture));
    }
    ARROW_RETURN_NOT_OK(samples_.Finish());
    ARROW_RETURN_NOT_OK(histograms_.Finish());
    return exemplars_.Finish();
  }

 private:
  arrow::Status WriteSamples(const FrozenSeries& series, const head::SeriesCapture& capture) {
    head::ReadCapture(capture, range_, &floats_);
    ARROW_RETURN_NOT_OK(head::ReadHistograms(capture, range_, &histogram_samples_));
    if (floats_.time_ms.empty() && histogram_samples_.empty()) return arrow::Status::OK();
    if (stored_samples_ != nullptr && !IsEmpty(SampleOverlap(job_, series, range_))) {
      const auto old = stored_samples_->Find(series.labels);
      if (!old.ok()) {
        ARROW_RETURN_NOT_OK(IgnoreDamage(old.status()));
        stored_samples_ = nullptr;
      } else if (*old != nullptr) {
        DropStored((*old)->floats, &floats_);
        DropStoredHistograms((*old)->histograms, &histogram_samples_);
      }
    }
    const std::span<const int64_t> times(floats_.time_ms);
    const std::span<const double> values(floats_.value);
    const std::span<const int64_t> starts(floats_.start_ms);
    ARROW_RETURN_NOT_OK(samples_.Add(
        series.labels, times.size(), [&](size_t row) { return times[row]; },
        [&](columns::SamplesWriter& writer, size_t begin, size_t count) {
          return writer.Append(series.labels, times.subspan(begin, count),
                               values.subspan(begin, count),
                               starts.empty() ? starts : starts.subspan(begin, count));
        }));
    const std::span<const HistogramSample> histograms(histogram_samples_);
    return histograms_.Add(
        series.labels, histograms.size(), [&](size_t row) { return histograms[row].time_ms; },
        [&](columns::HistogramsWriter& writer, size_t begin, size_t count) {
          return writer.Append(series.labels, histograms.subspan(begin, count));
        });
  }

  arrow::Status WriteExemplars(const FrozenSeries& series, const head::SeriesCapture& capture) {
    head::ReadExemplars(capture, range_, &nodes_);
    std::vector<columns::ExemplarRow> rows;
    for (const head::ExemplarNode* node : nodes_) {
      rows.push_back({.time_ms = node->time_ms, .value = node->value, .labels = node->labels()});
    }
    SortExemplars(&rows);
    if (stored_exemplars_ != nullptr && !IsEmpty(ExemplarOverlap(job_, series, range_))) {
      const auto old = stored_exemplars_->Find(series.labels);
      if (!old.ok()) {
        ARROW_RETURN_NOT_OK(IgnoreDamage(old.status()));
        stored_exemplars_ = nullptr;
      } else if (*old != nullptr) {
        std::erase_if(rows, [stored = *old](const columns::ExemplarRow& row) {
          return std::binary_search(stored->begin(), stored->end(), row, ExemplarComesBefore);
        });
      }
    }
    const std::span<const columns::ExemplarRow> all(rows);
    return exemplars_.Add(
        series.labels, all.size(), [&](size_t row) { return all[row].time_ms; },
        [&](columns::ExemplarsWriter& writer, size_t begin, size_t count) {
          return writer.Append(series.labels, all.subspan(begin, count));
        });
  }

  const FlushJob& job_;
  const TimeRange range_;
  std::vector<NewFile>* files_;
  DayWriters<columns::SamplesWriter> samples_;
  DayWriters<columns::HistogramsWriter> histograms_;
  DayWriters<columns::ExemplarsWriter> exemplars_;
  std::unique_ptr<StoredSamples> stored_samples_;
  std::unique_ptr<StoredExemplars> stored_exemplars_;
  // Of the series in hand.
  SampleColumns floats_;
  std::vector<HistogramSample> histogram_samples_;
  std::vector<const head::ExemplarNode*> nodes_;
};

}  // namespace

arrow::Status WriteMetadata(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                            const FlushJob& job, MetadataEntry* file) {
  *file = {.name = names.Next(job.sequence, job.sequence),
           .min_sequence = job.sequence,
           .max_sequence = job.sequence,
           .created_ms = job.now_ms};
  ARROW_ASSIGN_OR_RAISE(const columns::FileSummary summary,
                        columns::WriteMetadataFile(fs, folders.StagedPath(Tree::kData, file->name),
                                                   job.metadata, job.options));
  FillEntry(summary, file);
  return arrow::Status::OK();
}

std::vector<int64_t> DaysOf(const head::Generation& generation) {
  std::set<int64_t> days(generation.histogram_days());
  days.insert(generation.exemplar_days().begin(), generation.exemplar_days().end());
  for (const auto& [day, samples] : generation.days()) days.insert(day);
  return {days.begin(), days.end()};
}

arrow::Status WriteFlush(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                         const FlushJob& job, std::vector<NewFile>* files) {
  return FlushWriter(job, files).Write(fs, folders, names);
}

}  // namespace larnax::store
