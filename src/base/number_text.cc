#include "base/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "base/utf8.h"

namespace larnax::base {
namespace {

constexpr char32_t kReplacement = 0xfffd;

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// What Go's strconv.IsPrint denies: controls, formats, spaces but ' ', private use, noncharacters.
constexpr CodePointRange kUnprintable[] = {
    {0x0, 0x1f},        {0x7f, 0xa0},       {0xad, 0xad},       {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},
    {0x8e2, 0x8e2},     {0x1680, 0x1680},   {0x180e, 0x180e},   {0x2000, 0x200f},
    {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},   {0xd800, 0xf8ff},
    {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff}};

void AppendHex(uint32_t value, int digits, std::string* out) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[(value >> shift) & 15]);
  }
}

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

char* WriteScientific(double value, char* out) {
  return std::to_chars(out, out + kMaxNumberBytes, value, std::chars_format::scientific).ptr;
}

// Writes a number below 1e22 without an exponent.
char* WritePlain(double value, char* out) {
  if (std::abs(value) < kExactIntegers) {
    const auto integer = static_cast<int64_t>(value);
    // The same text, sooner; but for 0, which may have a sign.
    if (integer != 0 && static_cast<double>(integer) == value) {
      return std::to_chars(out, out + kMaxNumberBytes, integer).ptr;
    }
    return std::to_chars(out, out + kMaxNumberBytes, value, std::chars_format::fixed).ptr;
  }
  // Go prints the shortest digits, padded with zeros, where std::to_chars prints exact digits.
  char* end = WriteScientific(value, out);
  if (value < 0) ++out;
  char* const exponent_text = std::find(out, end, 'e');
  int exponent = 0;
  std::from_chars(exponent_text + 2, end, exponent);
  end = std::remove(out, exponent_text, '.');
  return std::fill_n(end, exponent + 1 - (end - out), '0');
}

// Numbers of which magnitude are written without an exponent; 0 is, too.
struct Notation {
  double plain_from;
  double plain_below;
};

char* WriteNumber(double value, Notation notation, char* out) {
  const double magnitude = std::abs(value);
  if (magnitude == 0 || (magnitude >= notation.plain_from && magnitude < notation.plain_below)) {
    return WritePlain(value, out);
  }
  if (std::isfinite(value)) return WriteScientific(value, out);
  std::string_view name = "NaN";
  if (!std::isnan(value)) name = value > 0 ? "+Inf" : "-Inf";
  return std::copy(name.begin(), name.end(), out);
}

}  // namespace

char* WriteValue(double value, char* out) {
  return WriteNumber(value, {.plain_from = 1e-6, .plain_below = 1e21}, out);
}

void AppendShortest(double value, std::string* out) {
  std::array<char, kMaxNumberBytes> buffer;
  out->append(buffer.data(),
              WriteNumber(value, {.plain_from = 1e-4, .plain_below = 1e6}, buffer.data()));
}

bool IsPrintable(char32_t code_point) {
  return std::ranges::none_of(kUnprintable, [code_point](CodePointRange range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

void AppendEscaped(char32_t code_point, char quote, std::string* out) {
  constexpr std::string_view kControls = "\a\b\f\n\r\t\v";
  const size_t control =
      code_point < 0x20 ? kControls.find(static_cast<char>(code_point)) : std::string_view::npos;
  if (code_point == static_cast<char32_t>(quote) || code_point == '\\') {
    out->push_back('\\');
    out->push_back(static_cast<char>(code_point));
  } else if (IsPrintable(code_point)) {
    AppendUtf8(code_point, out);
  } else if (control != std::string_view::npos) {
    out->push_back('\\');
    out->push_back("abfnrtv"[control]);
  } else if (code_point < 0x80) {
    out->append("\\x");
    AppendHex(code_point, 2, out);
  } else if (code_point < 0x10000) {
    out->append("\\u");
    AppendHex(code_point, 4, out);
  } else {
    out->append("\\U");
    AppendHex(code_point, 8, out);
  }
}

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t code_point = NextCodePoint(text, &at);
    if (code_point == kReplacement && at == start + 1) {
      out->append("\\x");
      AppendHex(static_cast<uint8_t>(text[start]), 2, out);
    } else {
      AppendEscaped(code_point, '"', out);
    }
  }
  out->push_back('"');
}

}  // namespace larnax::base
