#include "head/series_table.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "model/label_order.h"

namespace larnax::head {
namespace {

constexpr size_t kArenaBlockBytes = 256 << 10;
// Fewer idle series than this are not worth the work of forgetting them.
constexpr size_t kMinIdleSeries = 4096;

}  // namespace

std::string_view LabelArena::Add(std::string_view bytes) {
  if (bytes.size() > left_) {
    left_ = std::max(bytes.size(), kArenaBlockBytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    memory_bytes_ += static_cast<int64_t>(left_);
    next_ = blocks_.back().get();
  }
  char* const at = next_;
  std::memcpy(at, bytes.data(), bytes.size());
  next_ += bytes.size();
  left_ -= bytes.size();
  return {at, bytes.size()};
}

SeriesRef SeriesTable::Add(LabelsView labels, uint64_t hash, int64_t flushed_through_ms) {
  LARNAX_DCHECK(Find(labels.bytes(), hash) == kNoSeries);
  SeriesRef ref;
  if (free_.empty()) {
    ref = SeriesRef{end_ref()};
    entries_.emplace_back();
  } else {
    ref = free_.back();
    free_.pop_back();
  }
  (*this)[ref] = {.labels = arena_->Add(labels.bytes()),
                  .hash = hash,
                  .flushed_through_ms = flushed_through_ms,
                  .exemplars_through_ms = flushed_through_ms};
  Index(ref);
  unordered_.push_back(ref);
  ++live_;
  return ref;
}

void SeriesTable::Index(SeriesRef ref) {
  Entry& entry = (*this)[ref];
  const auto [found, inserted] = by_hash_.try_emplace(entry.hash, ref);
  entry.next_same_hash = inserted ? kNoSeries : found->second;
  found->second = ref;
  by_metric_[LabelsView(entry.labels).metric()].push_back(ref);
}

bool SeriesTable::IsBefore(SeriesRef a, SeriesRef b) const {
  const Entry& left = (*this)[a];
  const Entry& right = (*this)[b];
  if (left.rank != kNoRank && right.rank != kNoRank) return left.rank < right.rank;
  return model::CompareForFile(LabelsView(left.labels), LabelsView(right.labels)) < 0;
}

std::vector<SeriesTable::Unordered> SeriesTable::TakeUnordered() const {
  std::vector<Unordered> series;
  series.reserve(unordered_.size());
  for (const SeriesRef ref : unordered_) series.push_back({LabelsView((*this)[ref].labels), ref});
  return series;
}

void SeriesTable::SortForFile(std::vector<Unordered>* series) {
  std::sort(series->begin(), series->end(), [](const Unordered& a, const Unordered& b) {
    return model::CompareForFile(a.labels, b.labels) < 0;
  });
}

void SeriesTable::AddToOrder(const std::vector<Unordered>& sorted) {
  if (sorted.empty()) return;
  const auto middle = static_cast<std::ptrdiff_t>(order_.size());
  for (const Unordered& each : sorted) order_.push_back(each.ref);
  std::inplace_merge(order_.begin(), order_.begin() + middle, order_.end(),
                     [this](SeriesRef a, SeriesRef b) { return IsBefore(a, b); });
  // Series that were added while those were sorted come after them.
  unordered_.erase(unordered_.begin(),
                   unordered_.begin() + static_cast<std::ptrdiff_t>(sorted.size()));
  NumberRanks();
}

void SeriesTable::NumberRanks() {
  for (uint32_t rank = 0; rank < order_.size(); ++rank) (*this)[order_[rank]].rank = rank;
}

const std::vector<SeriesRef>* SeriesTable::OfMetric(std::string_view metric) const {
  const auto found = by_metric_.find(metric);
  return found == by_metric_.end() ? nullptr : &found->second;
}

void SeriesTable::ForgetIdle(uint64_t oldest_generation, bool few_too) {
  size_t idle = 0;
  for (const Entry& entry : entries_) {
    idle += !entry.labels.empty() && entry.last_generation < oldest_generation;
  }
  if (idle == 0 || (!few_too && (idle < kMinIdleSeries || idle < live_ / 4))) return;
  auto fresh_arena = std::make_shared<LabelArena>();
  by_hash_ = {};
  by_metric_ = {};
  for (std::vector<SeriesRef>* refs : {&order_, &unordered_}) {
    std::erase_if(*refs,
                  [&](SeriesRef ref) { return (*this)[ref].last_generation < oldest_generation; });
  }
  for (uint32_t i = 0; i < end_ref(); ++i) {
    Entry& entry = entries_[i];
    if (entry.labels.empty()) continue;
    if (entry.last_generation < oldest_generation) {
      entry = {};
      free_.push_back(SeriesRef{i});
      continue;
    }
    entry.labels = fresh_arena->Add(entry.labels);
    Index(SeriesRef{i});
  }
  live_ -= idle;
  DropFreeEnd();
  NumberRanks();
  arena_ = std::move(fresh_arena);
}

// Nobody names a free ref: the memory of those at the end can go.
void SeriesTable::DropFreeEnd() {
  while (!entries_.empty() && entries_.back().labels.empty()) entries_.pop_back();
  std::erase_if(free_, [this](SeriesRef ref) { return static_cast<uint32_t>(ref) >= end_ref(); });
  if (entries_.size() < entries_.capacity() / 4) {
    entries_.shrink_to_fit();
    free_.shrink_to_fit();
    order_.shrink_to_fit();
  }
}

int64_t SeriesTable::memory_bytes() const {
  return arena_->memory_bytes() +
         static_cast<int64_t>(entries_.capacity() * sizeof(Entry) +
                              by_hash_.bucket_count() * sizeof(std::pair<uint64_t, SeriesRef>) +
                              (order_.capacity() + live_) * sizeof(SeriesRef));
}

}  // namespace larnax::head
