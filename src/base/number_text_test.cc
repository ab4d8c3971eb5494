#include "base/number_text.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace larnax::base {
namespace {

std::string Shortest(double value) {
  std::string out;
  AppendShortest(value, &out);
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendQuoted(text, &out);
  return out;
}

TEST(AppendShortest, PrintsAsGoDoes) {
  EXPECT_EQ(Shortest(0), "0");
  EXPECT_EQ(Shortest(-0.0), "-0");
  EXPECT_EQ(Shortest(0.1), "0.1");
  EXPECT_EQ(Shortest(100000), "100000");
  EXPECT_EQ(Shortest(999999.5), "999999.5");
  EXPECT_EQ(Shortest(1e6), "1e+06");
  EXPECT_EQ(Shortest(-1234567), "-1.234567e+06");
  EXPECT_EQ(Shortest(0.0001), "0.0001");
  EXPECT_EQ(Shortest(0.00001234), "1.234e-05");
  EXPECT_EQ(Shortest(1e100), "1e+100");
  EXPECT_EQ(Shortest(std::numeric_limits<double>::denorm_min()), "5e-324");
}

TEST(AppendShortest, PrintsWhatIsNoNumber) {
  EXPECT_EQ(Shortest(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(Shortest(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(Shortest(-std::numeric_limits<double>::infinity()), "-Inf");
}

// As the standard library, which prints the shortest digits too; but what is above 2^53 without
// an exponent it prints exactly.
std::string Expected(double value, std::chars_format format) {
  char text[400];
  return std::string(text, std::to_chars(text, std::end(text), value, format).ptr);
}

std::string Value(double value) {
  std::string out(kMaxNumberBytes, 0);
  out.resize(static_cast<size_t>(WriteValue(value, out.data()) - out.data()));
  return out;
}

void ExpectAsTheStandardDoes(double value) {
  const double magnitude = std::abs(value);
  if (!std::isfinite(value) || magnitude == 0) return;
  const bool is_plain = magnitude >= 1e-6 && magnitude < 1e21;
  if (is_plain && magnitude > 9007199254740992.0) return;
  const auto scientific = std::chars_format::scientific;
  ASSERT_EQ(Value(value), Expected(value, is_plain ? std::chars_format::fixed : scientific));
  if (magnitude < 1e6 && magnitude >= 1e-4) return;
  ASSERT_EQ(Shortest(value), Expected(value, scientific));
}

TEST(WriteValue, PrintsDigitsAsTheStandardDoes) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> fraction(-1, 1);
  for (int i = 0; i < 100'000; ++i) {
    ExpectAsTheStandardDoes(std::bit_cast<double>(random()));
    ExpectAsTheStandardDoes(fraction(random) * 1e5);
    ExpectAsTheStandardDoes(static_cast<double>(random() % 1'000'000) / 1000);
    ExpectAsTheStandardDoes(std::ldexp(fraction(random), static_cast<int>(random() % 140) - 70));
  }
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    ExpectAsTheStandardDoes(std::ldexp(1, exponent));
    ExpectAsTheStandardDoes(std::nextafter(std::ldexp(1, exponent), 0));
  }
  for (int exponent = -307; exponent < 309; ++exponent) {
    const double power = std::stod("1e" + std::to_string(exponent));
    for (const double value : {power, std::nextafter(power, 0), std::nextafter(power, 1e308)}) {
      ExpectAsTheStandardDoes(value);
      ExpectAsTheStandardDoes(-value);
    }
  }
}

TEST(WriteValue, PadsLargeNumbersWithZeros) {
  EXPECT_EQ(Value(9007199254740993e3), "9007199254740993000");
  EXPECT_EQ(Value(-123456789012345680000.0), "-123456789012345680000");
  EXPECT_EQ(Value(999999999999999900000.0), "999999999999999900000");
  EXPECT_EQ(Value(1e21), "1e+21");
  EXPECT_EQ(Value(9.999999e-7), "9.999999e-07");
  EXPECT_EQ(Value(-0.0), "-0");
}

TEST(AppendQuoted, EscapesWhatIsNotPrintable) {
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a\"b\\c\n\t"), R"("a\"b\\c\n\t")");
  EXPECT_EQ(Quoted(std::string_view("\0\x7f", 2)), R"("\x00\x7f")");
  EXPECT_EQ(Quoted("ü€😀"), "\"ü€😀\"");
  EXPECT_EQ(Quoted("\xc2\xa0\xe2\x80\xa8\xf3\xa0\x80\x81"), R"("\u00a0\u2028\U000e0001")");
}

TEST(AppendQuoted, EscapesInvalidBytesOneByOne) {
  EXPECT_EQ(Quoted("\xff\xc3z"), R"("\xff\xc3z")");
  EXPECT_EQ(Quoted("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace larnax::base
