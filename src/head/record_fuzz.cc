// Input: a byte for the kind of the first record, then records of the log one after the other, each
// behind two bytes with its size.
//
// Whatever the bytes: decoding and replaying them must not crash, and must fail with kCorrupt if it
// fails; what is decoded is encoded to bytes that say the same; what a head took can be captured
// and read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "head/head.h"
#include "head/log.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

// A head keeps an array by ref; one that is large and allowed costs time here and finds nothing.
constexpr uint32_t kMaxRef = 1 << 12;

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

bool HasWildRef(const std::vector<SeriesDefinition>& definitions) {
  for (const SeriesDefinition& definition : definitions) {
    if (definition.ref > kMaxRef) return true;
  }
  return false;
}

// Returns false where the record is not for a head.
bool CheckSamples(std::span<const uint8_t> payload) {
  SampleRecord record;
  const auto status = DecodeSampleRecord(payload, &record);
  LARNAX_CHECK(status.ok() || KindOf(status) == ErrorKind::kCorrupt);
  if (!status.ok()) return true;
  std::string encoded;
  EncodeSampleRecord(record, &encoded);
  SampleRecord again;
  LARNAX_CHECK(DecodeSampleRecord(AsBytes(encoded), &again).ok());
  std::string twice;
  EncodeSampleRecord(again, &twice);
  LARNAX_CHECK(encoded == twice && again.time_ms == record.time_ms && again.refs == record.refs);
  return !HasWildRef(record.definitions);
}

bool CheckNonFloats(std::span<const uint8_t> payload, bool is_old) {
  NonFloatRecord record;
  const auto status =
      is_old ? DecodeOldNonFloatRecord(payload, &record) : DecodeNonFloatRecord(payload, &record);
  LARNAX_CHECK(status.ok() || KindOf(status) == ErrorKind::kCorrupt);
  if (!status.ok()) return true;
  std::string encoded;
  EncodeNonFloatRecord(record, &encoded);
  NonFloatRecord again;
  LARNAX_CHECK(DecodeNonFloatRecord(AsBytes(encoded), &again).ok());
  std::string twice;
  EncodeNonFloatRecord(again, &twice);
  LARNAX_CHECK(encoded == twice && again.histograms.size() == record.histograms.size());
  return !HasWildRef(record.definitions);
}

bool IsForHead(uint8_t type, std::span<const uint8_t> payload) {
  switch (type) {
    case kSampleRecord:
      return CheckSamples(payload);
    case kOldNonFloatRecord:
      return CheckNonFloats(payload, true);
    case kNonFloatRecord:
      return CheckNonFloats(payload, false);
    default:
      return true;
  }
}

void ReadAll(Head* head) {
  const HeadSnapshot snapshot = head->Capture({}, TimeRange());
  SampleColumns columns;
  for (const HeadSeries& series : snapshot.series) {
    LARNAX_CHECK(!series.labels.ToString().empty());
    for (const SeriesCapture& part : series.parts) ReadCapture(part, TimeRange(), &columns);
  }
  (void)head->CaptureExemplars({}, TimeRange());
  (void)head->metadata();
  const auto frozen = head->Freeze();
  LARNAX_CHECK(frozen.ok());
  if (*frozen != nullptr) head->DropFrozen(**frozen);
}

void ReplayAll(uint8_t type, std::span<const uint8_t> bytes) {
  io::SimFileSystem fs(1);
  io::SimClock clock;
  const auto log = Log::Open(fs, clock, "wal", {.salt_seed = 1}).ValueOrDie();
  Head head(log.get(), -1);
  int64_t offset_bytes = kSegmentHeaderBytes;
  while (bytes.size() >= 2) {
    const size_t size = std::min<size_t>(bytes[0] | bytes[1] << 8, bytes.size() - 2);
    const std::span<const uint8_t> payload = bytes.subspan(2, size);
    bytes = bytes.subspan(2 + size);
    const int64_t end = offset_bytes + RecordBytes(size);
    if (IsForHead(type, payload)) {
      const RecordView record{{1, offset_bytes}, {1, end}, type, payload, false};
      const auto status = head.Replay(record, 77);
      LARNAX_CHECK(status.ok() || KindOf(status) == ErrorKind::kCorrupt);
    }
    offset_bytes = end;
    type = static_cast<uint8_t>(type % 3 + 1);
  }
  ReadAll(&head);
}

}  // namespace
}  // namespace larnax::head

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  larnax::head::ReplayAll(static_cast<uint8_t>(data[0] & 3), {data + 1, size - 1});
  return 0;
}
