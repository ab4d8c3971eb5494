#include "store/read/series_walk.h"

#include <algorithm>
#include <numeric>

#include "model/label_order.h"

namespace larnax::store {
namespace {

// Rows of an index whose labels are built at a time: few at first, as others wait for the first
// ones.
constexpr size_t kFirstChunkRows = 256;
constexpr size_t kMostChunkRows = 2048;
// Files whose ends the disk is asked for while an earlier one is searched.
constexpr size_t kFilesAhead = 16;

bool Covers(TimeRange outer, TimeRange inner) {
  return outer.start_ms <= inner.start_ms && inner.end_ms <= outer.end_ms;
}

bool AreSame(LabelsView a, LabelsView b) { return AreSamePlace(a, b) || a == b; }

arrow::Result<SeriesWalk::Source> FindRows(const std::shared_ptr<DataFile>& file,
                                           std::span<const std::vector<Matcher>> selectors,
                                           TimeRange range, ReadStats* stats) {
  SeriesWalk::Source source{.file = file, .index = nullptr, .samples = nullptr, .rows = {}};
  ARROW_ASSIGN_OR_RAISE(source.index, file->Index(stats));
  if (selectors.empty()) {
    source.all_rows = Covers(range, file->entry().time_range());
    if (source.all_rows) return source;
    ARROW_ASSIGN_OR_RAISE(source.rows, source.index->Match({}, range, stats));
    if (source.rows.size() == static_cast<size_t>(source.index->size())) {
      source.all_rows = true;
      source.rows.clear();
    }
    return source;
  }
  for (const std::vector<Matcher>& matchers : selectors) {
    if (!MayHold(file->entry(), matchers)) continue;
    ARROW_ASSIGN_OR_RAISE(std::vector<uint32_t> rows, source.index->Match(matchers, range, stats));
    if (source.rows.empty()) {
      source.rows = std::move(rows);
      continue;
    }
    std::vector<uint32_t> both;
    std::set_union(source.rows.begin(), source.rows.end(), rows.begin(), rows.end(),
                   std::back_inserter(both));
    source.rows = std::move(both);
  }
  return source;
}

}  // namespace

SeriesWalk::SeriesWalk(std::vector<Source> sources, ReadStats* stats, DamageReport* damage)
    : sources_(std::move(sources)), stats_(stats), damage_(damage), cursors_(sources_.size()) {}

SeriesWalk::~SeriesWalk() {
  for (const Source& source : sources_) source.file->NoteUse();
}

arrow::Status SeriesWalk::ReadChunk(const Source& source, std::span<const uint32_t> rows,
                                    Cursor* cursor) {
  ARROW_RETURN_NOT_OK(LoadLabels(source, rows, cursor));
  return source.index->Extents(rows, stats_).Value(&cursor->extents);
}

arrow::Status SeriesWalk::LoadLabels(const Source& source, std::span<const uint32_t> rows,
                                     Cursor* cursor) {
  if (const auto& known = source.file->known_labels(); known != nullptr) {
    for (const uint32_t row : rows) cursor->labels.push_back(known->labels[row]);
    cursor->memory = known;
    return arrow::Status::OK();
  }
  return source.index->ViewLabels(rows, &cursor->labels, &cursor->memory, stats_);
}

arrow::Result<bool> SeriesWalk::LoadChunk(size_t source_index) {
  const Source& source = sources_[source_index];
  Cursor& cursor = cursors_[source_index];
  const size_t size =
      source.all_rows ? static_cast<size_t>(source.index->size()) : source.rows.size();
  const size_t most = std::clamp(cursor.next, kFirstChunkRows, kMostChunkRows);
  const size_t count = std::min(most, size - cursor.next);
  cursor.labels.clear();
  if (count == 0) return false;
  std::vector<uint32_t> numbers;
  std::span<const uint32_t> rows;
  if (source.all_rows) {
    numbers.resize(count);
    std::iota(numbers.begin(), numbers.end(), static_cast<uint32_t>(cursor.next));
    rows = numbers;
  } else {
    rows = std::span(source.rows).subspan(cursor.next, count);
  }
  if (const arrow::Status read = ReadChunk(source, rows, &cursor); !read.ok()) {
    if (damage_ == nullptr) return read;
    ARROW_RETURN_NOT_OK(damage_->NoteLost(read, source.file->entry()));
    // What comes after it in the file cannot be told from it.
    cursor.labels.clear();
    cursor.extents.clear();
    return false;
  }
  cursor.next += count;
  cursor.at = 0;
  return true;
}

arrow::Result<bool> SeriesWalk::Advance(size_t source) {
  Cursor& cursor = cursors_[source];
  if (++cursor.at < cursor.extents.size()) return true;
  return LoadChunk(source);
}

bool SeriesWalk::ComesAfter(uint32_t a, uint32_t b) const {
  const LabelsView left = cursors_[a].view();
  const LabelsView right = cursors_[b].view();
  if (AreSame(left, right)) return a > b;
  const int order = model::CompareForFile(left, right);
  return order != 0 ? order > 0 : a > b;
}

// Takes all cursors that stand on the first series out of the heap.
arrow::Result<bool> SeriesWalk::Gather() {
  parts_.clear();
  before_heap_ = 0;
  streak_ = 0;
  if (heap_.empty()) return false;
  const auto comes_after = [this](uint32_t a, uint32_t b) { return ComesAfter(a, b); };
  do {
    std::pop_heap(heap_.begin(), heap_.end(), comes_after);
    const uint32_t source = heap_.back();
    heap_.pop_back();
    const Cursor& cursor = cursors_[source];
    if (current_.empty()) {
      labels_ = cursor.view();
      label_memory_ = &cursor.memory;
    }
    current_.push_back(source);
    parts_.push_back({.file = source, .extent = cursor.extents[cursor.at]});
  } while (!heap_.empty() && AreSame(cursors_[heap_.front()].view(), labels_));
  return true;
}

arrow::Result<bool> SeriesWalk::Start() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const bool any, LoadChunk(i));
    if (any) heap_.push_back(static_cast<uint32_t>(i));
  }
  std::make_heap(heap_.begin(), heap_.end(),
                 [this](uint32_t a, uint32_t b) { return ComesAfter(a, b); });
  return Gather();
}

