#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "head/log.h"
#include "head/series_lists.h"
#include "head/series_table.h"
#include "larnax/samples.h"

namespace larnax::head {

/// Samples of one series, copied out: times strictly ascending.
struct SampleColumns {
  std::vector<int64_t> time_ms;
  std::vector<double> value;
  std::vector<int64_t> start_ms;  ///< Empty when none is known, else as long as the others.

  void Clear() {
    time_ms.clear();
    value.clear();
    start_ms.clear();
  }
  /// Take out the samples of these times, which ascend.
  void Remove(std::span<const int64_t> times);
};

/// A piece of a series' samples: `capacity` times, then as many values. The first are written
/// once and then never change, so that readers need no lock for those they know of.
struct Chunk {
  Chunk* next = nullptr;
  uint32_t capacity = 0;

  int64_t* times() { return reinterpret_cast<int64_t*>(this + 1); }
  double* values() { return reinterpret_cast<double*>(times() + capacity); }
  const int64_t* times() const { return reinterpret_cast<const int64_t*>(this + 1); }
  const double* values() const { return reinterpret_cast<const double*>(times() + capacity); }
};

/// A run of samples from `first` on (counted within the series) that share a start time.
struct StartRun {
  uint32_t first;
  int64_t start_ms;
};

/// Samples of one series at one moment, borrowed from a Generation.
struct SeriesCapture {
  const Chunk* first = nullptr;
  uint32_t count = 0;
  bool ordered = true;           ///< Times are strictly ascending as stored.
  std::vector<StartRun> starts;  ///< Empty when no start time is known.
  ListCapture lists = {};        ///< Histograms and exemplars.
};

/// Call visit(times, values, count) for each chunk's share of the float samples of a capture.
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

/// What was said of a metric that was not known before.
struct MetadataNews {
  std::string metric;
  uint8_t type = 0;  ///< wire::MetricType.
  std::string help;
  std::string unit;
  int64_t seen_ms = 0;
};

/// Copy the float samples of a capture that lie in `range`, sorted, the last of equal times winning
/// (those that lose to a histogram are left out); replaces the content of `out`. Needs no lock; the
/// capture's Generation must be alive.
void ReadCapture(const SeriesCapture& capture, TimeRange range, SampleColumns* out);

/// Recent samples, per series in the order of their arrival; what becomes one flush.
///
/// The Head appends to its newest generation under its mutex; a frozen one never changes. Readers
/// take SeriesCaptures under the mutex and then read without it.
class Generation {
 public:
  Generation(uint64_t number, LogPosition begin) : number_(number), begin_(begin) {}

  /// What became of a sample.
  enum class Outcome { kAdded, kDuplicate };
  /// Add a sample; one that repeats the newest sample of its series, bits included, is dropped
  /// (unless the series has start times, where the repeat is found on reading).
  Outcome Append(SeriesRef ref, int64_t time_ms, double value, int64_t start_ms);

  /// Add a native histogram; one that repeats the newest sample of its series is dropped.
  ///
  /// \param message  As wire::DecodeHistogram reads it; copied.
  Outcome AppendHistogram(SeriesRef ref, int64_t time_ms, int64_t start_ms,
                          std::string_view message);
  /// Add an exemplar; one that repeats the newest of its series is dropped. \param labels  Copied.
  Outcome AppendExemplar(SeriesRef ref, int64_t time_ms, double value, std::string_view labels);
  void AppendMetadata(MetadataNews news);

  /// Describe what a series has now; the caller holds the Head's mutex.
  SeriesCapture Capture(SeriesRef ref) const;
  /// Earliest and latest float or histogram sample of a series that Has some; exact when its
  /// samples came in order, else wide.
  TimeRange RangeOf(SeriesRef ref) const;
  /// Earliest and latest exemplar of a series that HasExemplars.
  TimeRange ExemplarRangeOf(SeriesRef ref) const;
  /// Tell whether a series has samples, floats or histograms.
  bool Has(SeriesRef ref) const {
    const auto index = static_cast<uint32_t>(ref);
    return index < series_.size() && (series_[index].count > 0 || HasHistograms(ref));
  }
  bool HasExemplars(SeriesRef ref) const;
  /// Series with samples or exemplars, in order of their first.
  const std::vector<SeriesRef>& touched() const { return touched_; }
  const std::vector<MetadataNews>& metadata() const { return metadata_; }

