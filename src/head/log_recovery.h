#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

#include "head/log_format.h"
#include "head/log_segment_reader.h"
#include "io/file_system.h"

namespace larnax::head {

/// Acknowledged bytes of the log that cannot be read.
struct LogDamage {
  std::string path;
  int64_t offset_bytes = 0;
  std::string message;  ///< What is wrong, without path and offset.

  /// The kCorrupt error that says so.
  arrow::Status ToStatus() const;
};

/// Which segments of a folder make up the log.
///
/// Each header names the segment before it, so that files which a failed write left behind, and
/// whose records were never acknowledged, are told from segments that are missing.
struct LogPlan {
  struct Segment {
    uint64_t number = 0;
    std::string path;
    int64_t file_bytes = 0;
    /// End of its records, from the header of the next; nullopt for the newest.
    std::optional<int64_t> limit_bytes;
    /// Set when the file is missing or its header damaged.
    std::optional<LogDamage> damage;
  };
  std::vector<Segment> segments;           ///< Oldest first.
  std::vector<std::string> abandoned;      ///< Paths of files that hold nothing of the log.
  std::map<uint64_t, int64_t> file_bytes;  ///< All segment files of the folder.
};

/// Find the segments that hold records from `from` on.
///
/// \retval kUnsupported A segment is of a newer version. Damage is reported in the plan.
arrow::Result<LogPlan> PlanLog(io::FileSystem& fs, const std::string& folder, LogPosition from);

/// What a place without a readable record means.
struct LogVerdict {
  /// It is where the bytes end that were ever known to be on disk: nothing acknowledged is lost.
  /// Otherwise acknowledged bytes are damaged.
  bool is_torn = false;
  std::optional<int64_t> next_record_bytes;  ///< The first whole record behind it.
};

/// \param is_newest  No segment follows.
arrow::Result<LogVerdict> JudgeBadRecord(const LogSegmentReader& reader, int64_t bad_offset_bytes,
                                         bool is_newest);

/// Cut the newest segment at `end_bytes`, and make what is left durable: a process that died may
/// have left records, or the file's entry, in the system's memory only, and its last sync may
/// have failed.
///
/// \param synced_bytes  Bytes known to be on disk.
arrow::Status SettleNewest(io::FileSystem& fs, const std::string& folder, uint64_t segment,
                           int64_t end_bytes, int64_t synced_bytes);

/// Where the log ends.
struct LogEnd {
  LogPosition position;                    ///< Behind the last whole record; 0, 0: there is none.
  std::map<uint64_t, int64_t> file_bytes;  ///< All segment files of the folder.
};

/// Find the end of the log, cut a torn tail, and sync the newest segment, so that whatever can
/// be read of it is durable. Damage elsewhere is not looked for, and left alone where it is found.
arrow::Result<LogEnd> MeasureLog(io::FileSystem& fs, const std::string& folder);

}  // namespace larnax::head
