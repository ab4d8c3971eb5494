#include "base/number_text.h"

#include <limits>
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
