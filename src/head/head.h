#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "head/generation.h"
#include "head/log.h"
#include "head/sample_record.h"
#include "head/series_table.h"
#include "head/typed_record.h"
#include "larnax/database.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "wire/write_request.h"

namespace larnax::head {

/// What a sample and its series must keep to be stored.
struct AppendRules {
  int64_t max_time_ms = kMaxTimeMs;  ///< Latest time; the clock's plus what is allowed ahead.
  int64_t max_labels = 464;
  int64_t max_name_bytes = 4096;
  int64_t max_value_bytes = 64 << 10;
};

/// Where the log has to be durable before a write is acknowledged.
struct AppendPosition {
  LogPosition samples;
  LogPosition typed;  ///< Of the log of histograms, exemplars and metadata.
};

/// One series of a snapshot: its samples per generation, oldest generation first.
struct HeadSeries {
  LabelsView labels;
  std::vector<SeriesCapture> parts;
};

/// Recent samples at one moment; stays readable while the head moves on.
struct HeadSnapshot {
  std::vector<HeadSeries> series;  ///< In file order.
  std::vector<std::shared_ptr<const Generation>> generations;
  std::shared_ptr<const LabelArena> arena;
};

/// A frozen generation in the order in which a file wants it.
struct FrozenSeries {
  LabelsView labels;
  SeriesRef ref;
  int64_t flushed_through_ms;  ///< Files may hold samples of the series up to this time.
  SeriesCapture capture;
};
struct FrozenGeneration {
  std::shared_ptr<const Generation> generation;
  std::vector<FrozenSeries> series;  ///< In file order.
  std::shared_ptr<const LabelArena> arena;
};

/// Samples that are not in files yet: logged, and kept in memory per series.
///
/// One mutex orders all writes, so that log order, memory order and "the later one wins" agree. A
/// write becomes visible to snapshots as a whole. Thread-safe.
class Head {
 public:
  /// \param log        Log of float samples; outlives the head. \param typed_log Of the rest.
  /// \param files_through_ms  Latest time of any sample in files: a new series may be there.
  Head(Log* log, Log* typed_log, int64_t files_through_ms);

  /// Check a decoded write, log what is good and keep it in memory; count what is not in `report`.
  ///
  /// The write is not durable until the logs are, at the returned positions.
  arrow::Result<AppendPosition> Append(const wire::WriteRequest& request, const AppendRules& rules,
                                       int64_t now_ms, WriteReport* report);

  /// Apply one record of the sample log again, as recovery reads it. Records before the flushed
  /// position only define series.
  arrow::Status Replay(std::span<const uint8_t> payload, LogPosition position, bool apply_samples,
                       int64_t now_ms);

  /// Close the current generation and start the next; null when it is empty.
  arrow::Result<std::shared_ptr<const FrozenGeneration>> Freeze();
  /// Let go of the oldest frozen generation once its samples are in files.
  void DropFrozen(const FrozenGeneration& frozen);

  /// Capture the series that match any of the selectors (none: all) and overlap `range`.
  HeadSnapshot Capture(std::span<const std::vector<Matcher>> selectors, TimeRange range);

  int64_t sample_count() const;         ///< In all generations.
  int64_t active_sample_count() const;  ///< In the newest one.
  int64_t series_count() const;
  TimeRange time_range() const;
  int64_t memory_bytes() const;
  /// When the oldest unfrozen sample came, in ms since the epoch; 0 when there is none.
  int64_t oldest_append_ms() const;

 private:
  // Outcome of looking a series up: kNoSeries where it cannot be stored.
  SeriesRef Resolve(const wire::DecodedSeries& series, const AppendRules& rules,
                    std::string* refusal);
  void AppendSamples(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                     const AppendRules& rules, uint64_t segment, WriteReport* report);
  void CollectTyped(const wire::WriteRequest& request, const AppendRules& rules,
                    WriteReport* report);
  void BeginGeneration(LogPosition begin);
  void DefineInSegment(SeriesRef ref, uint64_t segment);
  std::vector<SeriesRef> MatchLocked(std::span<const std::vector<Matcher>> selectors,
                                     TimeRange range) const;
  bool HasSamplesIn(SeriesRef ref, TimeRange range) const;

  Log* const log_;
  Log* const typed_log_;

  mutable std::mutex mutex_;
  SeriesTable table_;
  int64_t files_through_ms_;
  uint64_t next_generation_ = 1;
  std::shared_ptr<Generation> active_;
  // Losses of the log when active_ began. When there were more since, memory may hold samples that
  // the log does not: then a repeat is logged, though memory needs it no second time.
  uint64_t losses_before_active_ = 0;
  bool log_has_all_ = true;
  std::vector<std::shared_ptr<const Generation>> frozen_;  // Oldest first.

  // Of the log segment being replayed: its refs to those of this run.
  uint64_t replay_segment_ = 0;
  std::vector<SeriesRef> replay_refs_;

  // Scratch of Append and Replay, kept so that a write allocates nothing.
  SampleRecord record_;
  TypedRecord typed_record_;
  std::vector<std::unique_ptr<Labels>> typed_labels_;
  std::string encoded_;
};

}  // namespace larnax::head
