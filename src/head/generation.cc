#include "head/generation.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "base/civil_time.h"

namespace larnax::head {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
// The first chunk holds a minute of 15 s scrapes; later ones double. The more series there are, the
// fewer samples each has before the generation is full and flushed.
constexpr uint32_t kFirstCapacity = 4;
constexpr uint32_t kMaxCapacity = 512;
constexpr size_t kManySeries = 64 << 10;

uint32_t FirstCapacity(size_t series) {
  if (series < kManySeries) return kFirstCapacity;
  return series < 4 * kManySeries ? 2 : 1;
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

// Removes the samples at whose times a histogram counts.
void DropReplaced(const SeriesCapture& capture, SampleColumns* columns) {
  std::vector<int64_t> times;
  for (const HistogramNode* node : CountingHistograms(capture)) times.push_back(node->time_ms);
  columns->Remove(times);
}

void Extend(TimeRange* range, int64_t time_ms) {
  range->start_ms = std::min(range->start_ms, time_ms);
  range->end_ms = std::max(range->end_ms, time_ms);
}

}  // namespace

void SampleColumns::Remove(std::span<const int64_t> times) {
  size_t kept = 0;
  size_t at = 0;
  for (size_t i = 0; i < time_ms.size(); ++i) {
    while (at < times.size() && times[at] < time_ms[i]) ++at;
    if (at < times.size() && times[at] == time_ms[i]) continue;
    time_ms[kept] = time_ms[i];
    value[kept] = value[i];
    if (!start_ms.empty()) start_ms[kept] = start_ms[i];
    ++kept;
  }
  time_ms.resize(kept);
  value.resize(kept);
  if (!start_ms.empty()) start_ms.resize(kept);
}

void ReadCapture(const SeriesCapture& capture, TimeRange range, SampleColumns* out) {
  out->Clear();
  ForEachChunk(capture, [out](const int64_t* times, const double* values, uint32_t count) {
    out->time_ms.insert(out->time_ms.end(), times, times + count);
    out->value.insert(out->value.end(), values, values + count);
  });
  ExpandStarts(capture, &out->start_ms);
  if (!capture.ordered) SortByTime(out);
  if (capture.lists.histogram_count > 0) DropReplaced(capture, out);
  KeepRange(range, out);
}

Generation::SeriesBuffer& Generation::BufferOf(SeriesRef ref) {
  const auto index = static_cast<uint32_t>(ref);
  if (index >= series_.size()) {
    // Doubling would leave a third of it empty.
    series_.reserve(std::max(index + 1 + series_.size() / 4, series_.capacity()));
    series_.resize(series_.capacity());
  }
  return series_[index];
}

Generation::Outcome Generation::Append(SeriesRef ref, int64_t time_ms, double value,
                                       int64_t start_ms) {
  SeriesBuffer& buffer = BufferOf(ref);
  if (buffer.first == nullptr) {
    Chunk* const chunk = NewChunk(FirstCapacity(touched_.size()));
    Touch(ref, buffer);
    buffer.first = buffer.last = chunk;
  } else if (buffer.count > 0 && time_ms <= buffer.last_time_ms) {
    const double newest = buffer.last->values()[buffer.last_count - 1];
    const int64_t newest_ms = buffer.last->times()[buffer.last_count - 1];
    const bool has_starts = start_ms != 0 || buffer.has_starts;
    // Between the two there may have been a histogram.
    if (time_ms == newest_ms && !has_starts && !buffer.has_lists &&
        std::bit_cast<uint64_t>(newest) == std::bit_cast<uint64_t>(value)) {
      return Outcome::kDuplicate;
    }
    buffer.ordered = false;
  }
  Chunk* const next = buffer.last_count == buffer.last->capacity
                          ? NewChunk(std::min(buffer.last->capacity * 2, kMaxCapacity))
                          : nullptr;
  int64_t* const day_count = CountOfDay(time_ms);
  if (start_ms != 0 || buffer.has_starts) NoteStart(ref, start_ms, &buffer);
  // From here on nothing fails: a sample counts wholly or not at all, and only the first chunk of a
  // series may be empty.
  if (next != nullptr) {
    buffer.last->next = next;
    buffer.last = next;
    buffer.last_count = 0;
  }
  buffer.last->times()[buffer.last_count] = time_ms;
  buffer.last->values()[buffer.last_count] = value;
  ++buffer.last_count;
  ++buffer.count;
  buffer.last_time_ms = buffer.count == 1 ? time_ms : std::max(buffer.last_time_ms, time_ms);
  ++sample_count_;
  ++*day_count;
  Extend(&time_range_, time_ms);
  return Outcome::kAdded;
}

void Generation::NoteStart(SeriesRef ref, int64_t start_ms, SeriesBuffer* buffer) {
  std::vector<StartRun>& runs = starts_[static_cast<uint32_t>(ref)];
  if (runs.empty() && buffer->count > 0) runs.push_back({.first = 0, .start_ms = 0});
  if (runs.empty() || runs.back().start_ms != start_ms) {
    runs.push_back({.first = buffer->count, .start_ms = start_ms});
  }
  buffer->has_starts = true;
}

int64_t* Generation::CountOfDay(int64_t time_ms) {
  if (time_ms < cached_day_start_ms_ || time_ms >= cached_day_end_ms_) {
    const int64_t day = base::DayOf(time_ms);
    cached_day_count_ = &days_[day];
    cached_day_start_ms_ = day * base::kDayMs;
    cached_day_end_ms_ = cached_day_start_ms_ + base::kDayMs;
  }
  return cached_day_count_;
}

void Generation::Touch(SeriesRef ref, const SeriesBuffer& buffer) {
  if (buffer.first == nullptr && !buffer.has_lists) touched_.push_back(ref);
}

std::byte* Generation::Allocate(size_t size) {
  // What comes next must lie as numbers have to.
  size = (size + alignof(int64_t) - 1) / alignof(int64_t) * alignof(int64_t);
  if (size > left_) {
    const size_t block_bytes = std::max(size, kBlockBytes);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_bytes));
    memory_bytes_ += static_cast<int64_t>(block_bytes);
    // A giant has a block of its own, so that the rest of the present one is not lost.
    if (block_bytes - size < left_) return blocks_.back().get();
    next_ = blocks_.back().get();
    left_ = block_bytes;
  }
  std::byte* const at = next_;
  next_ += size;
  left_ -= size;
  return at;
}

