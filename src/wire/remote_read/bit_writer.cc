#include "wire/remote_read/bit_writer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace larnax::wire {

namespace {

// Widths of a varbit, after 1, 2, 3, ... ones and a zero; the last has no zero.
constexpr std::array<int, 8> kVarbitWidths = {3, 6, 9, 12, 18, 25, 56, 64};

void PutVarbit(uint64_t value, size_t width_index, BitWriter* out) {
  const auto ones = static_cast<int>(width_index) + 1;
  const bool is_last = width_index + 1 == kVarbitWidths.size();
  out->Bits(~uint64_t{0} << (is_last ? 0 : 1), is_last ? ones : ones + 1);
  out->Bits(value, kVarbitWidths[width_index]);
}

}  // namespace

void BitWriter::Varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) Bits(value | 0x80, 8);
  Bits(value, 8);
}

void BitWriter::VarbitInt(int64_t value) {
  if (value == 0) return Bit(false);
  size_t i = 0;
  while (i + 1 < kVarbitWidths.size() && !FitsBits(value, kVarbitWidths[i])) ++i;
  PutVarbit(static_cast<uint64_t>(value), i, this);
}

void BitWriter::VarbitUint(uint64_t value) {
  if (value == 0) return Bit(false);
  size_t i = 0;
  while (i + 1 < kVarbitWidths.size() && value >> kVarbitWidths[i] != 0) ++i;
  PutVarbit(value, i, this);
}

std::string BitWriter::Finish() {
  if (filled_ > 0) {
    const int used = (filled_ + 7) / 8;
    bits_ <<= 64 - filled_;
    Spill(used);
  }
  bits_ = 0;
  filled_ = 0;
  return std::exchange(bytes_, {});
}

void XorWriter::Write(double value, BitWriter* out) {
  constexpr int kMaxLeading = 31;  // Five bits.
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint64_t difference = bits ^ previous_;
  previous_ = bits;
  if (difference == 0) return out->Bit(false);
  out->Bit(true);
  const int leading = std::min(std::countl_zero(difference), kMaxLeading);
  const int trailing = std::countr_zero(difference);
  if (leading_ >= 0 && leading >= leading_ && trailing >= trailing_) {
    out->Bit(false);
  } else {
    leading_ = leading;
    trailing_ = trailing;
    out->Bit(true);
    out->Bits(static_cast<uint64_t>(leading), 5);
    // All 64 bits are written as 0.
    out->Bits(static_cast<uint64_t>(64 - leading - trailing) & 63, 6);
  }
  out->Bits(difference >> trailing_, 64 - leading_ - trailing_);
}

}  // namespace larnax::wire
