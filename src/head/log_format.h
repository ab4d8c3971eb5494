#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace larnax::head {

/// A place in the log: `offset_bytes` bytes into a segment's file. Later places are greater.
///
/// The place of a record's end is that of the next one's begin, if that is in the same segment.
struct LogPosition {
  uint64_t segment = 0;  ///< From 1 on; 0: before everything.
  int64_t offset_bytes = 0;

  auto operator<=>(const LogPosition&) const = default;
};

inline constexpr int64_t kSegmentHeaderBytes = 64;
inline constexpr int64_t kRecordHeaderBytes = 32;
/// Longest payload of one record.
inline constexpr size_t kMaxPayloadBytes = size_t{1} << 30;

/// First bytes of a segment's file. docs/format/wal.md has the layout.
struct SegmentHeader {
  uint64_t segment = 0;
  /// Drawn for each segment; who writes samples does not know it, and so cannot write a payload
  /// that looks like records when a damaged file is searched for them.
  uint64_t salt = 0;
  /// Where the segment before this one ends; all of it was on disk when this one was begun.
  LogPosition previous;
  int64_t created_ms = 0;
};

using SegmentHeaderBytes = std::array<uint8_t, kSegmentHeaderBytes>;

SegmentHeaderBytes EncodeSegmentHeader(const SegmentHeader& header);

enum class SegmentHeaderState {
  kValid,
  kInvalid,
  kNewer,  ///< Checksum right, but a version that is not known here.
};

/// Decode the first bytes of the file of `segment`; fills `header` when they are valid.
SegmentHeaderState DecodeSegmentHeader(std::span<const uint8_t, kSegmentHeaderBytes> bytes,
                                       uint64_t segment, SegmentHeader* header);

/// What stands before each payload.
struct RecordHeader {
  uint32_t payload_bytes = 0;
  uint32_t payload_crc = 0;
  uint8_t type = 0;
  /// Bytes of this segment known to be on disk when the record was written.
  int64_t synced_through_bytes = 0;
};

/// Writes and checks record headers of one segment: both need its salt and number.
class RecordHeaderCodec {
 public:
  RecordHeaderCodec(uint64_t segment, uint64_t salt);

  /// Write a header for the record at `offset_bytes` to `out`, kRecordHeaderBytes long.
  void Encode(const RecordHeader& header, int64_t offset_bytes, uint8_t* out) const;
  /// Decode kRecordHeaderBytes at `from`; nullopt when they are no header, or one written for
  /// another place.
  std::optional<RecordHeader> Decode(const uint8_t* from, int64_t offset_bytes) const;

  /// First four bytes of each record of the segment.
  uint32_t magic() const { return magic_; }

 private:
  uint32_t Checksum(const uint8_t* bytes, int64_t offset_bytes) const;

  uint32_t magic_;
  uint32_t seed_;
};

/// Bytes of a record with header and padding.
constexpr int64_t RecordBytes(size_t payload_bytes) {
  return kRecordHeaderBytes + static_cast<int64_t>((payload_bytes + 7) / 8 * 8);
}

/// File name of a segment: twelve digits and ".log".
std::string SegmentFileName(uint64_t segment);
/// The segment of a file name; nullopt where it is none.
std::optional<uint64_t> ParseSegmentFileName(const std::string& name);

}  // namespace larnax::head
