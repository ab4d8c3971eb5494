// Input: an instruction byte, then either the bytes of a segment's file as they are, or
// places and masks at which a good log is damaged.
//
// Whatever the bytes, replay must not crash, and must hand out only what was appended, in order:
// of a damaged log the first records or, when it may go on past damage, some of them.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "head/log.h"
#include "head/log_replay.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"

namespace larnax::head {
namespace {

constexpr char kFolder[] = "/wal";

std::string PayloadOf(size_t index) {
  return std::to_string(index) + std::string(index * 37 % 200, static_cast<char>('a' + index % 26));
}

void WriteGoodLog(io::SimFileSystem& fs, size_t count) {
  io::SimClock clock;
  const auto log =
      Log::Open(fs, clock, kFolder, {.segment_bytes = 900, .salt_seed = 5}).ValueOrDie();
  for (size_t i = 0; i < count; ++i) {
    const std::string payload = PayloadOf(i);
    log->Append(1, {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
    if (i % 3 == 0) LARNAX_CHECK(log->Commit().ok());
  }
  LARNAX_CHECK(log->Commit().ok());
}

/// Each four bytes: a segment, a place in it, and what to do there.
void Damage(io::SimFileSystem& fs, std::span<const uint8_t> places) {
  for (; places.size() >= 4; places = places.subspan(4)) {
    const std::string path = io::JoinPath(kFolder, SegmentFileName(places[0] % 8 + 1));
    const int64_t offset_bytes = (places[1] | (places[2] & 7) << 8);
    const uint8_t mask = places[3];
    if (mask == 0) {
      ARROW_UNUSED(fs.Truncate(path, offset_bytes));
    } else if (mask == 0xff && places[2] >= 0xf0) {
      ARROW_UNUSED(fs.RemoveFile(path));
    } else {
      ARROW_UNUSED(fs.Corrupt(path, offset_bytes, mask));
    }
  }
}

void WriteRaw(io::SimFileSystem& fs, std::span<const uint8_t> bytes, bool has_good_header) {
  LARNAX_CHECK(fs.MakeDirectories(kFolder).ok());
  const auto file = fs.Create(io::JoinPath(kFolder, SegmentFileName(1))).ValueOrDie();
  if (has_good_header) {
    LARNAX_CHECK(file->Append(EncodeSegmentHeader({1, 0x4242424242424242, {}, 0})).ok());
  }
  LARNAX_CHECK(file->Append(bytes).ok());
}

/// Replay; returns the payloads and whether it came to the end.
bool Replay(io::SimFileSystem& fs, bool goes_on, int threads, std::vector<std::string>* payloads) {
  ReplayOptions options;
  options.threads = threads;
  if (goes_on) {
    options.on_corrupt = [](const LogDamage&) { return arrow::Status::OK(); };
  }
  LogPosition end;
  const auto report = ReplayLog(fs, kFolder, {}, options, [&](const RecordView& record) {
    LARNAX_CHECK(record.position >= end && record.end > record.position);
    end = record.end;
    payloads->emplace_back(record.payload.begin(), record.payload.end());
    return arrow::Status::OK();
  });
  return report.ok();
}

void CheckDamagedLog(std::span<const uint8_t> places, bool goes_on, int threads) {
  constexpr size_t kCount = 24;
  io::SimFileSystem fs(1);
  WriteGoodLog(fs, kCount);
  Damage(fs, places);
  std::vector<std::string> payloads;
  Replay(fs, goes_on, threads, &payloads);
  size_t next = 0;
  for (const std::string& payload : payloads) {
    const size_t first = next;
    while (next < kCount && PayloadOf(next) != payload) ++next;
    LARNAX_CHECK(next < kCount);
    LARNAX_CHECK(goes_on || next == first);
    ++next;
  }
}

void CheckRawLog(std::span<const uint8_t> bytes, bool has_good_header, bool goes_on) {
  io::SimFileSystem fs(1);
  WriteRaw(fs, bytes, has_good_header);
  std::vector<std::string> payloads;
  const bool is_whole = Replay(fs, goes_on, 1, &payloads);
  // A log can always be opened and appended to, and what was read once is read again.
  io::SimClock clock;
  const auto log = Log::Open(fs, clock, kFolder, {.salt_seed = 6});
  if (!log.ok()) return;
  (*log)->Append(1, std::vector<uint8_t>(10));
  LARNAX_CHECK((*log)->Commit().ok());
  if (!is_whole) return;
  std::vector<std::string> again;
  LARNAX_CHECK(Replay(fs, goes_on, 1, &again));
  payloads.emplace_back(10, '\0');
  LARNAX_CHECK(again == payloads);
}

}  // namespace
}  // namespace larnax::head

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 1 << 16) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const bool goes_on = (data[0] & 1) != 0;
  const int threads = (data[0] & 0x70) == 0x70 ? 2 : 1;
  switch (data[0] >> 1 & 3) {
    case 0:
      larnax::head::CheckRawLog(bytes, false, goes_on);
      break;
    case 1:
      larnax::head::CheckRawLog(bytes, true, goes_on);
      break;
    default:
      larnax::head::CheckDamagedLog(bytes, goes_on, threads);
  }
  return 0;
}
