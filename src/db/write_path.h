#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <arrow/result.h>

#include "db/counters.h"
#include "db/environment.h"
#include "db/metadata_catalog.h"
#include "head/head.h"
#include "head/log.h"
#include "larnax/database.h"
#include "larnax/options.h"

namespace larnax::db {

/// Tell whether enough recent samples wait to be worth files of their own: `flush_samples`, but of
/// very many series a few each, as a file costs by its series too.
bool HasEnoughToFlush(const head::Head& head, const DatabaseOptions& options);

/// From bytes to an acknowledged write: decode, check, log, keep in memory, wait for the disk.
///
/// Requests append to the log under the head's mutex; one task at a time then makes everything
/// pending durable and acknowledges all of it, so that writes that wait together share a sync.
/// Thread-safe.
class WritePath {
 public:
  struct Parts {
    head::Head* head;
    head::Log* log;
    MetadataCatalog* metadata;
    Counters* counters;
    std::function<void()> request_flush;  ///< Called when memory holds enough for a flush.
  };
  WritePath(Environment environment, const DatabaseOptions& options, Parts parts);
  ~WritePath();

  void Ingest(const WriteMessage& message, WriteDone done);
  /// Refuse all writes from now on with kClosed; writes taken before are still acknowledged.
  void Stop();
  /// Make everything appended so far durable (mode kInterval's timer, and Close).
  arrow::Status SyncNow();
  /// Tell the write path whether the disk has room; checked outside of the hot path.
  void set_disk_full(bool disk_full) { disk_full_.store(disk_full, std::memory_order_relaxed); }

 private:
  struct Scratch;
  struct Waiter {
    head::AppendPosition position;
    WriteReport report;
    std::vector<MetricMetadata> learned;  // Metadata in it that was news.
    WriteDone done;
    arrow::Result<WriteReport> no_memory_answer;  // Where there is none for another answer.
  };

  arrow::Status CheckRoom() const;
  arrow::Result<head::AppendPosition> Apply(const WriteMessage& message, WriteReport* report,
                                            std::vector<MetricMetadata>* learned);
  std::unique_ptr<Scratch> TakeScratch();
  void GiveBack(std::unique_ptr<Scratch> scratch);
  void Enqueue(Waiter waiter);
  void CommitPending();
  void Commit();
  arrow::Status OutcomeOf(const Waiter& waiter) const;
  arrow::Result<WriteReport> AnswerOf(Waiter* waiter, const arrow::Status& status);
  template <typename Outcome>
  void Acknowledge(Waiter* waiter, Outcome outcome);
  void Count(const arrow::Result<WriteReport>& result);

  const Environment environment_;
  const DatabaseOptions options_;
  const Parts parts_;

  std::atomic<bool> stopped_{false};
  std::atomic<bool> disk_full_{false};
  std::mutex scratch_mutex_;
  std::vector<std::unique_ptr<Scratch>> scratch_;

  std::mutex commit_mutex_;  // Held while a commit runs.
  std::mutex waiters_mutex_;
  std::vector<Waiter> waiters_;
  bool commit_posted_ = false;
};

}  // namespace larnax::db
