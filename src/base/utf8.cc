#include "base/utf8.h"

#include <cstring>

namespace larnax::base {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr uint64_t kHighBits = 0x8080808080808080;

bool IsContinuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Length of the valid sequence at `at`, or 0.
size_t SequenceLength(const uint8_t* at, size_t left) {
  const uint8_t lead = at[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return left >= 2 && IsContinuation(at[1]) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !IsContinuation(at[1]) || !IsContinuation(at[2])) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0;   // Overlong.
    if (lead == 0xED && at[1] >= 0xA0) return 0;  // Surrogate.
    return 3;
  }
  if (lead > 0xF4 || left < 4) return 0;
  if (!IsContinuation(at[1]) || !IsContinuation(at[2]) || !IsContinuation(at[3])) return 0;
  if (lead == 0xF0 && at[1] < 0x90) return 0;   // Overlong.
  if (lead == 0xF4 && at[1] >= 0x90) return 0;  // Past U+10FFFF.
  return 4;
}

}  // namespace

bool IsValidUtf8(std::string_view bytes) {
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = at + bytes.size();
  while (at != end) {
    // Labels are nearly always ASCII: eight bytes at a time.
    while (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      if ((word & kHighBits) != 0) break;
      at += 8;
    }
    if (at == end) break;
    const size_t length = SequenceLength(at, static_cast<size_t>(end - at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

char32_t NextCodePoint(std::string_view bytes, size_t* position) {
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data()) + *position;
  const size_t length = SequenceLength(at, bytes.size() - *position);
  *position += length == 0 ? 1 : length;
  switch (length) {
    case 1:
      return at[0];
    case 2:
      return static_cast<char32_t>((at[0] & 0x1F) << 6 | (at[1] & 0x3F));
    case 3:
      return static_cast<char32_t>((at[0] & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F));
    case 4:
      return static_cast<char32_t>((at[0] & 0x07) << 18 | (at[1] & 0x3F) << 12 |
                                   (at[2] & 0x3F) << 6 | (at[3] & 0x3F));
    default:
      return kReplacement;
  }
}

void AppendUtf8(char32_t code_point, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  const uint32_t c = code_point;
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace larnax::base
