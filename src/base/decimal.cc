#include "base/decimal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace larnax::base {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr int kMinPower = -292;
constexpr int kMaxPower = 324;
constexpr int kFractionBits = 52;
constexpr int kExponentBias = 1075;  // Of the fraction taken as a whole number.

// floor(log2(10^power)), exact where powers may be.
constexpr int FloorLog2Pow10(int power) { return power * 1741647 >> 19; }

// A whole number of up to 1,152 bits, lowest word first.
class BigNumber {
 public:
  void MultiplyBy(uint32_t factor) {
    uint64_t carry = 0;
    for (uint32_t& word : words_) {
      carry += uint64_t{word} * factor;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  void SetBit(int bit) { words_[static_cast<size_t>(bit / 32)] |= uint32_t{1} << (bit % 32); }
  bool Bit(int bit) const {
    return bit >= 0 && (words_[static_cast<size_t>(bit / 32)] >> (bit % 32) & 1) != 0;
  }
  bool AnyBelow(int bit) const {
    for (int i = 0; i < bit; ++i) {
      if (Bit(i)) return true;
    }
    return false;
  }
  bool AtLeast(const BigNumber& other) const {
    for (size_t i = words_.size(); i-- > 0;) {
      if (words_[i] != other.words_[i]) return words_[i] > other.words_[i];
    }
    return true;
  }
  void Subtract(const BigNumber& other) {
    int64_t borrow = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      borrow += int64_t{words_[i]} - other.words_[i];
      words_[i] = static_cast<uint32_t>(borrow);
      borrow >>= 32;
    }
  }

 private:
  std::array<uint32_t, 36> words_{};
};

// 10^power as a fraction of 128 bits whose first is set, rounded up.
Uint128 TopBitsOf(const BigNumber& power_of_ten, int power) {
  const int top = FloorLog2Pow10(power);
  Uint128 bits = 0;
  for (int bit = top; bit > top - 128; --bit) bits = bits << 1 | (power_of_ten.Bit(bit) ? 1 : 0);
  return power_of_ten.AnyBelow(top - 127) ? bits + 1 : bits;
}

// The same of 10^-power, by dividing 1 by 10^power bit by bit.
Uint128 TopBitsOfInverse(const BigNumber& power_of_ten, int power) {
  BigNumber rest;
  rest.SetBit(-FloorLog2Pow10(-power));
  Uint128 bits = 0;
  for (int i = 0; i < 128; ++i) {
    const bool one = rest.AtLeast(power_of_ten);
    if (one) rest.Subtract(power_of_ten);
    bits = bits << 1 | (one ? 1 : 0);
    rest.MultiplyBy(2);
  }
  return bits + 1;
}

using Powers = std::array<Uint128, kMaxPower - kMinPower + 1>;

Powers MakePowers() {
  Powers powers;
  BigNumber power_of_ten;
  power_of_ten.SetBit(0);
  for (int power = 0; power <= kMaxPower; ++power) {
    powers[static_cast<size_t>(power - kMinPower)] = TopBitsOf(power_of_ten, power);
    if (power > 0 && -power >= kMinPower) {
      powers[static_cast<size_t>(-power - kMinPower)] = TopBitsOfInverse(power_of_ten, power);
    }
    power_of_ten.MultiplyBy(10);
  }
  return powers;
}

Uint128 PowerOfTen(int power) {
  static const Powers kPowers = MakePowers();
  return kPowers[static_cast<size_t>(power - kMinPower)];
}

// power * factor / 2^127; what is cut off shows in the last bit.
uint64_t RoundToOdd(Uint128 power, uint64_t factor) {
  const Uint128 low = static_cast<Uint128>(static_cast<uint64_t>(power)) * factor;
  const Uint128 high =
      static_cast<Uint128>(static_cast<uint64_t>(power >> 64)) * factor + (low >> 64);
  return static_cast<uint64_t>(high >> 64) | (static_cast<uint64_t>(high) > 1 ? 1 : 0);
}

Decimal WithoutZeros(uint64_t digits, int exponent) {
  if (digits % 100'000'000 == 0) {
    digits /= 100'000'000;
    exponent += 8;
  }
  while (digits % 10 == 0) {
    digits /= 10;
    ++exponent;
  }
  return {digits, exponent};
}

// The decimal of `fraction` * 2^`exponent`: of all within half a gap to the doubles beside it.
Decimal DecimalBetweenNeighbours(uint64_t fraction, int exponent, bool lower_is_closer) {
  // Ends of the gap belong to it where reading rounds to this double.
  const uint64_t open = fraction % 2;
  // floor(log10(2^exponent)), or of three quarters of that.
  const int power = (exponent * 1262611 - (lower_is_closer ? 524031 : 0)) >> 22;
  const int shift = exponent + FloorLog2Pow10(-power) + 1;
  const Uint128 scale = PowerOfTen(-power);
  const uint64_t lower =
      RoundToOdd(scale, (4 * fraction - 2 + (lower_is_closer ? 1 : 0)) << shift) + open;
  const uint64_t value = RoundToOdd(scale, 4 * fraction << shift);
  const uint64_t upper = RoundToOdd(scale, (4 * fraction + 2) << shift) - open;

  const uint64_t digits = value / 4;
  if (digits >= 10) {
    const uint64_t shorter = digits / 10;
    const bool below = lower <= 40 * shorter;
    const bool above = 40 * shorter + 40 <= upper;
    if (below != above) return WithoutZeros(shorter + (above ? 1 : 0), power + 1);
  }
  const bool below = lower <= 4 * digits;
  const bool above = 4 * digits + 4 <= upper;
  const uint64_t middle = 4 * digits + 2;
  const bool up = below != above ? above : value > middle || (value == middle && digits % 2 == 1);
  return WithoutZeros(digits + (up ? 1 : 0), power);
}

constexpr std::array<uint64_t, 20> MakePowersOfTen() {
  std::array<uint64_t, 20> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr std::array<uint64_t, 20> kPowersOfTen = MakePowersOfTen();

int CountDigits(uint64_t value) {
  // log10(2) of the bits is the count or one less. 0 has one digit, too.
  const int least = static_cast<int>(std::bit_width(value)) * 1233 >> 12;
  return least + (value >= kPowersOfTen[static_cast<size_t>(least)] || value == 0 ? 1 : 0);
}

constexpr uint64_t kEightDigits = 100'000'000;

// The text of a number below 10^8, zeros in front, first digit in the lowest byte: halves, quarters
// and digits are divided side by side, by multiplying.
inline uint64_t EightDigits(uint64_t value) {
  const uint64_t halves = value / 10'000 | value % 10'000 << 32;
  const uint64_t hundreds = (halves * 10486 >> 20) & 0x0000'007f'0000'007f;
  const uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
  const uint64_t tens = (pairs * 103 >> 10) & 0x000f'000f'000f'000f;
  return (tens | (pairs - tens * 10) << 8) | 0x3030'3030'3030'3030;
}

void WriteEight(uint64_t text, char* out) {
  if constexpr (std::endian::native == std::endian::big) text = __builtin_bswap64(text);
  std::memcpy(out, &text, sizeof(text));
}

// Writes the digits after a point: a number below 10^count, zeros in front. Up to 16 bytes, or 24.
inline void WriteDecimals(uint64_t value, size_t count, char* out) {
  if (count > 16) {
    WriteEight(EightDigits(value / kPowersOfTen[16]) >> 8 * (24 - count), out);
    out += count - 16;
    value %= kPowersOfTen[16];
  } else {
    // Zeros behind that nobody looks at: always as many digits, without a branch.
    value *= kPowersOfTen[16 - count];
  }
  WriteEight(EightDigits(value / kEightDigits), out);
  WriteEight(EightDigits(value % kEightDigits), out + 8);
}

}  // namespace

Decimal ShortestDecimal(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint64_t low = bits & ((uint64_t{1} << kFractionBits) - 1);
  const int high = static_cast<int>(bits >> kFractionBits);
  if (high == 0) return DecimalBetweenNeighbours(low, 1 - kExponentBias, false);
  const uint64_t fraction = low | uint64_t{1} << kFractionBits;
  const int exponent = high - kExponentBias;
  if (exponent <= 0 && exponent >= -kFractionBits && std::countr_zero(fraction) >= -exponent) {
    return WithoutZeros(fraction >> -exponent, 0);
  }
  return DecimalBetweenNeighbours(fraction, exponent, low == 0 && high > 1);
}

char* WriteUnsigned(uint64_t value, char* out) {
  const auto count = static_cast<size_t>(CountDigits(value));
  if (value < kEightDigits) {
    WriteEight(EightDigits(value) >> 8 * (8 - count), out);
  } else {
    WriteDecimals(value, count, out);
  }
  return out + count;
}

char* WritePlain(double value, char* out) {
  if (std::signbit(value)) *out++ = '-';
  value = std::abs(value);
  if (value == 0) {
    *out = '0';
    return out + 1;
  }
  const auto [digits, exponent] = ShortestDecimal(value);
  if (exponent >= 0) {
    out = WriteUnsigned(digits, out);
    std::memset(out, '0', static_cast<size_t>(exponent));
    return out + exponent;
  }
  const auto decimals = static_cast<size_t>(-exponent);
  // 17 digits are less than the last power, and so than any beyond.
  const uint64_t unit = kPowersOfTen[std::min(decimals, kPowersOfTen.size() - 1)];
  out = WriteUnsigned(digits / unit, out);
  *out++ = '.';
  WriteDecimals(digits % unit, decimals, out);
  return out + decimals;
}

char* WriteScientific(double value, char* out) {
  if (std::signbit(value)) *out++ = '-';
  value = std::abs(value);
  const auto [digits, exponent] = value == 0 ? Decimal{} : ShortestDecimal(value);
  const int count = static_cast<int>(WriteUnsigned(digits, out + 1) - (out + 1));
  out[0] = out[1];
  out[1] = '.';
  out += count == 1 ? 1 : count + 1;
  const int power = exponent + count - 1;
  *out++ = 'e';
  *out++ = power < 0 ? '-' : '+';
  const auto magnitude = static_cast<uint64_t>(std::abs(power));
  if (magnitude < 10) *out++ = '0';
  return WriteUnsigned(magnitude, out);
}

}  // namespace larnax::base
