#include <string>
#include <vector>

#include "larnax/labels.h"
#include "test/matchers.h"

namespace larnax {
namespace {

bool Matches(MatchType type, const std::string& pattern, std::string_view value) {
  return Matcher::Make(type, "x", pattern).ValueOrDie().Matches(value);
}

TEST(Matcher, ComparesText) {
  EXPECT_TRUE(Matches(MatchType::kEqual, "a", "a"));
  EXPECT_FALSE(Matches(MatchType::kEqual, "a", "ab"));
  EXPECT_TRUE(Matches(MatchType::kEqual, "", ""));
  EXPECT_TRUE(Matches(MatchType::kNotEqual, "a", ""));
  EXPECT_FALSE(Matches(MatchType::kNotEqual, "a", "a"));
}

// Each expression in a shape that has a fast path, beside the same one written so that it has not:
// the two must agree on every value.
TEST(Matcher, FastPathsAgreeWithTheAutomaton) {
  const std::vector<std::string> patterns = {
      ".*",  ".+",      "",       "abc", "a|b|c", "a||b",   "a.*",   ".*b.*",      ".*b",
      "a.c", ".*a.*|b", "(a|b)c", "|",   ".*.*",  "ab.*.*", "^abc$", ".*\u00e9.*", "\u00e9"};
  const std::vector<std::string> values = {"",      "a",     "b",      "c",         "abc",
                                           "xabcx", "ab\nc", "bbb",    "a\n",       "\n",
                                           "a|b",   "aXc",   "\u00e9", "caf\u00e9s"};
  for (const std::string& pattern : patterns) {
    for (const std::string& value : values) {
      const bool fast = Matches(MatchType::kRegex, pattern, value);
      EXPECT_EQ(fast, Matches(MatchType::kRegex, "(?:" + pattern + ")", value))
          << pattern << " on " << value;
      EXPECT_NE(fast, Matches(MatchType::kNotRegex, pattern, value));
    }
  }
}

// Most shapes need no automaton; what is too large for one is refused whatever its shape.
TEST(Matcher, TakesLiteralsOfAnyLengthThatAnAutomatonHas) {
  for (const size_t length : {999, 1000, 1001, 5000}) {
    const std::string text(length, 'a');
    EXPECT_TRUE(Matches(MatchType::kRegex, text, text)) << length;
    EXPECT_TRUE(Matches(MatchType::kRegex, "b|" + text, text)) << length;
    EXPECT_FALSE(Matches(MatchType::kRegex, text, text + "a")) << length;
  }
  for (const char* end : {"", ".*", "|b"}) {
    EXPECT_THAT(Matcher::Make(MatchType::kRegex, "x", std::string(2'000'000, 'a') + end),
                test::IsKind(ErrorKind::kBadQuery));
  }
}

// Of those that look like a shape, too.
TEST(Matcher, RefusesWhatIsMalformed) {
  for (const char* pattern :
       {"*.*", "?.*", ".*(.*", ".*).*", ".*[.*", "a|*", "a|(.*", "(", "a\\"}) {
    EXPECT_THAT(Matcher::Make(MatchType::kRegex, "x", pattern), test::IsKind(ErrorKind::kBadQuery))
        << pattern;
  }
}

TEST(Matcher, IsAnchoredAndDotMatchesNewline) {
  EXPECT_FALSE(Matches(MatchType::kRegex, "b", "abc"));
  EXPECT_FALSE(Matches(MatchType::kRegex, "a|b", "ab"));
  EXPECT_TRUE(Matches(MatchType::kRegex, "a.b", "a\nb"));
}

TEST(Matcher, SpeaksGosDialect) {
  EXPECT_TRUE(Matches(MatchType::kRegex, "(?<year>\\d+)-x", "2026-x"));
  EXPECT_TRUE(Matches(MatchType::kRegex, "\\(\\?<", "(?<"));
  // What looks like a group in a class or a quoted text is none.
  for (const char* pattern : {"[(?<a]+", "[](?<a]+", "[^P\\](?<]+", "[[:digit:](?<a]+"}) {
    EXPECT_FALSE(Matches(MatchType::kRegex, pattern, "P")) << pattern;
  }
  EXPECT_TRUE(Matches(MatchType::kRegex, "[(?<a]+", "(?<a"));
  EXPECT_TRUE(Matches(MatchType::kRegex, "[[:x]](?<n>a)", "x]a"));
  EXPECT_TRUE(Matches(MatchType::kRegex, "\\Q(?<x\\C\\E(?<n>a)", "(?<x\\Ca"));
  EXPECT_TRUE(Matches(MatchType::kRegex, "(?<n>a)\\Q(?<x", "a(?<x"));
  EXPECT_THAT(Matcher::Make(MatchType::kRegex, "x", "a\\Cb"), test::IsKind(ErrorKind::kBadQuery));
  EXPECT_THAT(Matcher::Make(MatchType::kRegex, "x", "(a"),
              test::HasMessage("error parsing regexp"));
  EXPECT_THAT(Matcher::Make(MatchType::kRegex, "x", "((((a{1000}){1000}){1000}){1000})"),
              test::IsKind(ErrorKind::kBadQuery));
}

}  // namespace
}  // namespace larnax
