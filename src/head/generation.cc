#include "head/generation.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/check.h"
#include "base/civil_time.h"

namespace larnax::head {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
// The first chunk holds a minute of 15 s scrapes; later ones double.
constexpr uint32_t kFirstCapacity = 4;
constexpr uint32_t kMaxCapacity = 512;

// Calls visit(times, values, count) for each chunk's share of the capture.
template <typename Visit>
void ForEachChunk(const SeriesCapture& capture, Visit visit) {
  uint32_t left = capture.count;
  const Chunk* chunk = capture.first;
  while (left > 0) {
    const uint32_t count = std::min(left, chunk->capacity);
    visit(chunk->times(), chunk->values(), count);
    left -= count;
    // Behind the last one of the capture a writer may be at work: its link is not read.
    if (left > 0) chunk = chunk->next;
  }
}

// Start time of each sample, in stored order.
void ExpandStarts(const SeriesCapture& capture, std::vector<int64_t>* start_ms) {
  if (capture.starts.empty()) return;
  start_ms->assign(capture.count, 0);
  for (size_t i = 0; i < capture.starts.size(); ++i) {
    const uint32_t end =
        i + 1 < capture.starts.size() ? capture.starts[i + 1].first : capture.count;
    std::fill(start_ms->begin() + capture.starts[i].first, start_ms->begin() + end,
              capture.starts[i].start_ms);
  }
}

void KeepRange(TimeRange range, SampleColumns* columns) {
  const auto& times = columns->time_ms;
  const auto first = std::lower_bound(times.begin(), times.end(), range.start_ms) - times.begin();
  const auto last = std::upper_bound(times.begin(), times.end(), range.end_ms) - times.begin();
  const auto cut = [&](auto* column) {
    if (column->empty()) return;
    column->erase(column->begin() + last, column->end());
    column->erase(column->begin(), column->begin() + first);
  };
  cut(&columns->value);
  cut(&columns->start_ms);
  cut(&columns->time_ms);
}

// Sorts by time; of equal times the one stored last stays.
void SortByTime(SampleColumns* columns) {
  const size_t size = columns->time_ms.size();
  std::vector<uint32_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  const auto& times = columns->time_ms;
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return times[a] < times[b]; });
  size_t kept = 0;
  for (size_t i = 0; i < size; ++i) {
    if (i + 1 < size && times[order[i + 1]] == times[order[i]]) continue;
    order[kept++] = order[i];
  }
  order.resize(kept);
  const auto permute = [&](auto* column) {
    if (column->empty()) return;
    std::remove_reference_t<decltype(*column)> sorted(kept);
    for (size_t i = 0; i < kept; ++i) sorted[i] = (*column)[order[i]];
    column->swap(sorted);
  };
  permute(&columns->value);
  permute(&columns->start_ms);
  permute(&columns->time_ms);
}

}  // namespace

void ReadCapture(const SeriesCapture& capture, TimeRange range, SampleColumns* out) {
  out->Clear();
  ForEachChunk(capture, [out](const int64_t* times, const double* values, uint32_t count) {
    out->time_ms.insert(out->time_ms.end(), times, times + count);
    out->value.insert(out->value.end(), values, values + count);
  });
  ExpandStarts(capture, &out->start_ms);
  if (!capture.ordered) SortByTime(out);
  KeepRange(range, out);
}

Generation::Outcome Generation::Append(SeriesRef ref, int64_t time_ms, double value,
                                       int64_t start_ms) {
  const auto index = static_cast<uint32_t>(ref);
  if (index >= series_.size()) series_.resize(std::max<size_t>(index + 1, series_.size() * 2));
  SeriesBuffer& buffer = series_[index];
  if (buffer.count == 0) {
    buffer.first = buffer.last = NewChunk(kFirstCapacity);
    touched_.push_back(ref);
  } else if (time_ms <= buffer.last_time_ms) {
    const double newest = buffer.last->values()[buffer.last_count - 1];
    const int64_t newest_ms = buffer.last->times()[buffer.last_count - 1];
    const bool has_starts = start_ms != 0 || buffer.has_starts;
    if (time_ms == newest_ms && !has_starts &&
        std::bit_cast<uint64_t>(newest) == std::bit_cast<uint64_t>(value)) {
      return Outcome::kDuplicate;
    }
    buffer.ordered = false;
  }
  if (buffer.last_count == buffer.last->capacity) {
    Chunk* const chunk = NewChunk(std::min(buffer.last->capacity * 2, kMaxCapacity));
    buffer.last->next = chunk;
    buffer.last = chunk;
    buffer.last_count = 0;
  }
  buffer.last->times()[buffer.last_count] = time_ms;
  buffer.last->values()[buffer.last_count] = value;
  if (start_ms != 0 || buffer.has_starts) NoteStart(ref, start_ms, &buffer);
  ++buffer.last_count;
  ++buffer.count;
  buffer.last_time_ms = buffer.count == 1 ? time_ms : std::max(buffer.last_time_ms, time_ms);
  ++sample_count_;
  NoteTime(time_ms);
  return Outcome::kAdded;
}

void Generation::NoteStart(SeriesRef ref, int64_t start_ms, SeriesBuffer* buffer) {
  std::vector<StartRun>& runs = starts_[static_cast<uint32_t>(ref)];
  if (!buffer->has_starts && buffer->count > 0) runs.push_back({.first = 0, .start_ms = 0});
  buffer->has_starts = true;
  if (runs.empty() || runs.back().start_ms != start_ms) {
    runs.push_back({.first = buffer->count, .start_ms = start_ms});
  }
}

void Generation::NoteTime(int64_t time_ms) {
  time_range_.start_ms = std::min(time_range_.start_ms, time_ms);
  time_range_.end_ms = std::max(time_range_.end_ms, time_ms);
  if (time_ms < cached_day_start_ms_ || time_ms >= cached_day_end_ms_) {
    const int64_t day = base::DayOf(time_ms);
    cached_day_start_ms_ = day * base::kDayMs;
    cached_day_end_ms_ = cached_day_start_ms_ + base::kDayMs;
    cached_day_count_ = &days_[day];
  }
  ++*cached_day_count_;
}

Chunk* Generation::NewChunk(uint32_t capacity) {
  const size_t size = sizeof(Chunk) + capacity * (sizeof(int64_t) + sizeof(double));
  if (size > left_) {
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlockBytes));
    next_ = blocks_.back().get();
    left_ = kBlockBytes;
    memory_bytes_ += static_cast<int64_t>(kBlockBytes);
  }
  auto* chunk = new (next_) Chunk{.next = nullptr, .capacity = capacity};
  next_ += size;
  left_ -= size;
  return chunk;
}

SeriesCapture Generation::Capture(SeriesRef ref) const {
  const SeriesBuffer& buffer = series_[static_cast<uint32_t>(ref)];
  SeriesCapture capture{
      .first = buffer.first, .count = buffer.count, .ordered = buffer.ordered, .starts = {}};
  if (buffer.has_starts) capture.starts = starts_.at(static_cast<uint32_t>(ref));
  return capture;
}

TimeRange Generation::RangeOf(SeriesRef ref) const {
  const SeriesBuffer& buffer = series_[static_cast<uint32_t>(ref)];
  if (!buffer.ordered) return time_range_;
  return {.start_ms = buffer.first->times()[0], .end_ms = buffer.last_time_ms};
}

}  // namespace larnax::head
