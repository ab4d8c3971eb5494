#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <arrow/result.h>
#include <arrow/status.h>

#include "head/log_format.h"
#include "head/log_recovery.h"
#include "io/file_system.h"

namespace larnax::head {

/// A record as replay hands it out; valid during the call.
struct RecordView {
  LogPosition position;  ///< Where it begins.
  LogPosition end;       ///< Where it ends: what Append returned for it.
  uint8_t type = 0;
  std::span<const uint8_t> payload;
  bool before_start = false;  ///< It ends at or before the place asked for.
};

struct ReplayOptions {
  /// More than 1: read ahead and check in other threads. `apply` is always called in this one.
  int threads = 1;
  /// Do not cut torn tails, nor remove files that hold nothing.
  bool read_only = false;
  /// Hand out the records of the first segment that lie before the start, too: what they define
  /// holds for the rest of the segment.
  bool deliver_before_start = false;
  /// Called now and then with the bytes of the log read so far and in all.
  std::function<void(int64_t bytes_done, int64_t bytes_total)> progress = {};
  /// Called where acknowledged records cannot be read; OK: go on with the next that can. When it
  /// is not set, or returns an error, the replay ends with that.
  std::function<arrow::Status(const LogDamage&)> on_corrupt = {};
};

struct ReplayReport {
  LogPosition end;            ///< Behind the last record; the start where there is none after it.
  int64_t record_count = 0;   ///< Handed out.
  int64_t payload_bytes = 0;  ///< Of those.
  int64_t torn_bytes = 0;     ///< Cut from the newest segment: never acknowledged.
  int64_t damage_count = 0;   ///< Calls of `on_corrupt`.
};

/// Hand out the records of the log in `folder` from a place on, in the order appended.
///
/// What was acknowledged is handed out exactly once, or the replay fails. Of what was appended
/// and not acknowledged, a part may be handed out. A tail that was being written when the power
/// went is cut off, unless `read_only`; with that, all that was handed out is durable. Memory: a
/// few windows of 4 MiB, or the longest record.
///
/// \param from   A record's begin or end, as of Log::Append; {0, 0}: all.
/// \param apply  Its first error ends the replay and is returned.
/// \retval kCorrupt  Acknowledged records cannot be read; the message names file and offset.
arrow::Result<ReplayReport> ReplayLog(io::FileSystem& fs, const std::string& folder,
                                      LogPosition from, const ReplayOptions& options,
                                      const std::function<arrow::Status(const RecordView&)>& apply);

}  // namespace larnax::head
