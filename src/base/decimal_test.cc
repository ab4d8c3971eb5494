#include "base/decimal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace larnax::base {
namespace {

// What a writer writes; fails where it touches more than its room.
template <typename Writer, typename Number>
std::string Text(Writer writer, Number value) {
  constexpr char kUntouched = '#';
  std::array<char, kMaxNumberBytes + 32> buffer;
  buffer.fill(kUntouched);
  std::string text(buffer.data(), writer(value, buffer.data()));
  EXPECT_TRUE(std::all_of(buffer.begin() + kMaxNumberBytes, buffer.end(), [](char c) {
    return c == kUntouched;
  })) << text;
  return text;
}

std::string Plain(double value) { return Text(WritePlain, value); }
std::string Scientific(double value) { return Text(WriteScientific, value); }

// The standard library's shortest digits, found another way.
std::string Standard(double value, std::chars_format format) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  return {buffer.data(), end};
}

TEST(WriteScientific, PrintsTheShortestDigits) {
  for (const double value :
       {0.0, -0.0, 1.0, -1.0, 0.1, 0.3, 2.0 / 3, 1e23, 9007199254740993.0, 1e-310, 123456.0,
        std::numeric_limits<double>::min(), std::numeric_limits<double>::max(),
        std::numeric_limits<double>::lowest(), std::numeric_limits<double>::denorm_min()}) {
    EXPECT_EQ(Scientific(value), Standard(value, std::chars_format::scientific));
  }
}

TEST(WriteScientific, AgreesWithTheStandardLibrary) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(Scientific(value), Standard(value, std::chars_format::scientific));
  }
}

// Where the gap below is half as wide, and where doubles begin to be whole numbers.
TEST(WriteScientific, AgreesAtAllPowersOfTwoAndBesideThem) {
  for (int exponent = -1074; exponent <= 1023; ++exponent) {
    const double power = std::ldexp(1.0, exponent);
    for (const double value : {std::nextafter(power, 0.0), power, std::nextafter(power, 1e308)}) {
      ASSERT_EQ(Scientific(value), Standard(value, std::chars_format::scientific));
    }
  }
}

TEST(WritePlain, AgreesWithTheStandardLibrary) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> exponent(-6.9, 15.9);
  for (int i = 0; i < 100'000; ++i) {
    double value = std::pow(10, exponent(random)) * (i % 2 == 0 ? 1 : -1);
    // Of all lengths: measured values are often short.
    if (i % 4 < 2) value = std::round(value * 1000) / 1000;
    if (std::abs(value) < 1e-7) continue;
    ASSERT_EQ(Plain(value), Standard(value, std::chars_format::fixed));
  }
}

TEST(WritePlain, PadsLargeNumbersWithZeros) {
  EXPECT_EQ(Plain(0), "0");
  EXPECT_EQ(Plain(-0.0), "-0");
  EXPECT_EQ(Plain(1e21), "1000000000000000000000");
  EXPECT_EQ(Plain(-1234567890123456789.0), "-1234567890123456800");
  EXPECT_EQ(Plain(1e-7), "0.0000001");
}

// With 16 digits before the point there is no shorter way to touch as many bytes.
TEST(WritePlain, KeepsToItsRoom) {
  EXPECT_EQ(Plain(-1234567890123456.8), "-1234567890123456.8");
  EXPECT_EQ(Plain(1234567890123456.75), "1234567890123456.8");
  EXPECT_EQ(Plain(-0.00000012345678901234566), "-0.00000012345678901234566");
}

TEST(WriteUnsigned, CountsDigits) {
  for (uint64_t value = 1, step = 0; step < 20; ++step, value *= 10) {
    for (const uint64_t one : {value - 1, value, value + 1}) {
      EXPECT_EQ(Text(WriteUnsigned, one), std::to_string(one));
    }
  }
  const uint64_t last = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(Text(WriteUnsigned, last), std::to_string(last));
}

}  // namespace
}  // namespace larnax::base
