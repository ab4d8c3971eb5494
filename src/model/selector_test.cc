#include <string>

#include "larnax/labels.h"
#include "test/matchers.h"

namespace larnax {
namespace {

std::string Parsed(std::string_view text) {
  const auto matchers = ParseSelector(text);
  if (!matchers.ok()) return matchers.status().message();
  std::string out;
  for (const Matcher& matcher : *matchers) out += matcher.ToString() + ";";
  return out;
}

TEST(ParseSelector, ReadsWhatPromqlWrites) {
  EXPECT_EQ(Parsed("up"), "__name__=\"up\";");
  EXPECT_EQ(Parsed(" a:b {  c = \"d\" , e!~'f.*', g=~`h`, i!=\"\",} "),
            "__name__=\"a:b\";c=\"d\";e!~\"f.*\";g=~\"h\";i!=\"\";");
  EXPECT_EQ(Parsed("{\"a.b\", \"c d\"=\"1\"}"), "__name__=\"a.b\";c d=\"1\";");
  EXPECT_EQ(Parsed("{__name__=~\"x\"}"), "__name__=~\"x\";");
  EXPECT_EQ(Parsed(" {} "), "");
}

TEST(ParseSelector, DecodesEscapes) {
  EXPECT_EQ(Parsed("{a=\"\\x41\\101\\u00e4\\U0001F600\\t\\\"\"}"),
            "a=\"AA\u00e4\U0001F600\t\\\"\";");
  EXPECT_EQ(Parsed("{a=`\\x41`}"), "a=\"\\\\x41\";");
}

TEST(ParseSelector, NamesThePlaceOfAnError) {
  for (const std::string text :
       {"", "{", "}", "up{", "up{a}", "up{a=}", "up{a=b}", "up{a=\"b\"", "up{a=\"b\"}x", "1up",
        "up{a=\"\\q\"}", "up{a=\"\\400\"}", "up{a=\"\\ud800\"}", "up{\"x\"}", "{a=\"b\nc\"}",
        "up{a=\"b\" c=\"d\"}", "up{,}", "up\xff"}) {
    EXPECT_THAT(ParseSelector(text), test::IsKind(ErrorKind::kBadQuery)) << text;
    EXPECT_THAT(ParseSelector(text), test::HasMessage(": parse error: ")) << text;
  }
  EXPECT_THAT(ParseSelector("up{\n a=}"), test::HasMessage("2:4: parse error"));
}

}  // namespace
}  // namespace larnax