Chunk* Generation::NewChunk(uint32_t capacity) {
  const size_t size = sizeof(Chunk) + capacity * (sizeof(int64_t) + sizeof(double));
  return new (Allocate(size)) Chunk{.next = nullptr, .capacity = capacity};
}

Generation::SeriesLists& Generation::ListsOf(SeriesRef ref, SeriesBuffer* buffer) {
  SeriesLists& lists = lists_[static_cast<uint32_t>(ref)];
  Touch(ref, *buffer);
  buffer->has_lists = true;
  return lists;
}

void Generation::NoteListed(int64_t time_ms, size_t bytes, TimeRange* range) {
  list_bytes_ += static_cast<int64_t>(bytes);
  Extend(range, time_ms);
  Extend(&time_range_, time_ms);
}

Generation::Outcome Generation::AppendHistogram(SeriesRef ref, int64_t time_ms, int64_t start_ms,
                                                std::string_view message) {
  SeriesBuffer& buffer = BufferOf(ref);
  SeriesLists& lists = ListsOf(ref, &buffer);
  HistogramNode* const last = lists.last_histogram;
  if (last != nullptr && last->time_ms == time_ms && last->floats_before == buffer.count &&
      last->message() == message) {
    return Outcome::kDuplicate;
  }
  const size_t size = sizeof(HistogramNode) + message.size();
  auto* const node =
      new (Allocate(size)) HistogramNode{.time_ms = time_ms,
                                         .start_ms = start_ms,
                                         .floats_before = buffer.count,
                                         .message_bytes = static_cast<uint32_t>(message.size())};
  std::memcpy(node + 1, message.data(), message.size());
  histogram_days_.insert(base::DayOf(time_ms));
  if (last == nullptr) {
    lists.capture.first_histogram = node;
    lists.histogram_range = {.start_ms = time_ms, .end_ms = time_ms};
  } else {
    last->next = node;
  }
  lists.last_histogram = node;
  ++lists.capture.histogram_count;
  ++histogram_count_;
  NoteListed(time_ms, size, &lists.histogram_range);
  return Outcome::kAdded;
}

