#include "promql/quote.h"

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "base/number_text.h"
#include "base/utf8.h"

namespace larnax::promql {
namespace {

constexpr int32_t kMaxRune = 0x10FFFF;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c - 'A' + 10;
}

// Reads the escape sequence after a backslash; returns the text after it.
std::string_view TakeEscape(std::string_view text, std::string* out) {
  constexpr std::string_view kLetters = "abfnrtv";
  constexpr std::string_view kControls = "\a\b\f\n\r\t\v";
  const char c = text[0];
  if (const size_t i = kLetters.find(c); i != std::string_view::npos) {
    out->push_back(kControls[i]);
    return text.substr(1);
  }
  const bool octal = c >= '0' && c <= '7';
  const size_t first = octal ? 0 : 1;
  size_t digits = 0;
  if (octal) digits = 3;
  if (c == 'x') digits = 2;
  if (c == 'u') digits = 4;
  if (c == 'U') digits = 8;
  if (digits == 0) {  // A quote or a backslash.
    out->push_back(c);
    return text.substr(1);
  }
  LARNAX_CHECK(text.size() >= first + digits);
  uint32_t value = 0;
  for (size_t i = first; i < first + digits; ++i) {
    value = value * (octal ? 8 : 16) + static_cast<uint32_t>(HexDigit(text[i]));
  }
  if (c == 'u' || c == 'U') {
    base::AppendUtf8(value, out);
  } else {
    out->push_back(static_cast<char>(value));
  }
  return text.substr(first + digits);
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string out;
  base::AppendQuoted(text, &out);
  return out;
}

std::string QuotedRune(int32_t rune) {
  std::string out = "'";
  const int32_t shown = rune < 0 || rune > kMaxRune ? kRuneError : rune;
  base::AppendEscaped(static_cast<char32_t>(shown), '\'', &out);
  return out + '\'';
}

std::string NamedRune(int32_t rune) {
  char number[16];
  std::snprintf(number, sizeof number, "U+%04X", static_cast<uint32_t>(rune));
  std::string out = number;
  if (!base::IsPrintable(static_cast<char32_t>(rune))) return out;
  out += " '";
  base::AppendUtf8(static_cast<char32_t>(rune), &out);
  return out + '\'';
}

std::string Unquote(std::string_view literal) {
  const char quote = literal[0];
  std::string_view rest = literal.substr(1, literal.size() - 2);
  if (quote == '`') return std::string(rest);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    const size_t plain = std::min(rest.find('\\'), rest.size());
    out.append(rest.substr(0, plain));
    rest.remove_prefix(plain);
    if (!rest.empty()) rest = TakeEscape(rest.substr(1), &out);
  }
  return out;
}

}  // namespace larnax::promql
