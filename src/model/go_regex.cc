#include "model/go_regex.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include <re2/re2.h>

#include "larnax/error.h"

namespace larnax::model {
namespace {

constexpr int64_t kMaxProgramBytes = 16 << 20;

// Length of the text in `\Q...\E` at a pattern's front: it ends with the pattern, too.
size_t QuotedSize(std::string_view pattern) {
  const size_t end = pattern.find("\\E", 2);
  return end == std::string_view::npos ? pattern.size() : end + 2;
}

// Length of the class `[...]` at a pattern's front; all of it where it has no end.
size_t ClassSize(std::string_view pattern) {
  size_t i = pattern.starts_with("[^") ? 2 : 1;
  if (pattern.substr(i).starts_with(']')) ++i;  // As the first it is a member.
  while (i < pattern.size() && pattern[i] != ']') {
    const size_t named_end =
        pattern.substr(i).starts_with("[:") ? pattern.find(":]", i + 2) : std::string_view::npos;
    if (named_end != std::string_view::npos) {
      i = named_end + 2;
    } else {
      i += pattern[i] == '\\' ? 2 : 1;
    }
  }
  return std::min(i + 1, pattern.size());
}

// Go accepts `(?<name>` for `(?P<name>`, this RE2 does not; RE2 accepts `\C`, Go does not.
arrow::Result<std::string> TranslateFromGo(std::string_view pattern) {
  std::string out;
  out.reserve(pattern.size() + 8);
  while (!pattern.empty()) {
    size_t size = 1;
    if (pattern.starts_with("\\Q")) {
      size = QuotedSize(pattern);
    } else if (pattern.starts_with("\\C")) {
      return MakeError(ErrorKind::kBadQuery,
                       "error parsing regexp: invalid escape sequence: `\\C`");
    } else if (pattern[0] == '\\') {
      size = 2;
    } else if (pattern[0] == '[') {
      size = ClassSize(pattern);
    } else if (pattern.starts_with("(?<") && !pattern.starts_with("(?<=") &&
               !pattern.starts_with("(?<!")) {
      out.append("(?P");
      pattern.remove_prefix(2);
    }
    size = std::min(size, pattern.size());
    out.append(pattern.substr(0, size));
    pattern.remove_prefix(size);
  }
  return out;
}

// What is wrong, in the words of Go's library.
std::string ReasonOf(const RE2& regex) {
  switch (regex.error_code()) {
    case RE2::ErrorMissingParen:
      return "missing closing )";
    case RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case RE2::ErrorMissingBracket:
      return "missing closing ]";
    case RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case RE2::ErrorPatternTooLarge:
      return "expression too large";
    case RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:
      return "invalid character class range";
    case RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    default:
      return "internal error";
  }
}

}  // namespace

arrow::Result<std::unique_ptr<RE2>> CompileGoRegex(std::string_view pattern) {
  ARROW_ASSIGN_OR_RAISE(const std::string translated, TranslateFromGo(pattern));
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kMaxProgramBytes);
  auto regex = std::make_unique<RE2>(translated, options);
  if (!regex->ok()) {
    return MakeError(ErrorKind::kBadQuery, "error parsing regexp: " + ReasonOf(*regex) + ": `" +
                                               regex->error_arg() + "`");
  }
  return regex;
}

}  // namespace larnax::model