// Of files with other series many come before the next file's first: they are found with few looks.
bool SeriesWalk::ComesBeforeHeap() {
  constexpr size_t kLongStreak = 16;
  if (before_heap_ > 0) {
    --before_heap_;
    return true;
  }
  const LabelsView first = cursors_[heap_.front()].view();
  const Cursor& cursor = cursors_[current_.front()];
  const auto is_before = [&](LabelsView labels) {
    return model::CompareForFile(labels, first) < 0;
  };
  if (!is_before(cursor.view())) return false;
  if (++streak_ < kLongStreak) return true;
  streak_ = 0;
  const auto next = cursor.labels.begin() + static_cast<std::ptrdiff_t>(cursor.at) + 1;
  before_heap_ =
      static_cast<size_t>(std::partition_point(next, cursor.labels.end(), is_before) - next);
  return true;
}

// Files that are merged mostly hold the same series: those that stood together still do, and the
// heap need not be asked.
bool SeriesWalk::StaysTogether() {
  const LabelsView labels = cursors_[current_.front()].view();
  LabelsView before = labels;
  for (const uint32_t source : current_) {
    // With its neighbour rather than the first: fresh files share the place.
    if (!AreSame(cursors_[source].view(), before)) return false;
    before = cursors_[source].view();
  }
  if (!heap_.empty() && !ComesBeforeHeap()) return false;
  parts_.clear();
  for (const uint32_t source : current_) {
    parts_.push_back({.file = source, .extent = cursors_[source].extents[cursors_[source].at]});
  }
  labels_ = labels;
  label_memory_ = &cursors_[current_.front()].memory;
  return true;
}

arrow::Result<bool> SeriesWalk::Next() {
  size_t kept = 0;
  for (const uint32_t source : current_) {
    ARROW_ASSIGN_OR_RAISE(const bool any, Advance(source));
    if (any) current_[kept++] = source;
  }
  current_.resize(kept);
  if (!current_.empty() && StaysTogether()) return true;
  const auto comes_after = [this](uint32_t a, uint32_t b) { return ComesAfter(a, b); };
  for (const uint32_t source : current_) {
    heap_.push_back(source);
    std::push_heap(heap_.begin(), heap_.end(), comes_after);
  }
  current_.clear();
  return Gather();
}

bool MayHold(const FileEntry& file, std::span<const Matcher> matchers) {
  return std::none_of(matchers.begin(), matchers.end(), [&file](const Matcher& matcher) {
    return matcher.name() == kMetricLabel && matcher.type() == MatchType::kEqual &&
           (matcher.value() < file.min_metric || matcher.value() > file.max_metric);
  });
}

arrow::Result<std::vector<SeriesWalk::Source>> FindSources(
    std::span<const std::shared_ptr<DataFile>> files,
    std::span<const std::vector<Matcher>> selectors, TimeRange range, ReadStats* stats,
    const QueryGuard* guard, DamageReport* damage) {
  std::vector<std::shared_ptr<DataFile>> candidates;
  if (stats != nullptr) stats->files_considered += static_cast<int64_t>(files.size());
  for (const auto& file : files) {
    if (!file->entry().time_range().Overlaps(range)) continue;
    const bool may_hold =
        selectors.empty() ||
        std::any_of(selectors.begin(), selectors.end(),
                    [&file](const auto& matchers) { return MayHold(file->entry(), matchers); });
    if (may_hold) candidates.push_back(file);
  }
  std::vector<SeriesWalk::Source> sources;
  size_t ahead = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (guard != nullptr) ARROW_RETURN_NOT_OK(guard->Check());
    for (; ahead < std::min(candidates.size(), i + kFilesAhead); ++ahead) {
      candidates[ahead]->WillOpen();
    }
    if (stats != nullptr) ++stats->files_read;
    auto source = FindRows(candidates[i], selectors, range, stats);
    if (!source.ok()) {
      if (damage == nullptr) return source.status();
      ARROW_RETURN_NOT_OK(damage->NoteLost(source.status(), candidates[i]->entry()));
      continue;
    }
    candidates[i]->NoteUse();
    if (source->all_rows || !source->rows.empty()) sources.push_back(std::move(*source));
  }
  std::stable_sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) {
    return a.file->entry().max_sequence < b.file->entry().max_sequence;
  });
  return sources;
}

}  // namespace larnax::store