  uint64_t number() const { return number_; }
  int64_t sample_count() const { return sample_count_ + histogram_count_; }
  int64_t exemplar_count() const { return exemplar_count_; }
  bool is_empty() const { return sample_count() + exemplar_count_ == 0 && metadata_.empty(); }
  /// Float samples plus those that the rest would be by its bytes, 16 each: what limits count.
  int64_t load() const { return sample_count_ + list_bytes_ / 16; }
  /// Of floats, histograms and exemplars.
  TimeRange time_range() const { return time_range_; }
  int64_t memory_bytes() const { return memory_bytes_; }
  /// The log before `begin` and from `end` on belongs to other generations.
  LogPosition begin() const { return begin_; }
  LogPosition end() const { return end_; }
  void set_end(LogPosition end) { end_ = end; }
  /// Milliseconds since the epoch at which the first sample came.
  int64_t first_append_ms() const { return first_append_ms_; }
  void set_first_append_ms(int64_t time_ms) { first_append_ms_ = time_ms; }
  /// Days (since 1970) that have float samples, ascending, with their number of samples.
  const std::map<int64_t, int64_t>& days() const { return days_; }
  const std::set<int64_t>& histogram_days() const { return histogram_days_; }
  const std::set<int64_t>& exemplar_days() const { return exemplar_days_; }

 private:
  struct SeriesBuffer {
    Chunk* first = nullptr;
    Chunk* last = nullptr;
    int64_t last_time_ms = 0;
    uint32_t count = 0;
    uint32_t last_count = 0;  // Samples in `last`.
    bool ordered = true;
    bool has_starts = false;
    bool has_lists = false;  // There is a SeriesLists.
  };
  // What a series has besides floats; few series have it.
  struct SeriesLists {
    ListCapture capture;
    HistogramNode* last_histogram = nullptr;
    ExemplarNode* last_exemplar = nullptr;
    TimeRange histogram_range;
    TimeRange exemplar_range;
  };

  std::byte* Allocate(size_t size);
  Chunk* NewChunk(uint32_t capacity);
  SeriesBuffer& BufferOf(SeriesRef ref);
  SeriesLists& ListsOf(SeriesRef ref, SeriesBuffer* buffer);
  const SeriesLists* FindLists(SeriesRef ref) const;
  bool HasHistograms(SeriesRef ref) const;
  void NoteListed(int64_t time_ms, size_t bytes, TimeRange* range);
  void NoteStart(SeriesRef ref, int64_t start_ms, SeriesBuffer* buffer);
  int64_t* CountOfDay(int64_t time_ms);
  void Touch(SeriesRef ref, const SeriesBuffer& buffer);

  uint64_t number_;
  LogPosition begin_;
  LogPosition end_;
  std::vector<SeriesBuffer> series_;
  std::vector<SeriesRef> touched_;
  boost::unordered_flat_map<uint32_t, std::vector<StartRun>> starts_;
  boost::unordered_flat_map<uint32_t, SeriesLists> lists_;
  std::vector<MetadataNews> metadata_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
  int64_t memory_bytes_ = 0;
  int64_t sample_count_ = 0;  // Floats.
  int64_t histogram_count_ = 0;
  int64_t exemplar_count_ = 0;
  int64_t list_bytes_ = 0;
  int64_t first_append_ms_ = 0;
  TimeRange time_range_{.start_ms = std::numeric_limits<int64_t>::max(),
                        .end_ms = std::numeric_limits<int64_t>::min()};
  std::map<int64_t, int64_t> days_;
  std::set<int64_t> histogram_days_;
  std::set<int64_t> exemplar_days_;
  int64_t cached_day_start_ms_ = 1;  // A range that holds no time until the first sample.
  int64_t cached_day_end_ms_ = 0;
  int64_t* cached_day_count_ = nullptr;
};

}  // namespace larnax::head
