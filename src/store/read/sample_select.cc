#include "store/read/sample_select.h"

#include <algorithm>

#include "model/label_order.h"
#include "store/read/batch_builder.h"
#include "store/read/kind_merge.h"
#include "store/read/part_merge.h"
#include "store/read/part_reader.h"
#include "store/read/query_guard.h"
#include "store/read/series_parts.h"
#include "store/read/series_walk.h"

namespace larnax::store {
namespace {

// Rows that are read for one batch, and series that one holds.
constexpr int64_t kBatchRows = 1 << 20;
constexpr size_t kBatchSeries = 64 << 10;
// Samples of one batch where pages are kept: so few that other threads have work while the next one
// is put together, and fewer at first, so that they begin soon.
constexpr int64_t kFirstBatchSamples = 1 << 13;
constexpr int64_t kKeptBatchSamples = 1 << 16;
// Above every sequence.
constexpr int64_t kHeadPrecedence = int64_t{1} << 62;

class SelectStream final : public SampleStream {
 public:
  SelectStream(Snapshot snapshot, const SelectRequest& request, const io::Clock& clock,
               io::TaskRunner runner)
      : snapshot_(std::move(snapshot)),
        range_(request.range),
        guard_(request, clock),
        damage_("samples", snapshot_.gone_is_damage) {
    parts_.set_runner(std::move(runner));
    parts_.set_make_histograms(request.make_histograms);
  }

