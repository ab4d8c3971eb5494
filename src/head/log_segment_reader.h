#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "head/log_format.h"
#include "io/file_system.h"

namespace larnax::head {

/// A stretch of a segment in memory, cut into records.
struct LogWindow {
  struct Record {
    int64_t offset_bytes;  ///< Of the header in the file.
    size_t payload_begin;  ///< In `bytes`.
    RecordHeader header;
  };

  std::span<const uint8_t> PayloadOf(const Record& record) const {
    return {bytes.get() + record.payload_begin, record.header.payload_bytes};
  }
  /// Greatest of the records; 0: none.
  int64_t synced_through_bytes() const {
    return records.empty() ? 0 : records.back().header.synced_through_bytes;
  }
  /// Check the payloads; at the first bad one the window ends, and `bad_offset_bytes` says so.
  void Verify();

  std::unique_ptr<uint8_t[]> bytes;
  std::vector<Record> records;
  int64_t end_bytes = 0;  ///< In the file, behind the last record.
  /// Where neither a whole record nor the end of the segment is.
  std::optional<int64_t> bad_offset_bytes;
};

/// Reads the records of one segment from front to back. For one thread at a time.
class LogSegmentReader {
 public:
  /// \retval kNotFound    No such file.
  /// \retval kCorrupt     The header is bad. \retval kUnsupported It is of a newer version.
  static arrow::Result<std::unique_ptr<LogSegmentReader>> Open(io::FileSystem& fs,
                                                               const std::string& folder,
                                                               uint64_t segment);

  const SegmentHeader& header() const { return header_; }
  const std::string& path() const { return file_->path(); }
  int64_t file_bytes() const { return file_->size_bytes(); }

  /// Set where records end, for a segment that others follow: what is behind was given up. It
  /// may lie behind the file's end: then the file has lost a part.
  void set_limit_bytes(int64_t limit_bytes) { limit_bytes_ = limit_bytes; }
  int64_t limit_bytes() const { return limit_bytes_; }

  /// Read on at a record's begin.
  void Seek(int64_t offset_bytes) {
    offset_bytes_ = offset_bytes;
    is_done_ = false;
  }

  /// Read the next records, not yet verified; nullopt at the end. A window with a bad offset is
  /// the last until the next Seek.
  arrow::Result<std::optional<LogWindow>> Next();

  /// What is behind a place where no record could be read.
  struct Beyond {
    /// Greatest `synced_through_bytes` of any record there; 0: none.
    int64_t synced_through_bytes = 0;
    /// The first whole record there.
    std::optional<int64_t> next_record_bytes;
  };
  arrow::Result<Beyond> LookBeyond(int64_t bad_offset_bytes) const;

 private:
  LogSegmentReader(std::unique_ptr<io::ReadableFile> file, const SegmentHeader& header)
      : file_(std::move(file)),
        header_(header),
        codec_(header.segment, header.salt),
        limit_bytes_(file_->size_bytes()) {}

  int64_t readable_bytes() const { return std::min(limit_bytes_, file_->size_bytes()); }
  arrow::Result<LogWindow> Load(int64_t wanted_bytes, int64_t* missing_bytes) const;
  arrow::Result<bool> IsWhole(int64_t offset_bytes, const RecordHeader& record) const;

  std::unique_ptr<io::ReadableFile> file_;
  SegmentHeader header_;
  RecordHeaderCodec codec_;
  int64_t limit_bytes_;
  int64_t offset_bytes_ = kSegmentHeaderBytes;
  bool is_done_ = false;
};

}  // namespace larnax::head
