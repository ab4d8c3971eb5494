#include "store/read/part_reader.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace larnax::store {
namespace {

using columns::RowRange;

// Start times of unwanted rows are read along while there are at most so many for each wanted one.
constexpr int64_t kMaxStartGapFactor = 4;

int64_t TotalRows(std::span<const RowRange> ranges) {
  int64_t rows = 0;
  for (const RowRange& range : ranges) rows += range.count;
  return rows;
}

// Cuts views of times to a range; equal ones become one, as series of one target share their times.
class TimeCutter {
 public:
  struct Cut {
    size_t first = 0;  // Sample of the view.
    SharedTimes* times = nullptr;
  };

  TimeCutter(TimeRange range, std::deque<SharedTimes>* cuts) : range_(range), cuts_(cuts) {}

  const Cut& Find(const columns::TimesView& view) {
    const Key key{view.vector.get(), view.first, view.count};
    if (last_ != nullptr && key == last_key_) return *last_;
    last_key_ = key;
    const auto [it, is_new] = known_.try_emplace(key);
    last_ = &it->second;
    if (is_new) *last_ = Make(view);
    return *last_;
  }

 private:
  struct Key {
    const TimestampVector* vector = nullptr;
    size_t first = 0;
    size_t count = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct HashKey {
    size_t operator()(const Key& key) const {
      const auto address = reinterpret_cast<uintptr_t>(key.vector);
      return ((address >> 4) + key.first * 31 + key.count) * 0x9e3779b97f4a7c15ULL;
    }
  };

  Cut Make(const columns::TimesView& view) {
    const auto times = view.times();
    auto first = times.begin();
    auto last = times.end();
    if (!times.empty() && times.front() < range_.start_ms) {
      first = std::lower_bound(first, last, range_.start_ms);
    }
    if (!times.empty() && times.back() > range_.end_ms) {
      last = std::upper_bound(first, last, range_.end_ms);
    }
    const auto skip = static_cast<size_t>(first - times.begin());
    cuts_->emplace_back(
        columns::TimesView{view.vector, view.first + skip, static_cast<size_t>(last - first)});
    return {skip, &cuts_->back()};
  }

  const TimeRange range_;
  std::deque<SharedTimes>* cuts_;
  std::unordered_map<Key, Cut, HashKey> known_;
  Key last_key_;
  Cut* last_ = nullptr;
};

// Reads the parts of one file.
class FileParts {
 public:
  FileParts(std::shared_ptr<columns::SamplesReader> reader, TimeRange range, LoadedParts* loaded,
            const columns::ReadContext& context)
      : reader_(std::move(reader)), range_(range), loaded_(loaded), context_(context) {}

  void Add(uint32_t part, const columns::SeriesExtent& extent) {
    parts_.push_back(part);
    rows_.push_back({.first = extent.row_start, .count = extent.row_count});
  }

  // Lets the disk begin with what Read will read.
  arrow::Status WillRead() const { return reader_->WillRead(rows_, context_.stats); }

  arrow::Status Read() {
    ARROW_RETURN_NOT_OK(CutTimes());
    columns::ValueViews views;
    ARROW_RETURN_NOT_OK(reader_->ViewValues(rows_, context_, &views));
    for (size_t i = 0; i < parts_.size(); ++i) loaded_->parts[parts_[i]].value = views.values[i];
    loaded_->memory.insert(loaded_->memory.end(), std::make_move_iterator(views.memory.begin()),
                           std::make_move_iterator(views.memory.end()));
    return ReadStarts();
  }

 private:
  // Finds the times of the parts, and cuts their rows to the time range.
  arrow::Status CutTimes() {
    std::vector<columns::TimesView> views;
    ARROW_RETURN_NOT_OK(reader_->ViewTimes(rows_, context_, &views));
    TimeCutter cutter(range_, &loaded_->times);
    for (size_t i = 0; i < parts_.size(); ++i) {
      const TimeCutter::Cut& cut = cutter.Find(views[i]);
      PartSamples& part = loaded_->parts[parts_[i]];
      part.times = cut.times;
      part.time_ms = cut.times->times();
      rows_[i].first += static_cast<int64_t>(cut.first);
      rows_[i].count = static_cast<int64_t>(part.time_ms.size());
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadStarts() {
    auto starts = std::make_shared<std::vector<int64_t>>();
    // Start times are few bytes but costly to seek in: one range rather than many.
    const RowRange whole{.first = rows_.front().first,
                         .count = rows_.back().first + rows_.back().count - rows_.front().first};
    bool is_dense = whole.count <= kMaxStartGapFactor * TotalRows(rows_);
    if (is_dense && !reader_->ReadStarts({&whole, 1}, starts.get(), context_.stats).ok()) {
      // What is damaged may be of rows that nobody wants.
      is_dense = false;
      starts->clear();
    }
    if (!is_dense) ARROW_RETURN_NOT_OK(reader_->ReadStarts(rows_, starts.get(), context_.stats));
    if (starts->empty()) return arrow::Status::OK();
    int64_t at = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const int64_t first = is_dense ? rows_[i].first - whole.first : at;
      const std::span<const int64_t> own(starts->data() + first,
                                         static_cast<size_t>(rows_[i].count));
      const bool any =
          std::any_of(own.begin(), own.end(), [](int64_t start) { return start != 0; });
      if (any) loaded_->parts[parts_[i]].start_ms = own;
      at += rows_[i].count;
    }
    loaded_->memory.push_back(std::move(starts));
    return arrow::Status::OK();
  }

  std::shared_ptr<columns::SamplesReader> reader_;
  const TimeRange range_;
  LoadedParts* loaded_;
  const columns::ReadContext& context_;
  std::vector<uint32_t> parts_;
  std::vector<RowRange> rows_;  // Of each part: all, then those in the time range.
};

}  // namespace

const std::shared_ptr<const TimestampVector>& SharedTimes::Share() {
  if (shared_ != nullptr) return shared_;
  if (view_.vector != nullptr && view_.count == view_.vector->size()) {
    shared_ = view_.vector;
  } else {
    const auto own = view_.times();
    shared_ = std::make_shared<const TimestampVector>(own.begin(), own.end());
  }
  return shared_;
}

arrow::Status LoadParts(const std::vector<SeriesWalk::Source>& sources,
                        std::span<const SeriesPart> parts, TimeRange range,
                        const columns::ReadContext& context, LoadedParts* loaded) {
  loaded->parts.assign(parts.size(), {});
  loaded->times.clear();
  loaded->memory.clear();
  std::vector<std::unique_ptr<FileParts>> files(sources.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    const uint32_t file = parts[i].file;
    if (files[file] == nullptr) {
      std::shared_ptr<columns::SamplesReader> reader = sources[file].samples;
      if (reader == nullptr) {
        ARROW_ASSIGN_OR_RAISE(reader, sources[file].file->Samples(context.stats));
      }
      files[file] = std::make_unique<FileParts>(std::move(reader), range, loaded, context);
    }
    files[file]->Add(static_cast<uint32_t>(i), parts[i].extent);
  }
  for (const auto& file : files) {
    if (file != nullptr) ARROW_RETURN_NOT_OK(file->WillRead());
  }
  for (const auto& file : files) {
    if (file != nullptr) ARROW_RETURN_NOT_OK(file->Read());
  }
  return arrow::Status::OK();
}

}  // namespace larnax::store
