// Layout, little-endian (docs/format/wal.md says why):
//
//   segment header, 64 bytes             record header, 32 bytes, at a multiple of 8
//    0  8  "LARNAXWL"                     0  4  magic: low half of the salt
//    8  4  version, 1                     4  4  payload bytes
//   12  4  0                              8  4  CRC-32C of the payload
//   16  8  segment                       12  1  type
//   24  8  salt                          13  3  0
//   32  8  previous segment, 0: none     16  8  synced through: bytes of this segment
//   40  8  previous segment's end        24  4  0
//   48  8  created, Unix ms              28  4  CRC-32C of salt, segment, bytes 0..27, offset
//   56  4  0                             then the payload and zeros up to a multiple of 8
//   60  4  CRC-32C of bytes 0..59
#include "head/log_format.h"

#include <bit>
#include <cstring>

#include "base/crc32c.h"

namespace larnax::head {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are logged as in memory");

constexpr char kSegmentMagic[] = "LARNAXWL";
constexpr uint32_t kVersion = 1;
constexpr size_t kNameDigits = 12;
constexpr char kNameEnd[] = ".log";

template <typename Integer>
void Put(uint8_t* at, Integer value) {
  std::memcpy(at, &value, sizeof(value));
}

template <typename Integer>
Integer Get(const uint8_t* at) {
  Integer value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

}  // namespace

SegmentHeaderBytes EncodeSegmentHeader(const SegmentHeader& header) {
  SegmentHeaderBytes bytes{};
  std::memcpy(bytes.data(), kSegmentMagic, 8);
  Put(bytes.data() + 8, kVersion);
  Put(bytes.data() + 16, header.segment);
  Put(bytes.data() + 24, header.salt);
  Put(bytes.data() + 32, header.previous.segment);
  Put(bytes.data() + 40, header.previous.offset_bytes);
  Put(bytes.data() + 48, header.created_ms);
  Put(bytes.data() + 60, base::Crc32c(0, {bytes.data(), 60}));
  return bytes;
}

SegmentHeaderState DecodeSegmentHeader(std::span<const uint8_t, kSegmentHeaderBytes> bytes,
                                       uint64_t segment, SegmentHeader* header) {
  const uint8_t* at = bytes.data();
  if (std::memcmp(at, kSegmentMagic, 8) != 0 ||
      Get<uint32_t>(at + 60) != base::Crc32c(0, bytes.first(60))) {
    return SegmentHeaderState::kInvalid;
  }
  if (Get<uint32_t>(at + 8) != kVersion) return SegmentHeaderState::kNewer;
  header->segment = Get<uint64_t>(at + 16);
  header->salt = Get<uint64_t>(at + 24);
  header->previous = {Get<uint64_t>(at + 32), Get<int64_t>(at + 40)};
  header->created_ms = Get<int64_t>(at + 48);
  const bool makes_sense =
      header->segment == segment && header->previous.segment < segment &&
      (header->previous.segment == 0 || header->previous.offset_bytes >= kSegmentHeaderBytes);
  return makes_sense ? SegmentHeaderState::kValid : SegmentHeaderState::kInvalid;
}

RecordHeaderCodec::RecordHeaderCodec(uint64_t segment, uint64_t salt)
    : magic_(static_cast<uint32_t>(salt)) {
  std::array<uint8_t, 16> identity;
  Put(identity.data(), salt);
  Put(identity.data() + 8, segment);
  seed_ = base::Crc32c(0, identity);
}

uint32_t RecordHeaderCodec::Checksum(const uint8_t* bytes, int64_t offset_bytes) const {
  std::array<uint8_t, 36> covered;
  std::memcpy(covered.data(), bytes, 28);
  Put(covered.data() + 28, offset_bytes);
  return base::Crc32c(seed_, covered);
}

void RecordHeaderCodec::Encode(const RecordHeader& header, int64_t offset_bytes,
                               uint8_t* out) const {
  Put(out, magic_);
  Put(out + 4, header.payload_bytes);
  Put(out + 8, header.payload_crc);
  Put(out + 12, uint32_t{header.type});
  Put(out + 16, header.synced_through_bytes);
  Put(out + 24, uint32_t{0});
  Put(out + 28, Checksum(out, offset_bytes));
}

std::optional<RecordHeader> RecordHeaderCodec::Decode(const uint8_t* from,
                                                      int64_t offset_bytes) const {
  if (Get<uint32_t>(from) != magic_) return std::nullopt;
  if (Get<uint32_t>(from + 28) != Checksum(from, offset_bytes)) return std::nullopt;
  RecordHeader header;
  header.payload_bytes = Get<uint32_t>(from + 4);
  header.payload_crc = Get<uint32_t>(from + 8);
  header.type = from[12];
  header.synced_through_bytes = Get<int64_t>(from + 16);
  return header;
}

std::string SegmentFileName(uint64_t segment) {
  std::string digits = std::to_string(segment);
  if (digits.size() < kNameDigits) digits.insert(0, kNameDigits - digits.size(), '0');
  return digits + kNameEnd;
}

std::optional<uint64_t> ParseSegmentFileName(const std::string& name) {
  if (name.size() != kNameDigits + 4 || name.substr(kNameDigits) != kNameEnd) return std::nullopt;
  uint64_t segment = 0;
  for (const char digit : name.substr(0, kNameDigits)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    segment = segment * 10 + static_cast<uint64_t>(digit - '0');
  }
  if (segment == 0) return std::nullopt;
  return segment;
}

}  // namespace larnax::head
