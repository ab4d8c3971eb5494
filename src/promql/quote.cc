#include "promql/quote.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace larnax::promql {
namespace {

constexpr int32_t kMaxRune = 0x10FFFF;

// Code points above ASCII that have no picture: controls, separators, format characters, private
// use. Unassigned ones, which change with each version of Unicode, count as pictures.
constexpr std::array<std::pair<int32_t, int32_t>, 27> kUnprintable = {{
    {0x7F, 0xA0},       {0xAD, 0xAD},        {0x600, 0x605},         {0x61C, 0x61C},
    {0x6DD, 0x6DD},     {0x70F, 0x70F},      {0x890, 0x891},         {0x8E2, 0x8E2},
    {0x1680, 0x1680},   {0x180E, 0x180E},    {0x2000, 0x200F},       {0x2028, 0x202F},
    {0x205F, 0x206F},   {0x3000, 0x3000},    {0xD800, 0xF8FF},       {0xFEFF, 0xFEFF},
    {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},    {0x110BD, 0x110BD},     {0x110CD, 0x110CD},
    {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},  {0x1D173, 0x1D17A},     {0xE0000, 0xE00FF},
    {0xE01F0, 0xEFFFF}, {0xF0000, 0x10FFFF}, {0x110000, 0x7FFFFFFF},
}};

bool IsPrintable(int32_t rune) {
  if (rune < 0x20) return false;
  const auto* range = std::lower_bound(
      kUnprintable.begin(), kUnprintable.end(), rune,
      [](const std::pair<int32_t, int32_t>& r, int32_t value) { return r.second < value; });
  return range == kUnprintable.end() || rune < range->first;
}

void AppendHex(uint32_t value, int digits, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i) out->push_back(kDigits[(value >> (4 * i)) & 0xF]);
}

void AppendEscaped(int32_t rune, char quote, std::string* out) {
  constexpr std::string_view kControls = "\a\b\f\n\r\t\v";
  constexpr std::string_view kLetters = "abfnrtv";
  if (rune == quote || rune == '\\') {
    out->push_back('\\');
    out->push_back(static_cast<char>(rune));
  } else if (IsPrintable(rune)) {
    base::AppendUtf8(static_cast<char32_t>(rune), out);
  } else if (const size_t i =
                 rune < 0x20 ? kControls.find(static_cast<char>(rune)) : std::string_view::npos;
             i != std::string_view::npos) {
    out->push_back('\\');
    out->push_back(kLetters[i]);
  } else {
    const auto value = static_cast<uint32_t>(rune);
    out->append(value < 0x80 ? "\\x" : value < 0x10000 ? "\\u" : "\\U");
    AppendHex(value, value < 0x80 ? 2 : value < 0x10000 ? 4 : 8, out);
  }
}

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

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const auto rune = static_cast<int32_t>(base::NextCodePoint(text, &at));
    if (rune == kRuneError && at == start + 1) {
      out->append("\\x");
      AppendHex(static_cast<uint8_t>(text[start]), 2, out);
    } else {
      AppendEscaped(rune, '"', out);
    }
  }
  out->push_back('"');
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendQuoted(text, &out);
  return out;
}

std::string QuotedRune(int32_t rune) {
  std::string out = "'";
  AppendEscaped(rune < 0 || rune > kMaxRune ? kRuneError : rune, '\'', &out);
  return out + '\'';
}

std::string NamedRune(int32_t rune) {
  char number[16];
  std::snprintf(number, sizeof number, "U+%04X", static_cast<uint32_t>(rune));
  std::string out = number;
  if (!IsPrintable(rune)) return out;
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
