#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

#include "head/log_format.h"
#include "io/clock.h"
#include "io/file_system.h"

namespace larnax::head {

/// When what is committed reaches the disk.
enum class SyncMode {
  kBatch,     ///< Before Commit returns.
  kInterval,  ///< When the owner calls Sync, by a timer.
  kOff,       ///< When the operating system likes, and when a segment is full.
};

struct LogOptions {
  int64_t segment_bytes = 128 << 20;  ///< A segment is ended rather than made longer than this.
  SyncMode mode = SyncMode::kBatch;
  /// Segments get greater numbers than this, also where no file shows that there were others:
  /// the segment of the newest position anyone remembers.
  uint64_t after_segment = 0;
  uint64_t salt_seed = 0;  ///< 0: drawn by the machine; else for tests that repeat themselves.
};

struct LogSegment {
  uint64_t number;
  int64_t size_bytes;
};

/// The write-ahead log: a directory of segments to which records are appended.
///
/// Append copies a record to memory; Commit writes all that was appended with one write, and
/// syncs. Any number of writers may share one Commit: append under their mutex, then wait until
/// IsCommitted.
///
/// A failed write or sync costs what was not durable, no more: the segment is cut back to its
/// durable end, everything appended since is dropped (IsCommitted then fails), and the next
/// record begins a fresh segment, for which the disk is tried again. So does memory that runs out
/// (std::bad_alloc) in Commit and Sync; in an Append it costs that record.
///
/// Calls of PrepareAppend and Append must not overlap (the caller has a mutex for them); Commit,
/// Sync and the rest may be called from other threads at any time.
class Log {
 public:
  /// Open the log in `folder`, which is made where it is missing. Nothing is created in it until
  /// the first Commit. A torn tail of the newest segment is cut.
  ///
  /// \param fs, clock  Must outlive the log.
  static arrow::Result<std::unique_ptr<Log>> Open(io::FileSystem& fs, io::Clock& clock,
                                                  std::string folder, LogOptions options = {});
  /// Does not commit.
  ~Log();

  /// Choose the segment for the next record, of at most `payload_bytes`: a new one where the
  /// current one would get too long.
  ///
  /// \return The segment. What a record refers to must be in the same segment.
  uint64_t PrepareAppend(size_t payload_bytes);

  /// Append a record to memory, to the segment that PrepareAppend named, or was there no such
  /// call since the last Append, to one that has room.
  ///
  /// \return Where it ends. If that segment was given up since PrepareAppend, the record is
  ///         dropped, and IsCommitted fails at once.
  /// \pre    The payload has at most kMaxPayloadBytes.
  LogPosition Append(uint8_t type, std::span<const uint8_t> payload);
  /// The same, written in place: `fill` gets `most_bytes` of room and returns how many it used.
  /// Commit waits for it.
  LogPosition Append(uint8_t type, size_t most_bytes,
                     const std::function<size_t(std::span<uint8_t>)>& fill);

  /// Write everything appended so far, and in kBatch sync it.
  ///
  /// \return  The position that is durable now; in kBatch everything appended before the call.
  /// \retval kOverloaded The disk is full. \retval IOError It failed. In both cases what was
  ///         appended and not durable is dropped.
  arrow::Result<LogPosition> Commit();
  /// Sync what is committed, in any mode. Fails like Commit.
  arrow::Status Sync();

  /// Tell whether a record is as safe as the mode promises: synced in kBatch, else written.
  ///
  /// \param position  What Append returned.
  /// \return  False as long as no Commit has come to it.
  /// \retval  (error) It was dropped; the Status is that of the failure. Only the latest 64
  ///          stretches of failures are told apart from what lies between.
  arrow::Result<bool> IsCommitted(LogPosition position) const;

  LogPosition appended() const;  ///< Where the next record would begin in the current segment.
  LogPosition durable() const;   ///< Everything before was synced, or reported as dropped.
  /// How often records were dropped. Whoever keeps what he has appended elsewhere too, and does not
  /// append it again when it is sent again, has to do so once this has grown.
  uint64_t loss_count() const;
  size_t pending_bytes() const;  ///< Appended and not yet taken by a Commit.

  /// Remove segments with smaller numbers. The newest file stays in any case, so that numbers
  /// never begin again.
  arrow::Status RemoveBefore(uint64_t segment);
  /// The segments that have files, oldest first.
  std::vector<LogSegment> segments() const;

 private:
  class Buffer;
  /// Records for one segment, side by side in a Buffer.
  struct Run {
    uint64_t segment;
    int64_t offset_bytes;  ///< In the segment's file.
    size_t begin;          ///< In the buffer.
    size_t end;
  };
  struct Pending;
  /// What was dropped: positions after `after`, up to `through`.
  struct Loss {
    LogPosition after;
    LogPosition through;
    std::shared_ptr<const arrow::Status> status;  ///< Null: there was no memory for one.
  };

  Log(io::FileSystem& fs, io::Clock& clock, std::string folder, LogOptions options);

  // These need `mutex_`.
  void BeginSegment();
  std::optional<LogPosition> ChooseSegment(size_t payload_bytes);
  uint8_t* ReserveRecord(size_t payload_bytes);
  LogPosition FinishRecord(uint8_t type, uint8_t* record, size_t payload_bytes);
  void Drop(std::shared_ptr<const arrow::Status> status);

  // These need `commit_mutex_`.
  arrow::Status Write(const Pending& batch);
  arrow::Status FinishFile();
  arrow::Status CreateFile(uint64_t segment);
  arrow::Status SyncFile();
  void GiveUpFile(bool is_sync_failure);
  arrow::Status Fail(const arrow::Status& status, bool is_sync_failure);
  void FailWithoutMemory(bool is_sync_failure);

  io::FileSystem& fs_;
  io::Clock& clock_;
  const std::string folder_;
  const LogOptions options_;
  const uint64_t salt_seed_;

  /// Held by Commit and whoever else touches files; taken before `mutex_`.
  std::mutex commit_mutex_;
  std::unique_ptr<io::WritableFile> file_;
  uint64_t file_segment_ = 0;
  int64_t file_committed_bytes_ = 0;  ///< Written by Commits that did not fail.
  int64_t file_written_bytes_ = 0;
  int64_t file_synced_bytes_ = 0;
  LogPosition chain_end_;  ///< End of the newest segment that has durable records, but `file_`.
  std::unique_ptr<Pending> spare_;

  mutable std::mutex mutex_;
  std::unique_ptr<Pending> pending_;
  RecordHeaderCodec codec_;
  uint64_t prepared_segment_ = 0;  ///< 0: none.
  LogPosition appended_;
  LogPosition committed_;
  LogPosition durable_;
  std::vector<Loss> losses_;  ///< Oldest first.
  uint64_t loss_count_ = 0;
  std::map<uint64_t, int64_t> sizes_;
};

}  // namespace larnax::head
