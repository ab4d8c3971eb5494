// Input: a selector and, behind the first byte 0, values to match.
//
// Whatever the bytes: parsing ends without a crash, and fails with kBadQuery if it fails. A matcher
// answers as the regular expression itself does, whatever shortcut it takes, and its negation the
// other way round.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>

#include "base/check.h"
#include "base/utf8.h"
#include "larnax/error.h"
#include "larnax/labels.h"
#include "model/go_regex.h"

namespace larnax {
namespace {

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> values = {"", "a", "node_cpu_seconds_total", "a.b", "\n"};
  while (!text.empty()) {
    const size_t end = text.find('\0');
    const std::string_view value = text.substr(0, end);
    if (base::IsValidUtf8(value)) values.emplace_back(value);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return values;
}

void CheckMatcher(const Matcher& matcher, const std::vector<std::string>& values) {
  const bool is_regex =
      matcher.type() == MatchType::kRegex || matcher.type() == MatchType::kNotRegex;
  std::unique_ptr<RE2> regex;
  if (is_regex) regex = model::CompileGoRegex(matcher.value()).ValueOrDie();
  const bool is_negative =
      matcher.type() == MatchType::kNotEqual || matcher.type() == MatchType::kNotRegex;
  for (const std::string& value : values) {
    const bool is_equal = is_regex ? RE2::FullMatch(value, *regex) : value == matcher.value();
    LARNAX_CHECK(matcher.Matches(value) == (is_equal != is_negative));
  }
  LARNAX_CHECK(matcher.MatchesEmpty() == matcher.Matches(""));
}

}  // namespace
}  // namespace larnax

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\0');
  const auto matchers = ParseSelector(bytes.substr(0, end));
  if (!matchers.ok()) {
    LARNAX_CHECK(KindOf(matchers.status()) == ErrorKind::kBadQuery);
    return 0;
  }
  const std::vector<std::string> values =
      Split(end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1));
  for (const Matcher& matcher : *matchers) CheckMatcher(matcher, values);
  return 0;
}
