#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "db/counters.h"
#include "db/environment.h"
#include "db/experiments.h"
#include "db/metadata_catalog.h"
#include "db/own_metrics.h"
#include "db/unflushed_log.h"
#include "db/write_path.h"
#include "exec/engine.h"
#include "head/head.h"
#include "head/log.h"
#include "larnax/database.h"
#include "store/store.h"

namespace larnax::db {

/// Database over an environment: recovery, background work, and the way from head and store to
/// answers.
///
/// Background work is tasks on the environment's executor: commits (posted by writes), a flush tick
/// and a merge tick that post themselves again. `flush_mutex_` lets one flush run at a time; merges
/// run beside it, one at a time, under `merge_mutex_`.
class DatabaseImpl final : public Database {
 public:
  /// Open over parts of the caller, who runs or drops the executor's tasks before the database is
  /// destroyed. \param root  The archive's directory.
  static arrow::Result<std::unique_ptr<DatabaseImpl>> Open(Environment environment,
                                                           const std::string& root,
                                                           const DatabaseOptions& options,
                                                           Progress progress);
  ~DatabaseImpl() override;

  void Ingest(const WriteMessage& message, WriteDone done) override;
  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override;
  /// The same for a query. \param runner  Reads for it, as long as the stream lives.
  arrow::Result<std::unique_ptr<SampleStream>> SelectWith(const SelectRequest& request,
                                                          const io::TaskRunner& runner);
  arrow::Result<NamesAnswer> LabelNames(const SelectRequest& request) override;
  arrow::Result<NamesAnswer> LabelValues(std::string_view name,
                                         const SelectRequest& request) override;
  arrow::Result<SeriesAnswer> Series(const SelectRequest& request) override;
  arrow::Result<ExemplarsAnswer> Exemplars(const SelectRequest& request) override;
  arrow::Result<std::vector<MetricMetadata>> Metadata(std::string_view metric) override;
  arrow::Result<QueryResult> Query(const QueryRequest& request) override;
  arrow::Status Flush() override;
  arrow::Status Merge(bool everything) override;
  void StopMerging() override { merging_stopped_ = true; }
  arrow::Result<DatabaseStatus> Status(int limit) override;
  std::string MetricsText() override;
  arrow::Status RecordOwnMetrics(std::string_view instance) override;
  arrow::Status Close() override;

  /// Hand over the executor that runs this database's tasks; it is ended first on destruction.
  void OwnExecutor(std::unique_ptr<io::Executor> executor) { executor_ = std::move(executor); }

  const Counters& counters() const { return counters_; }

 private:
  DatabaseImpl(Environment environment, std::string root, const DatabaseOptions& options);

  arrow::Status OpenForWriting(const Progress& progress);
  arrow::Status ReplayLog(const Progress& progress);
  arrow::Status TakeOverOldLog();
  arrow::Status LearnMetadata();
  void StartTicks();
  void PostTick(int64_t delay_ms, const std::function<void()>& tick);
  void FlushTick();
  void MergeTick();
  void SyncTick();
  void RequestFlush();
  bool IsFlushDue() const;
  void TryFlush();
  arrow::Status FlushLocked();  // Needs flush_mutex_.
  arrow::Status FlushOnce();
  arrow::Status MergeLocked(bool everything);  // Needs merge_mutex_.
  arrow::Status CheckWritable() const;
  std::shared_ptr<head::Head> RecentHead(std::vector<std::string>* warnings);
  head::HeadSnapshot CaptureHead(const SelectRequest& request, std::vector<std::string>* warnings);
  template <typename List>
  auto ListNames(const SelectRequest& request, List list);
  DatabaseStatus CheapStatus() const;
  OwnState CurrentState() const;
  std::string LogFolder(std::string_view name) const;

  const Environment environment_;
  const std::string root_;
  const DatabaseOptions options_;
  Counters counters_;
  MetadataCatalog metadata_;
  std::vector<std::string> metadata_warnings_;  // Of opening.
  Experiments experiments_;
  const int64_t start_time_ms_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> merging_stopped_{false};
  std::atomic<bool> flush_requested_{false};

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<head::Log> log_;  // Null when read-only, as is all below.
  std::shared_ptr<head::Head> head_;
  std::unique_ptr<WritePath> write_path_;
  std::unique_ptr<UnflushedLog> unflushed_;  // Only when read-only.

  std::mutex flush_mutex_;
  // Not in files yet, the oldest first.
  std::vector<std::shared_ptr<const head::FrozenGeneration>> frozen_;
  // After a flush that failed: how many did since the last good one, and when the next is tried.
  int flush_failures_in_row_ = 0;
  int64_t retry_flush_ns_ = 0;
  std::mutex merge_mutex_;

  std::unique_ptr<io::Executor> executor_;
  exec::Engine query_engine_;
};

}  // namespace larnax::db
