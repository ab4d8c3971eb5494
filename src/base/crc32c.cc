#include "base/crc32c.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace larnax::base {
namespace {

// The polynomial with its bits reversed, as the checksum shifts to the right.
constexpr uint32_t kPolynomial = 0x82f63b78;

using ByteTable = std::array<uint32_t, 256>;

// kTables[k][b]: what byte b does to the checksum when k more bytes follow it in the same step.
constexpr std::array<ByteTable, 8> MakeTables() {
  std::array<ByteTable, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr std::array<ByteTable, 8> kTables = MakeTables();

uint64_t LoadLittle64(const uint8_t* from) {
  uint64_t value = 0;
  std::memcpy(&value, from, sizeof(value));
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}

#if defined(__x86_64__)

// The instruction takes a step a cycle but answers after three, so three stretches are summed
// side by side, then joined.
constexpr size_t kStretchBytes = 1024;

// kShift[k][b]: what byte k of a checksum, being b, becomes after kStretchBytes zero bytes.
std::array<ByteTable, 4> MakeShift() {
  std::array<ByteTable, 4> shift{};
  for (size_t k = 0; k < 4; ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte << (8 * k);
      for (size_t i = 0; i < kStretchBytes; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
      shift[k][byte] = crc;
    }
  }
  return shift;
}

uint32_t ShiftByStretch(const std::array<ByteTable, 4>& shift, uint32_t crc) {
  return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^
         shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint32_t Crc32cBySse42(uint32_t start,
                                                         std::span<const uint8_t> bytes) {
  static const std::array<ByteTable, 4> shift = MakeShift();
  uint64_t crc = ~start;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  while (left >= 3 * kStretchBytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kStretchBytes; i += 8) {
      crc = _mm_crc32_u64(crc, LoadLittle64(at + i));
      second = _mm_crc32_u64(second, LoadLittle64(at + kStretchBytes + i));
      third = _mm_crc32_u64(third, LoadLittle64(at + 2 * kStretchBytes + i));
    }
    crc = ShiftByStretch(shift, static_cast<uint32_t>(crc)) ^ second;
    crc = ShiftByStretch(shift, static_cast<uint32_t>(crc)) ^ third;
    at += 3 * kStretchBytes;
    left -= 3 * kStretchBytes;
  }
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, LoadLittle64(at));
  auto narrow = static_cast<uint32_t>(crc);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, *at);
  return ~narrow;
}

#endif

}  // namespace

uint32_t Crc32cPortable(uint32_t crc, std::span<const uint8_t> bytes) {
  crc = ~crc;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const uint64_t step = LoadLittle64(at) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(step >> (8 * k)) & 0xff];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ *at) & 0xff];
  return ~crc;
}

uint32_t Crc32c(uint32_t crc, std::span<const uint8_t> bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return Crc32cBySse42(crc, bytes);
#endif
  return Crc32cPortable(crc, bytes);
}

}  // namespace larnax::base
