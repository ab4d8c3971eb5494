#include "model/go_regex.h"

#include <cstdint>
#include <string>

#include <re2/re2.h>

#include "larnax/error.h"

namespace larnax::model {
namespace {

constexpr int64_t kMaxProgramBytes = 16 << 20;

// Go accepts `(?<name>` for `(?P<name>`, this RE2 does not; RE2 accepts `\C`, Go does not.
arrow::Result<std::string> TranslateFromGo(std::string_view pattern) {
  std::string out;
  out.reserve(pattern.size() + 8);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] == 'C') {
        return MakeError(ErrorKind::kBadQuery,
                         "error parsing regexp: invalid escape sequence: `\\C`");
      }
      out.append(pattern.substr(i, 2));
      ++i;
      continue;
    }
    out.push_back(pattern[i]);
    if (pattern.substr(i, 3) == "(?<" && i + 3 < pattern.size() && pattern[i + 3] != '=' &&
        pattern[i + 3] != '!') {
      out.append("?P");
      ++i;
    }
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
