#include "base/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace larnax::base {
namespace {

TEST(IsValidUtf8, AgreesWithEveryCodePoint) {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    AppendUtf8(code, &text);
    ASSERT_TRUE(IsValidUtf8(text)) << static_cast<uint32_t>(code);
    size_t at = 0;
    ASSERT_EQ(NextCodePoint(text, &at), code);
    ASSERT_EQ(at, text.size());
    // Cut short, it is not valid any more.
    if (code < 0x80) continue;
    ASSERT_FALSE(IsValidUtf8(text.substr(0, text.size() - 1)));
  }
}

TEST(IsValidUtf8, RefusesWhatIsNot) {
  for (const std::string text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "abc\xE2\x82", "\xE2\x28\xA1"}) {
    EXPECT_FALSE(IsValidUtf8(text));
    // At every place within a run of ASCII, which is checked eight bytes at a time.
    for (size_t i = 0; i <= 17; ++i) {
      EXPECT_FALSE(IsValidUtf8(std::string(i, 'a') + text + std::string(17 - i, 'b')));
    }
  }
  EXPECT_TRUE(IsValidUtf8(""));
}

TEST(NextCodePoint, SkipsOneInvalidByte) {
  const std::string text = "\xE2\x82z";
  size_t at = 0;
  EXPECT_EQ(NextCodePoint(text, &at), U'\uFFFD');
  EXPECT_EQ(at, 1u);
  EXPECT_EQ(NextCodePoint(text, &at), U'\uFFFD');
  EXPECT_EQ(NextCodePoint(text, &at), U'z');
}

}  // namespace
}  // namespace larnax::base
