#pragma once

#include <bit>
#include <cstdint>
#include <string>

namespace larnax::wire {

/// Write numbers of any width one behind the other, the highest bit first, as Prometheus' chunks
/// have them.
class BitWriter {
 public:
  /// Append the lowest `count` bits of `value`, 0 to 64.
  void Bits(uint64_t value, int count) {
    const int room = 64 - filled_;
    if (count < room) {
      bits_ = bits_ << count | (value & Mask(count));
      filled_ += count;
      return;
    }
    const int rest = count - room;
    // Shifts by 64 are undefined: with `room` 64 there is nothing yet in `bits_`.
    bits_ = (room == 64 ? 0 : bits_ << room) | (value >> rest & Mask(room));
    Spill(8);
    bits_ = value & Mask(rest);
    filled_ = rest;
  }
  void Bit(bool bit) { Bits(bit ? 1 : 0, 1); }
  /// Append a varint of whole bytes, which need not begin at a byte.
  void Varint(uint64_t value);
  /// Append a number as Prometheus' varbit_int and varbit_uint.
  void VarbitInt(int64_t value);
  void VarbitUint(uint64_t value);

  /// Bytes begun so far.
  size_t size() const { return bytes_.size() + static_cast<size_t>(filled_ + 7) / 8; }
  /// Fill up the last byte with zeros and give all; the writer is then empty.
  std::string Finish();

 private:
  static uint64_t Mask(int count) {
    return count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
  }
  void Spill(int count) {
    for (int i = 0; i < count; ++i) bytes_.push_back(static_cast<char>(bits_ >> (56 - 8 * i)));
  }

  std::string bytes_;
  uint64_t bits_ = 0;  // The last `filled_` bits, in its lowest ones.
  int filled_ = 0;     // 0 to 63.
};

/// Tell whether a number is written in `count` bits: -(2^(count-1) - 1) to 2^(count-1).
constexpr bool FitsBits(int64_t value, int count) {
  const int64_t most = int64_t{1} << (count - 1);
  return value > -most && value <= most;
}

/// Writes floats, each as its difference in bits from the one before.
class XorWriter {
 public:
  /// Write the first value, or set it where it is written otherwise.
  void Start(double value) { previous_ = std::bit_cast<uint64_t>(value); }
  void Write(double value, BitWriter* out);

 private:
  uint64_t previous_ = 0;
  int leading_ = -1;  // Zero bits before and after the window; -1: no window yet.
  int trailing_ = 0;
};

}  // namespace larnax::wire
