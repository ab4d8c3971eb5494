#include "base/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

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

// Gives the text of a number below 1e8, eight digits: lanes of 32, 16, then 8 bits are divided at
// once, by multiplications.
uint64_t EightDigits(uint32_t number) {
  const uint64_t fours = number / 10000 | uint64_t{number % 10000} << 32;
  const uint64_t high_pairs = (fours * 10486 >> 20) & 0x0000007f0000007f;
  const uint64_t pairs = high_pairs + ((fours - 100 * high_pairs) << 16);
  const uint64_t tens = (pairs * 103 >> 10) & 0x000f000f000f000f;
  return tens + ((pairs - 10 * tens) << 8) + 0x3030303030303030;
}

// The shortest decimal digits that tell a finite number but 0 from its neighbours.
class ShortestDigits {
 public:
  // Number of digits that a double needs at most.
  static constexpr size_t kMost = 17;

  explicit ShortestDigits(double value) {
    // std::to_chars takes more than twice as long to find them.
    const auto decimal = fmt::detail::dragonbox::to_decimal(value);
    constexpr uint64_t kEight = 100'000'000;
    const uint64_t upper = decimal.significand / kEight;
    text_[7] = static_cast<char>('0' + upper / kEight);
    const uint64_t parts[] = {EightDigits(static_cast<uint32_t>(upper % kEight)),
                              EightDigits(static_cast<uint32_t>(decimal.significand % kEight))};
    std::memcpy(text_.data() + 8, parts, sizeof(parts));
    while (text_[first_] == '0') ++first_;
    point_ = count() + decimal.exponent;
  }

  int count() const { return static_cast<int>(kEnd - first_); }
  // Where the decimal point is: in front of the first digit, or so many behind.
  int point() const { return point_; }
  // kMost bytes, of which count() are digits.
  const char* text() const { return text_.data() + first_; }

 private:
  static constexpr size_t kEnd = 24;
  std::array<char, kEnd + kMost> text_;
  size_t first_ = 7;
  int point_;
};

char* WriteScientific(double value, char* out) {
  if (value < 0) *out++ = '-';
  const ShortestDigits digits(value);
  *out++ = digits.text()[0];
  if (digits.count() > 1) {
    *out++ = '.';
    out = std::copy_n(digits.text() + 1, digits.count() - 1, out);
  }
  const int exponent = digits.point() - 1;
  *out++ = 'e';
  *out++ = exponent < 0 ? '-' : '+';
  if (std::abs(exponent) < 10) *out++ = '0';
  return std::to_chars(out, out + 3, std::abs(exponent)).ptr;
}

// Writes a number from 1e-6 and below 1e21 without an exponent, or 0.
char* WritePlain(double value, char* out) {
  if (std::abs(value) < kExactIntegers) {
    const auto integer = static_cast<int64_t>(value);
    // The same text, sooner; but for 0, which may have a sign.
    if (integer != 0 && static_cast<double>(integer) == value) {
      return std::to_chars(out, out + kMaxNumberBytes, integer).ptr;
    }
  }
  if (std::signbit(value)) *out++ = '-';
  if (value == 0) {
    *out++ = '0';
    return out;
  }
  const ShortestDigits digits(value);
  const int count = digits.count();
  const int point = digits.point();
  // Bytes behind the digits are written too, in one copy of a size that is known.
  constexpr size_t kMost = ShortestDigits::kMost;
  if (point <= 0) {
    std::memcpy(out, "0.000000", 8);
    std::memcpy(out + 2 - point, digits.text(), kMost);
    return out + 2 - point + count;
  }
  std::memcpy(out, digits.text(), kMost);
  if (point >= count) return std::fill_n(out + count, point - count, '0');
  std::memcpy(out + point + 1, digits.text() + point, kMost - static_cast<size_t>(point));
  out[point] = '.';
  return out + count + 1;
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
