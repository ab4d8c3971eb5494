#include "head/log_segment_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/crc32c.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

constexpr int64_t kWindowBytes = 4 << 20;

}  // namespace

void LogWindow::Verify() {
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    if (base::Crc32c(0, PayloadOf(record)) == record.header.payload_crc) continue;
    bad_offset_bytes = record.offset_bytes;
    end_bytes = record.offset_bytes;
    records.resize(i);
    return;
  }
}

arrow::Result<std::unique_ptr<LogSegmentReader>> LogSegmentReader::Open(io::FileSystem& fs,
                                                                        const std::string& folder,
                                                                        uint64_t segment) {
  ARROW_ASSIGN_OR_RAISE(auto file, fs.OpenReadable(io::JoinPath(folder, SegmentFileName(segment))));
  SegmentHeaderBytes bytes{};
  SegmentHeader header;
  auto state = SegmentHeaderState::kInvalid;
  if (file->size_bytes() >= kSegmentHeaderBytes) {
    ARROW_RETURN_NOT_OK(file->ReadAt(0, bytes));
    state = DecodeSegmentHeader(bytes, segment, &header);
  }
  switch (state) {
    case SegmentHeaderState::kValid:
      break;
    case SegmentHeaderState::kInvalid:
      return MakeError(ErrorKind::kCorrupt,
                       "The header of a log segment is damaged: path=" + file->path());
    case SegmentHeaderState::kNewer:
      return MakeError(ErrorKind::kUnsupported,
                       "A log segment was written by a newer version: path=" + file->path());
  }
  return std::unique_ptr<LogSegmentReader>(new LogSegmentReader(std::move(file), header));
}

arrow::Result<LogWindow> LogSegmentReader::Load(int64_t wanted_bytes,
                                                int64_t* missing_bytes) const {
  const int64_t end = std::min(readable_bytes(), offset_bytes_ + wanted_bytes);
  const auto size = static_cast<size_t>(std::max<int64_t>(end - offset_bytes_, 0));
  LogWindow window;
  window.bytes = std::make_unique_for_overwrite<uint8_t[]>(size);
  ARROW_RETURN_NOT_OK(file_->ReadAt(offset_bytes_, {window.bytes.get(), size}));

  const bool is_at_end = end == readable_bytes();
  int64_t at = offset_bytes_;
  *missing_bytes = 0;
  while (at < end) {
    const uint8_t* from = window.bytes.get() + (at - offset_bytes_);
    std::optional<RecordHeader> record;
    int64_t record_bytes = kRecordHeaderBytes;
    if (end - at >= kRecordHeaderBytes) {
      record = codec_.Decode(from, at);
      if (record) record_bytes = RecordBytes(record->payload_bytes);
      if (!record || record_bytes > readable_bytes() - at) {
        window.bad_offset_bytes = at;
        break;
      }
    }
    if (record_bytes > end - at) {
      if (is_at_end) {
        window.bad_offset_bytes = at;
      } else if (window.records.empty()) {
        *missing_bytes = record_bytes;
      }
      break;
    }
    const int64_t payload_at = at - offset_bytes_ + kRecordHeaderBytes;
    window.records.push_back({at, static_cast<size_t>(payload_at), *record});
    at += record_bytes;
  }
  window.end_bytes = at;
  // The file is shorter than what was once on disk.
  if (is_at_end && at >= end && limit_bytes_ > end) window.bad_offset_bytes = at;
  return window;
}

arrow::Result<std::optional<LogWindow>> LogSegmentReader::Next() {
  if (offset_bytes_ >= limit_bytes_ || is_done_) return std::nullopt;
  int64_t missing_bytes = 0;
  ARROW_ASSIGN_OR_RAISE(LogWindow window, Load(kWindowBytes, &missing_bytes));
  if (missing_bytes > 0) {
    ARROW_ASSIGN_OR_RAISE(window, Load(missing_bytes, &missing_bytes));
  }
  offset_bytes_ = window.end_bytes;
  is_done_ = window.bad_offset_bytes.has_value();
  return std::optional<LogWindow>(std::move(window));
}

arrow::Result<bool> LogSegmentReader::IsWhole(int64_t offset_bytes,
                                              const RecordHeader& record) const {
  if (RecordBytes(record.payload_bytes) > readable_bytes() - offset_bytes) return false;
  const auto payload = std::make_unique_for_overwrite<uint8_t[]>(record.payload_bytes);
  const std::span<uint8_t> bytes(payload.get(), record.payload_bytes);
  ARROW_RETURN_NOT_OK(file_->ReadAt(offset_bytes + kRecordHeaderBytes, bytes));
  return base::Crc32c(0, bytes) == record.payload_crc;
}

arrow::Result<LogSegmentReader::Beyond> LogSegmentReader::LookBeyond(
    int64_t bad_offset_bytes) const {
  constexpr int64_t kStepBytes = 1 << 20;
  Beyond beyond;
  // Records begin at multiples of 8.
  const int64_t first = (bad_offset_bytes + 8) / 8 * 8;
  if (first >= readable_bytes()) return beyond;
  const auto bytes = std::make_unique_for_overwrite<uint8_t[]>(
      static_cast<size_t>(std::min(readable_bytes() - first, kStepBytes + kRecordHeaderBytes)));
  const uint32_t magic = codec_.magic();
  for (int64_t begin = first; begin < readable_bytes(); begin += kStepBytes) {
    const int64_t size = std::min(readable_bytes() - begin, kStepBytes + kRecordHeaderBytes);
    ARROW_RETURN_NOT_OK(file_->ReadAt(begin, {bytes.get(), static_cast<size_t>(size)}));
    const int64_t last = std::min(kStepBytes - 8, size - kRecordHeaderBytes);
    for (int64_t at = 0; at <= last; at += 8) {
      if (std::memcmp(bytes.get() + at, &magic, sizeof(magic)) != 0) continue;
      const auto record = codec_.Decode(bytes.get() + at, begin + at);
      if (!record) continue;
      if (record->synced_through_bytes <= begin + at) {
        beyond.synced_through_bytes =
            std::max(beyond.synced_through_bytes, record->synced_through_bytes);
      }
      if (beyond.next_record_bytes) continue;
      ARROW_ASSIGN_OR_RAISE(const bool is_whole, IsWhole(begin + at, *record));
      if (is_whole) beyond.next_record_bytes = begin + at;
    }
  }
  return beyond;
}

}  // namespace larnax::head
