#include "head/series_table.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "model/label_order.h"

namespace larnax::head {
namespace {

constexpr size_t kArenaBlockBytes = 256 << 10;
// Fewer idle series than this are not worth the work of forgetting them.
constexpr size_t kMinIdleSeries = 4096;

// After this push_back does not fail.
template <typename T>
void MakeRoomForOne(std::vector<T>* values) {
  if (values->size() == values->capacity()) {
    values->reserve(std::max<size_t>(4, 2 * values->size()));
  }
}

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
  const std::string_view bytes = arena_->Add(labels.bytes());
  std::vector<SeriesRef>& of_metric = by_metric_[LabelsView(bytes).metric()];
  const SeriesRef ref = free_.empty() ? SeriesRef{end_ref()} : free_.back();
  // All that takes memory comes first, so that the series is everywhere or nowhere.
  MakeRoomForOne(&unordered_);
  MakeRoomForOne(&of_metric);
  if (free_.empty()) MakeRoomForOne(&entries_);
  const auto [found, inserted] = by_hash_.try_emplace(hash, ref);
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    free_.pop_back();
  }
  (*this)[ref] = {.labels = bytes,
                  .hash = hash,
                  .flushed_through_ms = flushed_through_ms,
                  .exemplars_through_ms = flushed_through_ms,
                  .next_same_hash = inserted ? kNoSeries : found->second};
  found->second = ref;
  of_metric.push_back(ref);
  unordered_.push_back(ref);
  ++live_;
  return ref;
}

// Takes a series out of the chain of those with its hash.
void SeriesTable::Unlink(SeriesRef ref) {
  const Entry& entry = (*this)[ref];
  const auto found = by_hash_.find(entry.hash);
  if (found->second != ref) {
    SeriesRef before = found->second;
    while ((*this)[before].next_same_hash != ref) before = (*this)[before].next_same_hash;
    (*this)[before].next_same_hash = entry.next_same_hash;
  } else if (entry.next_same_hash != kNoSeries) {
    found->second = entry.next_same_hash;
  } else {
    by_hash_.erase(found);
  }
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
  order_.reserve(order_.size() + sorted.size());
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
  const auto is_idle = [oldest_generation](const Entry& entry) {
    return entry.last_generation < oldest_generation;
  };
  // First what takes memory, beside the old: where it runs out, nothing is changed.
  free_.reserve(free_.size() + idle);
  auto fresh_arena = std::make_shared<LabelArena>();
  std::vector<std::string_view> fresh_labels(entries_.size());
  decltype(by_metric_) fresh_by_metric;
  for (uint32_t i = 0; i < end_ref(); ++i) {
    if (entries_[i].labels.empty() || is_idle(entries_[i])) continue;
    fresh_labels[i] = fresh_arena->Add(entries_[i].labels);
    fresh_by_metric[LabelsView(fresh_labels[i]).metric()].push_back(SeriesRef{i});
  }
  for (std::vector<SeriesRef>* refs : {&order_, &unordered_}) {
    std::erase_if(*refs, [&](SeriesRef ref) { return is_idle((*this)[ref]); });
  }
  for (uint32_t i = 0; i < end_ref(); ++i) {
    Entry& entry = entries_[i];
    if (entry.labels.empty()) continue;
    if (is_idle(entry)) {
      Unlink(SeriesRef{i});
      entry = {};
      free_.push_back(SeriesRef{i});
    } else {
      entry.labels = fresh_labels[i];
    }
  }
  by_metric_ = std::move(fresh_by_metric);
  arena_ = std::move(fresh_arena);
  live_ -= idle;
  DropFreeEnd();
  NumberRanks();
  by_hash_.rehash(0);
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