Generation::Outcome Generation::AppendExemplar(SeriesRef ref, int64_t time_ms, double value,
                                               std::string_view labels) {
  SeriesLists& lists = ListsOf(ref, &BufferOf(ref));
  ExemplarNode* const last = lists.last_exemplar;
  if (last != nullptr && last->time_ms == time_ms && last->labels() == labels &&
      std::bit_cast<uint64_t>(last->value) == std::bit_cast<uint64_t>(value)) {
    return Outcome::kDuplicate;
  }
  const size_t size = sizeof(ExemplarNode) + labels.size();
  auto* const node = new (Allocate(size)) ExemplarNode{
      .time_ms = time_ms, .value = value, .label_bytes = static_cast<uint32_t>(labels.size())};
  std::memcpy(node + 1, labels.data(), labels.size());
  exemplar_days_.insert(base::DayOf(time_ms));
  if (last == nullptr) {
    lists.capture.first_exemplar = node;
    lists.exemplar_range = {.start_ms = time_ms, .end_ms = time_ms};
  } else {
    last->next = node;
  }
  lists.last_exemplar = node;
  ++lists.capture.exemplar_count;
  ++exemplar_count_;
  NoteListed(time_ms, size, &lists.exemplar_range);
  return Outcome::kAdded;
}

void Generation::AppendMetadata(MetadataNews news) {
  const size_t bytes =
      sizeof(MetadataNews) + news.metric.size() + news.help.size() + news.unit.size();
  metadata_.push_back(std::move(news));
  memory_bytes_ += static_cast<int64_t>(bytes);
  list_bytes_ += static_cast<int64_t>(bytes);
}

const Generation::SeriesLists* Generation::FindLists(SeriesRef ref) const {
  const auto index = static_cast<uint32_t>(ref);
  if (index >= series_.size() || !series_[index].has_lists) return nullptr;
  return &lists_.at(index);
}

bool Generation::HasHistograms(SeriesRef ref) const {
  const SeriesLists* const lists = FindLists(ref);
  return lists != nullptr && lists->capture.histogram_count > 0;
}

bool Generation::HasExemplars(SeriesRef ref) const {
  const SeriesLists* const lists = FindLists(ref);
  return lists != nullptr && lists->capture.exemplar_count > 0;
}

SeriesCapture Generation::Capture(SeriesRef ref) const {
  const SeriesBuffer& buffer = series_[static_cast<uint32_t>(ref)];
  SeriesCapture capture{
      .first = buffer.first, .count = buffer.count, .ordered = buffer.ordered, .starts = {}};
  if (buffer.has_starts) capture.starts = starts_.at(static_cast<uint32_t>(ref));
  if (buffer.has_lists) capture.lists = lists_.at(static_cast<uint32_t>(ref)).capture;
  return capture;
}

TimeRange Generation::RangeOf(SeriesRef ref) const {
  const SeriesBuffer& buffer = series_[static_cast<uint32_t>(ref)];
  if (!buffer.ordered) return time_range_;
  TimeRange range{.start_ms = std::numeric_limits<int64_t>::max(),
                  .end_ms = std::numeric_limits<int64_t>::min()};
  if (buffer.count > 0) {
    range = {.start_ms = buffer.first->times()[0], .end_ms = buffer.last_time_ms};
  }
  if (buffer.has_lists && HasHistograms(ref)) {
    const TimeRange histograms = lists_.at(static_cast<uint32_t>(ref)).histogram_range;
    Extend(&range, histograms.start_ms);
    Extend(&range, histograms.end_ms);
  }
  return range;
}

TimeRange Generation::ExemplarRangeOf(SeriesRef ref) const {
  return lists_.at(static_cast<uint32_t>(ref)).exemplar_range;
}

}  // namespace larnax::head
