#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "head/generation.h"
#include "head/log.h"
#include "head/log_replay.h"
#include "head/non_float_record.h"
#include "head/sample_record.h"
#include "head/series_table.h"
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

/// Where the log has to be durable before a write is acknowledged: ends of its records. Zero: there
/// is no such record.
struct AppendPosition {
  LogPosition floats;
  LogPosition non_floats;  ///< Of histograms, exemplars and metadata.

  bool is_empty() const { return floats == LogPosition{} && non_floats == LogPosition{}; }
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
  int64_t flushed_through_ms;         ///< Files may hold samples of the series up to this time.
  int64_t exemplars_through_ms = -1;  ///< The same of its exemplars.
};
/// What does not change any more: its captures may be taken without a lock.
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
  /// \param log               Outlives the head; null: nothing but Replay and reading is called.
  /// \param files_through_ms  Latest time of anything in files: a new series may be there.
  Head(Log* log, int64_t files_through_ms);

  /// Check a decoded write, log what is good and keep it in memory; count what is not in `report`.
  ///
  /// Within one write, histograms count as later than floats. The write is not durable until the
  /// log is, at the returned positions.
  arrow::Result<AppendPosition> Append(const wire::WriteRequest& request, const AppendRules& rules,
                                       int64_t now_ms, WriteReport* report);

  /// Apply one record of the log again, as recovery reads it. Records before the flushed position
  /// only define series.
  ///
  /// \retval kCorrupt The record cannot be read, or is of a kind that is not known.
  arrow::Status Replay(const RecordView& record, int64_t now_ms);

  /// Close the current generation and start the next; null when it is empty. Only one thread may
  /// freeze and drop at a time.
  arrow::Result<std::shared_ptr<const FrozenGeneration>> Freeze();
  /// Let go of the oldest frozen generation once its samples are in files.
  /// \param forget_idle  Forget all series without samples in memory, not only those idle for long.
  void DropFrozen(const FrozenGeneration& frozen, bool forget_idle = false);

  using Selectors = std::span<const std::vector<Matcher>>;
  /// Capture the series that match any of the selectors (none: all) and overlap `range`.
  HeadSnapshot Capture(Selectors selectors, TimeRange range);
  /// The same of series that have exemplars in `range`.
  HeadSnapshot CaptureExemplars(Selectors selectors, TimeRange range);
  /// What was said of metrics and is in memory, oldest first.
  std::vector<MetadataNews> metadata() const;

  int64_t sample_count() const;  ///< Floats and histograms, in all generations.
  int64_t load() const;          ///< Generation::load of all generations together, ...
  int64_t active_load() const;   ///< ... and of the newest one.
  int64_t series_count() const;
  TimeRange time_range() const;
  int64_t memory_bytes() const;
  /// When the oldest unfrozen sample came, in ms since the epoch; 0 when there is none.
  int64_t oldest_append_ms() const;

 private:
  // Outcome of looking a series up: kNoSeries where it cannot be stored.
  SeriesRef Resolve(const wire::DecodedSeries& series, const AppendRules& rules,
                    std::string* refusal);
  // These append to `active_` and to the record that is to be logged.
  LogPosition AppendFloats(const wire::WriteRequest& request, const AppendRules& rules,
                           size_t most_bytes, WriteReport* report);
  void AppendSamples(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                     const AppendRules& rules, uint64_t segment, WriteReport* report);
  LogPosition AppendNonFloats(const wire::WriteRequest& request, const AppendRules& rules,
                              size_t most_bytes, int64_t now_ms, WriteReport* report);
  void AppendHistograms(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                        const AppendRules& rules, uint64_t segment, WriteReport* report);
  void AppendExemplars(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                       const AppendRules& rules, uint64_t segment, WriteReport* report);
  void DefineInSegment(SeriesRef ref, uint64_t segment, std::vector<SeriesDefinition>* definitions);
  void Undefine(std::span<const SeriesDefinition> definitions);
  uint64_t PrepareLog(size_t most_bytes);
  LogPosition EndOfRepeats(uint64_t segment) const;

  arrow::Status ReplayDefinitions(std::span<const SeriesDefinition> definitions, uint64_t segment);
  arrow::Result<SeriesRef> ReplayedRef(uint32_t log_ref);
  void ForgetReplayed();
  arrow::Status ReplaySamples();
  arrow::Status ReplayNonFloats();

  std::shared_ptr<Generation> BeginGeneration(LogPosition begin);  // Gives the one before.
  using IsWanted = std::function<bool(const Generation& generation, SeriesRef ref)>;
  // Selectors by the series that they are matched against: those of one metric, or all. So each
  // series is looked at twice at most, however many selectors there are.
  using Alternatives = std::vector<const std::vector<Matcher>*>;
  using SelectorGroups = std::map<std::optional<std::string_view>, Alternatives>;
  static SelectorGroups GroupByMetric(Selectors selectors);
  static bool MatchesAny(const Alternatives& selectors, LabelsView labels);
  // Series that may match, as they are at one moment.
  struct Candidate {
    LabelsView labels;
    SeriesRef ref;
    const Alternatives* selectors;
  };
  struct Candidates {
    std::shared_ptr<const LabelArena> arena;
    size_t ordered;  // Sizes of the table's lists.
    size_t unordered;
    std::vector<Candidate> series;
  };
  template <typename Visit>
  void VisitCandidates(const SelectorGroups& groups, Visit visit) const;
  std::optional<Candidates> TakeCandidates(const SelectorGroups& groups) const;
  bool CatchUpLocked(const SelectorGroups& groups, const Candidates& candidates,
                     std::vector<SeriesRef>* matched) const;
  std::vector<SeriesRef> MatchLocked(const SelectorGroups& groups) const;
  HeadSnapshot CaptureWhere(Selectors selectors, const IsWanted& is_wanted);
  HeadSnapshot CaptureLocked(std::vector<SeriesRef> refs, const IsWanted& is_wanted) const;
  bool IsInAny(SeriesRef ref, const IsWanted& is_wanted) const;
  void SortLocked(std::vector<SeriesRef>* refs) const;
  void OrderSeries();

  Log* const log_;

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

  // Of the log segment being replayed: what its refs stand for. A series is in the table only once
  // a record names it: most of what a log defines is in files already.
  struct ReplayedSeries {
    std::string_view labels;
    SeriesRef ref = kNoSeries;  // kNoSeries: not looked up yet.
    bool is_defined = false;
  };
  uint64_t replay_segment_ = 0;
  std::vector<ReplayedSeries> replayed_;
  std::unique_ptr<LabelArena> replayed_labels_;

  // Scratch of Append and Replay, kept so that a write allocates nothing.
  SampleRecord record_;
  NonFloatRecord non_float_record_;
  std::deque<Labels> exemplar_labels_;  // That non_float_record_ borrows.
  std::string encoded_;
};

}  // namespace larnax::head
