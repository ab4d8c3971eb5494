#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/varint.h"

namespace larnax::wire {

/// Wire types of protobuf fields. Groups (3, 4) are refused: no message here has ever had one.
enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// Key of a field as one integer, for `switch`: the field number and how it is written.
constexpr uint32_t FieldKey(uint32_t field, WireType type) {
  return field << 3 | static_cast<uint32_t>(type);
}

/// Walk the fields of one protobuf message. Borrows the bytes.
///
/// Every function gives false when the bytes are cut off or malformed; `at()` is then the place.
class MessageReader {
 public:
  MessageReader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}
  explicit MessageReader(std::string_view bytes)
      : MessageReader(reinterpret_cast<const uint8_t*>(bytes.data()),
                      reinterpret_cast<const uint8_t*>(bytes.data()) + bytes.size()) {}

  bool AtEnd() const { return at_ == end_; }
  const uint8_t* at() const { return at_; }
  const uint8_t* end() const { return end_; }
  void MoveTo(const uint8_t* at) { at_ = at; }

  /// Read a field's key, see FieldKey.
  bool Key(uint32_t* key) {
    const uint8_t* const start = at_;
    uint64_t value = 0;
    if (!Varint(&value)) return false;
    const auto type = static_cast<uint8_t>(value & 7);
    const bool known = type <= 2 || type == 5;
    if (!known || value >> 3 == 0 || value > UINT32_MAX) {
      at_ = start;
      return false;
    }
    *key = static_cast<uint32_t>(value);
    return true;
  }
  bool Varint(uint64_t* value) {
    const uint8_t* const next = base::GetVarint(at_, end_, value);
    if (next == nullptr) return false;
    at_ = next;
    return true;
  }
  bool Fixed64(uint64_t* value) {
    static_assert(std::endian::native == std::endian::little);
    if (end_ - at_ < 8) return false;
    std::memcpy(value, at_, 8);
    at_ += 8;
    return true;
  }
  /// Read a length and that many bytes.
  bool Bytes(std::string_view* bytes) {
    const uint8_t* const start = at_;
    uint64_t size = 0;
    if (!Varint(&size) || size > static_cast<uint64_t>(end_ - at_)) {
      at_ = start;
      return false;
    }
    *bytes = {reinterpret_cast<const char*>(at_), static_cast<size_t>(size)};
    at_ += size;
    return true;
  }
  /// Move past the value of a field that is of no interest.
  bool Skip(uint32_t key) {
    uint64_t number = 0;
    std::string_view bytes;
    switch (static_cast<WireType>(key & 7)) {
      case WireType::kVarint:
        return Varint(&number);
      case WireType::kFixed64:
        return Fixed64(&number);
      case WireType::kBytes:
        return Bytes(&bytes);
      case WireType::kFixed32:
        if (end_ - at_ < 4) return false;
        at_ += 4;
        return true;
    }
    return false;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace larnax::wire