  arrow::Status Open(std::span<const std::vector<Matcher>> selectors) {
    if (range_.start_ms > range_.end_ms) {
      snapshot_.head.series.clear();
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(guard_.Check());
    ARROW_ASSIGN_OR_RAISE(auto sources, FindSources(snapshot_.files->sample_files(), selectors,
                                                    range_, &stats_, &guard_, &damage_));
    if (snapshot_.files_may_vanish) ARROW_RETURN_NOT_OK(KeepOpen(&sources));
    walk_ = std::make_unique<SeriesWalk>(std::move(sources), &stats_, &damage_);
    ARROW_ASSIGN_OR_RAISE(in_files_, walk_->Start());
    return arrow::Status::OK();
  }

  arrow::Result<SampleBatch> Next() override {
    for (;;) {
      ARROW_RETURN_NOT_OK(guard_.Check());
      BatchBuilder builder;
      ARROW_RETURN_NOT_OK(Collect(&builder));
      if (wanted_.empty()) return SampleBatch();
      ARROW_RETURN_NOT_OK(Assemble(&builder));
      if (builder.series_count() > 0) return builder.Finish();
    }
  }

  const ReadStats& stats() const override { return stats_; }
  std::vector<std::string> warnings() const override { return damage_.warnings(); }

 private:
  struct Wanted {
    LabelsView labels;
    bool in_files = false;  // The next one of parts_.
    const head::HeadSeries* head = nullptr;
  };

  // Opens the rows of files, which may go away. Readers in use stay open.
  arrow::Status KeepOpen(std::vector<SeriesWalk::Source>* sources) {
    for (SeriesWalk::Source& source : *sources) {
      const arrow::Status opened = source.file->holds_histograms()
                                       ? source.file->Histograms(&stats_).Value(&source.histograms)
                                       : source.file->Samples(&stats_).Value(&source.samples);
      // It stays among the others: its index tells what is missing.
      if (!opened.ok()) ARROW_RETURN_NOT_OK(damage_.Note(opened));
    }
    // Only damaged ones are opened again.
    damage_.set_gone_is_damage();
    return arrow::Status::OK();
  }

  // Samples that a series has in the range at least: those of its largest part that lies in it.
  int64_t CertainSamples(std::span<const SeriesPart> parts) const {
    int64_t most = 0;
    for (const SeriesPart& part : parts) {
      const bool inside =
          range_.start_ms <= part.extent.min_time_ms && part.extent.max_time_ms <= range_.end_ms;
      if (inside) most = std::max(most, part.extent.row_count);
    }
    return most;
  }

  // About how many samples of a part lie in the range, if they come at regular times.
  int64_t SamplesInRange(const columns::SeriesExtent& extent) const {
    const auto length = [](int64_t first_ms, int64_t last_ms) {
      return static_cast<double>(last_ms) - static_cast<double>(first_ms) + 1;
    };
    const double share = length(std::max(range_.start_ms, extent.min_time_ms),
                                std::min(range_.end_ms, extent.max_time_ms)) /
                         length(extent.min_time_ms, extent.max_time_ms);
    if (!(share > 0)) return 0;
    // More than a batch holds is as much.
    const double samples = std::min(share, 1.0) * static_cast<double>(extent.row_count);
    return static_cast<int64_t>(std::min(samples, static_cast<double>(kBatchRows)));
  }

  // Takes series, in file order, until they have enough rows for a batch.
  arrow::Status Collect(BatchBuilder* builder) {
    wanted_.clear();
    parts_.Clear();
    int64_t head_rows = 0;
    int64_t certain_samples = 0;
    int64_t samples = 0;  // About, and of files only.
    while (head_rows + parts_.load() < kBatchRows && head_rows + samples < batch_samples_ &&
           wanted_.size() < kBatchSeries) {
      const auto& head = snapshot_.head.series;
      if (!in_files_ && next_head_ == head.size()) break;
      int order = -1;  // Below 0: the files' series comes first.
      if (!in_files_) {
        order = 1;
      } else if (next_head_ < head.size()) {
        order = model::CompareForFile(walk_->labels(), head[next_head_].labels);
      }
      Wanted wanted{.labels = order <= 0 ? walk_->labels() : head[next_head_].labels};
      if (order >= 0) {
        wanted.head = &head[next_head_++];
        for (const auto& part : wanted.head->parts) head_rows += LoadOf(part);
      }
      if (order <= 0) {
        builder->Keep(walk_->label_memory());
        parts_.Add(walk_->sources(), walk_->parts(), &stats_);
        for (const LostRows& lost : damage_.lost()) {
          if (lost.MayHold(wanted.labels.metric())) parts_.AddGap(lost);
        }
        certain_samples += CertainSamples(walk_->parts());
        for (const SeriesPart& part : walk_->parts()) samples += SamplesInRange(part.extent);
        // A series is held whole: better to know before its rows are read.
        ARROW_RETURN_NOT_OK(guard_.CheckSamples(stats_.samples + certain_samples));
        wanted.in_files = true;
        ARROW_ASSIGN_OR_RAISE(in_files_, walk_->Next());
      }
      wanted_.push_back(wanted);
    }
    return arrow::Status::OK();
  }

  arrow::Status Assemble(BatchBuilder* builder) {
    if (walk_ != nullptr) {
      const int64_t pages_read = stats_.pages_read;
      ARROW_RETURN_NOT_OK(parts_.LoadIntact(walk_->sources(), range_, &stats_, &damage_));
      // The next rows mostly are as these.
      batch_samples_ = stats_.pages_read > pages_read
                           ? kBatchRows
                           : std::min(2 * batch_samples_, kKeptBatchSamples);
    }
    builder->Keep(snapshot_.head.arena);
    size_t next_series = 0;
    for (const Wanted& wanted : wanted_) {
      std::span<const PartSamples> floats;
      bool has_histograms = wanted.head != nullptr && HasHistograms(*wanted.head);
      const size_t series = next_series;
      if (wanted.in_files) {
        floats = parts_.floats(series);
        has_histograms |= !parts_.histograms(series).empty();
        ++next_series;
      }
      if (has_histograms && wanted.head == nullptr && floats.empty() &&
          parts_.histograms(series).size() == 1) {
        AddHistograms(wanted.labels, parts_.histograms(series)[0].samples, builder);
      } else if (has_histograms) {
        ARROW_RETURN_NOT_OK(AddBothKinds(wanted, series, builder));
      } else if (wanted.head == nullptr && floats.size() == 1) {
        if (floats[0].size() == 0) continue;
        builder->AddBorrowed(wanted.labels, floats[0]);
        ++stats_.series;
        stats_.samples += static_cast<int64_t>(floats[0].size());
      } else {
        AddMerged(wanted, floats, builder);
      }
    }
    builder->Take(parts_.loaded());
    for (auto& memory : parts_.memory()) {
      if (memory != nullptr) builder->Keep(std::move(memory));
    }
    return guard_.CheckSamples(stats_.samples);
  }

  static bool HasHistograms(const head::HeadSeries& series) {
    return std::any_of(series.parts.begin(), series.parts.end(),
                       [](const auto& part) { return part.lists.histogram_count > 0; });
  }

  // Rows that a part counts for; a histogram takes as much as some floats.
  static int64_t LoadOf(const head::SeriesCapture& part) {
    constexpr int64_t kHistogramLoad = 64;
    return part.count + part.lists.histogram_count * kHistogramLoad;
  }

  void AddHistograms(LabelsView labels, std::span<const HistogramSample> samples,
                     BatchBuilder* builder) {
    if (samples.empty()) return;
    builder->AddBorrowed(labels, {}, samples);
    ++stats_.series;
    stats_.samples += static_cast<int64_t>(samples.size());
  }

  arrow::Status AddBothKinds(const Wanted& wanted, size_t series, BatchBuilder* builder) {
    std::vector<PartSamples> floats;
    std::vector<int64_t> precedence;
    std::vector<HistogramPart> histograms;
    if (wanted.in_files) {
      const auto file_floats = parts_.floats(series);
      const auto file_precedence = parts_.float_precedence(series);
      const auto file_histograms = parts_.histograms(series);
      floats.assign(file_floats.begin(), file_floats.end());
      precedence.assign(file_precedence.begin(), file_precedence.end());
      histograms.assign(file_histograms.begin(), file_histograms.end());
    }
    std::vector<std::vector<HistogramSample>> head_histograms;
    if (wanted.head != nullptr) {
      const auto& captures = wanted.head->parts;
      if (captured_.size() < captures.size()) captured_.resize(captures.size());
      head_histograms.resize(captures.size());
      for (size_t i = 0; i < captures.size(); ++i) {
        // What is in memory is later than what is in files, and than older parts of itself.
        const int64_t part_precedence = kHeadPrecedence + static_cast<int64_t>(i);
        head::SampleColumns& columns = captured_[i];
        head::ReadCapture(captures[i], range_, &columns);
        ARROW_RETURN_NOT_OK(head::ReadHistograms(captures[i], range_, &head_histograms[i]));
        floats.push_back({columns.time_ms, columns.value, columns.start_ms});
        precedence.push_back(part_precedence);
        histograms.push_back({head_histograms[i], part_precedence});
        stats_.head_samples +=
            static_cast<int64_t>(columns.time_ms.size() + head_histograms[i].size());
      }
    }
    MergedSeries merged;
    MergeKinds(floats, precedence, histograms, &merged);
    const size_t samples = merged.floats.time_ms.size() + merged.histograms.size();
    if (samples == 0) return arrow::Status::OK();
    builder->AddCopied(wanted.labels,
                       {merged.floats.time_ms, merged.floats.value, merged.floats.start_ms},
                       std::move(merged.histograms));
    ++stats_.series;
    stats_.samples += static_cast<int64_t>(samples);
    return arrow::Status::OK();
  }

  void AddMerged(const Wanted& wanted, std::span<const PartSamples> file_parts,
                 BatchBuilder* builder) {
    merge_parts_.assign(file_parts.begin(), file_parts.end());
    if (wanted.head != nullptr) {
      const auto& captures = wanted.head->parts;
      if (captured_.size() < captures.size()) captured_.resize(captures.size());
      for (size_t i = 0; i < captures.size(); ++i) {
        head::SampleColumns& columns = captured_[i];
        head::ReadCapture(captures[i], range_, &columns);
        stats_.head_samples += static_cast<int64_t>(columns.time_ms.size());
        merge_parts_.push_back({columns.time_ms, columns.value, columns.start_ms});
      }
    }
    std::erase_if(merge_parts_, [](const PartSamples& part) { return part.size() == 0; });
    if (merge_parts_.empty()) return;
    ++stats_.series;
    if (merge_parts_.size() > 1 && builder->AddJoined(wanted.labels, merge_parts_)) {
      for (const PartSamples& part : merge_parts_) {
        stats_.samples += static_cast<int64_t>(part.size());
      }
      return;
    }
    PartSamples samples = merge_parts_[0];
    if (merge_parts_.size() > 1) {
      MergeParts(merge_parts_, &merged_);
      samples = {merged_.time_ms, merged_.value, merged_.start_ms};
    }
    builder->AddCopied(wanted.labels, samples);
    stats_.samples += static_cast<int64_t>(samples.size());
  }

  Snapshot snapshot_;
  const TimeRange range_;
  const QueryGuard guard_;
  ReadStats stats_;
  DamageReport damage_;
  std::unique_ptr<SeriesWalk> walk_;
  bool in_files_ = false;  // walk_ stands on a series.
  size_t next_head_ = 0;
  int64_t batch_samples_ = kFirstBatchSamples;  // Of the next one.

  // Reused between batches.
  std::vector<Wanted> wanted_;
  SeriesParts parts_;
  std::vector<PartSamples> merge_parts_;
  std::vector<head::SampleColumns> captured_;
  head::SampleColumns merged_;
};

}  // namespace

arrow::Result<std::unique_ptr<SampleStream>> SelectSamples(Snapshot snapshot,
                                                           const SelectRequest& request,
                                                           const io::Clock& clock,
                                                           io::TaskRunner runner) {
  auto stream =
      std::make_unique<SelectStream>(std::move(snapshot), request, clock, std::move(runner));
  ARROW_RETURN_NOT_OK(stream->Open(request.selectors));
  return stream;
}

}  // namespace larnax::store
