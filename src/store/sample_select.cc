#include "store/sample_select.h"

#include <algorithm>

#include "model/label_order.h"
#include "store/batch_builder.h"
#include "store/part_merge.h"
#include "store/part_reader.h"
#include "store/query_guard.h"
#include "store/series_walk.h"

namespace larnax::store {
namespace {

// Rows that are read for one batch, and series that one holds.
constexpr int64_t kBatchRows = 1 << 20;
constexpr size_t kBatchSeries = 64 << 10;

class SelectStream final : public SampleStream {
 public:
  SelectStream(Snapshot snapshot, const SelectRequest& request, const io::Clock& clock)
      : snapshot_(std::move(snapshot)), range_(request.range), guard_(request, clock) {}

  arrow::Status Open(std::span<const std::vector<Matcher>> selectors) {
    if (range_.start_ms > range_.end_ms) {
      snapshot_.head.series.clear();
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(guard_.Check());
    ARROW_ASSIGN_OR_RAISE(auto sources,
                          FindSources(snapshot_.files->files, selectors, range_, &stats_));
    if (snapshot_.files_may_vanish) {
      for (auto& source : sources) {
        ARROW_ASSIGN_OR_RAISE(source.samples, source.file->Samples(&stats_));
      }
    }
    walk_ = std::make_unique<SeriesWalk>(std::move(sources), &stats_);
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

 private:
  struct Wanted {
    LabelsView labels;
    uint32_t first_part = 0;  // Index in parts_.
    uint32_t part_count = 0;
    const head::HeadSeries* head = nullptr;
  };

  // Takes series, in file order, until they have enough rows for a batch.
  arrow::Status Collect(BatchBuilder* builder) {
    wanted_.clear();
    parts_.clear();
    int64_t rows = 0;
    while (rows < kBatchRows && wanted_.size() < kBatchSeries) {
      const auto& head = snapshot_.head.series;
      if (!in_files_ && next_head_ == head.size()) break;
      int order = -1;  // Below 0: the files' series comes first.
      if (!in_files_) {
        order = 1;
      } else if (next_head_ < head.size()) {
        order = model::CompareForFile(walk_->labels(), head[next_head_].labels);
      }
      Wanted wanted{.labels = order <= 0 ? walk_->labels() : head[next_head_].labels,
                    .first_part = static_cast<uint32_t>(parts_.size())};
      if (order >= 0) {
        wanted.head = &head[next_head_++];
        for (const auto& part : wanted.head->parts) rows += part.count;
      }
      if (order <= 0) {
        builder->Keep(walk_->label_memory());
        for (const SeriesPart& part : walk_->parts()) {
          parts_.push_back(part);
          rows += part.extent.row_count;
        }
        wanted.part_count = static_cast<uint32_t>(walk_->parts().size());
        ARROW_ASSIGN_OR_RAISE(in_files_, walk_->Next());
      }
      wanted_.push_back(wanted);
    }
    return arrow::Status::OK();
  }

  arrow::Status Assemble(BatchBuilder* builder) {
    if (!parts_.empty()) {
      ARROW_RETURN_NOT_OK(LoadParts(walk_->sources(), parts_, range_, &stats_, &loaded_));
    } else {
      loaded_.parts.clear();
    }
    builder->Keep(snapshot_.head.arena);
    for (const Wanted& wanted : wanted_) {
      const auto parts =
          std::span<const PartSamples>(loaded_.parts).subspan(wanted.first_part, wanted.part_count);
      if (wanted.head == nullptr && parts.size() == 1) {
        if (parts[0].size() == 0) continue;
        builder->AddBorrowed(wanted.labels, parts[0]);
        ++stats_.series;
        stats_.samples += static_cast<int64_t>(parts[0].size());
      } else {
        AddMerged(wanted, parts, builder);
      }
    }
    builder->Take(&loaded_);
    return guard_.CheckSamples(stats_.samples);
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
    PartSamples samples = merge_parts_[0];
    if (merge_parts_.size() > 1) {
      MergeParts(merge_parts_, &merged_);
      samples = {merged_.time_ms, merged_.value, merged_.start_ms};
    }
    builder->AddCopied(wanted.labels, samples);
    ++stats_.series;
    stats_.samples += static_cast<int64_t>(samples.size());
  }

  Snapshot snapshot_;
  const TimeRange range_;
  const QueryGuard guard_;
  ReadStats stats_;
  std::unique_ptr<SeriesWalk> walk_;
  bool in_files_ = false;  // walk_ stands on a series.
  size_t next_head_ = 0;

  // Reused between batches.
  std::vector<Wanted> wanted_;
  std::vector<SeriesPart> parts_;
  LoadedParts loaded_;
  std::vector<PartSamples> merge_parts_;
  std::vector<head::SampleColumns> captured_;
  head::SampleColumns merged_;
};

}  // namespace

arrow::Result<std::unique_ptr<SampleStream>> SelectSamples(Snapshot snapshot,
                                                           const SelectRequest& request,
                                                           const io::Clock& clock) {
  auto stream = std::make_unique<SelectStream>(std::move(snapshot), request, clock);
  ARROW_RETURN_NOT_OK(stream->Open(request.selectors));
  return stream;
}

}  // namespace larnax::store
