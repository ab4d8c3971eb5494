#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "larnax/error.h"
#include "larnax/labels.h"

namespace larnax {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Recursive descent over:
//   selector = [name] ["{" [item {"," item}] [","] "}"]
//   item     = (name | string) op string | string       (a lone string is the metric's name)
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : text_(text) {}

  arrow::Result<std::vector<Matcher>> Parse() {
    if (!base::IsValidUtf8(text_)) return Fail("invalid UTF-8");
    SkipSpace();
    if (at_ < text_.size() && (IsLetter(text_[at_]) || text_[at_] == ':')) {
      ARROW_RETURN_NOT_OK(SetMetric(std::string(TakeName(/*colons=*/true))));
    }
    SkipSpace();
    const bool braces = Take('{');
    if (braces) ARROW_RETURN_NOT_OK(ParseItems());
    SkipSpace();
    if (at_ != text_.size()) return Fail("unexpected character: '" + Here() + "'");
    if (matchers_.empty() && !braces) return Fail("no selector found in input");
    return std::move(matchers_);
  }

 private:
  arrow::Status ParseItems() {
    while (true) {
      SkipSpace();
      if (Take('}')) return arrow::Status::OK();
      ARROW_RETURN_NOT_OK(ParseItem());
      SkipSpace();
      if (Take('}')) return arrow::Status::OK();
      if (!Take(','))
        return Fail("unexpected '" + Here() + "' in label matching, expected \",\" or \"}\"");
    }
  }

  arrow::Status ParseItem() {
    const bool quoted = at_ < text_.size() && IsQuote(text_[at_]);
    std::string name;
    if (quoted) {
      ARROW_ASSIGN_OR_RAISE(name, TakeString());
    } else {
      name = TakeName(/*colons=*/false);
      if (name.empty())
        return Fail("unexpected '" + Here() + "' in label matching, expected a label name");
    }
    SkipSpace();
    const std::optional<MatchType> type = TakeOperator();
    if (!type.has_value()) {
      if (quoted) return SetMetric(std::move(name));
      return Fail("unexpected '" + Here() +
                  "' in label matching, expected a label matching operator");
    }
    SkipSpace();
    if (at_ >= text_.size() || !IsQuote(text_[at_])) {
      return Fail("unexpected '" + Here() + "' in label matching, expected a string");
    }
    ARROW_ASSIGN_OR_RAISE(std::string value, TakeString());
    ARROW_ASSIGN_OR_RAISE(Matcher matcher, Matcher::Make(*type, std::move(name), std::move(value)));
    matchers_.push_back(std::move(matcher));
    return arrow::Status::OK();
  }

  arrow::Status SetMetric(std::string name) {
    if (named_) return Fail("metric name must not be set twice");
    named_ = true;
    ARROW_ASSIGN_OR_RAISE(
        Matcher matcher,
        Matcher::Make(MatchType::kEqual, std::string(kMetricLabel), std::move(name)));
    matchers_.push_back(std::move(matcher));
    return arrow::Status::OK();
  }

  std::optional<MatchType> TakeOperator() {
    if (TakeText("=~")) return MatchType::kRegex;
    if (TakeText("!~")) return MatchType::kNotRegex;
    if (TakeText("!=")) return MatchType::kNotEqual;
    if (Take('=')) return MatchType::kEqual;
    return std::nullopt;
  }

  static bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

  arrow::Result<std::string> TakeString() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\n' && quote != '`') return Fail("unterminated quoted string");
      if (text_[at_] != '\\' || quote == '`') {
        out.push_back(text_[at_++]);
        continue;
      }
      ++at_;
      ARROW_RETURN_NOT_OK(TakeEscape(quote, &out));
    }
    if (!Take(quote)) return Fail("unterminated quoted string");
    return out;
  }

  arrow::Status TakeEscape(char quote, std::string* out) {
    if (at_ == text_.size()) return Fail("escape sequence not terminated");
    const char c = text_[at_++];
    constexpr std::string_view kFrom = "abfnrtv\\";
    constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\";
    if (c == quote) {
      out->push_back(c);
      return arrow::Status::OK();
    }
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out->push_back(kTo[i]);
      return arrow::Status::OK();
    }
    switch (c) {
      case 'x':
        return TakeCode(2, 16, /*as_byte=*/true, out);
      case 'u':
        return TakeCode(4, 16, /*as_byte=*/false, out);
      case 'U':
        return TakeCode(8, 16, /*as_byte=*/false, out);
      default:
        if (c >= '0' && c <= '7') {
          --at_;
          return TakeCode(3, 8, /*as_byte=*/true, out);
        }
        return Fail("unknown escape sequence");
    }
  }

  arrow::Status TakeCode(int digits, uint32_t base, bool as_byte, std::string* out) {
    uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      if (at_ == text_.size()) return Fail("escape sequence not terminated");
      const char c = text_[at_++];
      uint32_t digit = 99;
      if (IsDigit(c)) digit = static_cast<uint32_t>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
      if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
      if (digit >= base) return Fail("illegal character in escape sequence");
      code = code * base + digit;
    }
    if (as_byte) {
      if (code > 0xFF) return Fail("escape sequence is over the largest byte");
      out->push_back(static_cast<char>(code));
      return arrow::Status::OK();
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      return Fail("escape sequence is an invalid Unicode code point");
    }
    base::AppendUtf8(code, out);
    return arrow::Status::OK();
  }

  std::string_view TakeName(bool colons) {
    const size_t start = at_;
    while (at_ < text_.size() && (IsLetter(text_[at_]) || (at_ > start && IsDigit(text_[at_])) ||
                                  (colons && text_[at_] == ':'))) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  void SkipSpace() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }

  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool TakeText(std::string_view text) {
    if (!text_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  std::string Here() const {
    return at_ < text_.size() ? std::string(1, text_[at_]) : std::string("end of input");
  }

  arrow::Status Fail(const std::string& what) const {
    const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0.
    return MakeError(ErrorKind::kBadQuery, std::to_string(line) + ":" +
                                               std::to_string(before.size() - line_start + 1) +
                                               ": parse error: " + what);
  }

  std::string_view text_;
  size_t at_ = 0;
  bool named_ = false;
  std::vector<Matcher> matchers_;
};

}  // namespace

arrow::Result<std::vector<Matcher>> ParseSelector(std::string_view text) {
  return SelectorParser(text).Parse();
}

}  // namespace larnax
