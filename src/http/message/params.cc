#include "http/message/params.h"

#include <cstdint>
#include <optional>

#include "larnax/error.h"

namespace larnax::http {
namespace {

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

void AppendUtf8(uint32_t rune, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xC0 | rune >> 6);
    put(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    put(0xE0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  } else {
    put(0xF0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3F));
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  }
}

bool IsRune(uint32_t value) { return value <= 0x10FFFF && !(value >= 0xD800 && value < 0xE000); }

// Read `HEX_` (1 to 6 digits) at the front of `text`; moves past it.
std::optional<uint32_t> TakeEscapedRune(std::string_view* text) {
  uint32_t value = 0;
  for (size_t i = 0; i < text->size() && i <= 6; ++i) {
    if ((*text)[i] == '_') {
      if (i == 0 || !IsRune(value)) return std::nullopt;
      text->remove_prefix(i + 1);
      return value;
    }
    const auto digit = HexDigit((*text)[i]);
    if (!digit) return std::nullopt;
    value = value << 4 | static_cast<uint32_t>(*digit);
  }
  return std::nullopt;
}

}  // namespace

arrow::Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const auto high = i + 1 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? HexDigit(text[i + 2]) : std::nullopt;
      if (!high || !low) {
        return MakeError(ErrorKind::kBadQuery,
                         "invalid URL escape \"" + std::string(text.substr(i, 3)) + "\"");
      }
      decoded.push_back(static_cast<char>(*high << 4 | *low));
      i += 2;
    }
  }
  return decoded;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.push_back('%');
    encoded.push_back(kDigits[byte >> 4U]);
    encoded.push_back(kDigits[byte & 15U]);
  }
  return encoded;
}

std::string DecodeNameEscapes(std::string_view name) {
  if (!name.starts_with("U__")) return std::string(name);
  std::string decoded;
  std::string_view rest = name.substr(3);
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '_') {
      decoded.push_back(c);
    } else if (rest.starts_with('_')) {
      decoded.push_back('_');
      rest.remove_prefix(1);
    } else if (const auto rune = TakeEscapedRune(&rest)) {
      AppendUtf8(*rune, &decoded);
    } else {
      return std::string(name);
    }
  }
  return decoded;
}

arrow::Status Params::Add(std::string_view encoded) {
  while (!encoded.empty()) {
    const size_t end = encoded.find('&');
    const std::string_view pair = encoded.substr(0, end);
    encoded.remove_prefix(end == std::string_view::npos ? encoded.size() : end + 1);
    if (pair.empty()) continue;
    if (pair.find(';') != std::string_view::npos) {
      return MakeError(ErrorKind::kBadQuery,
                       "error parsing form values: invalid semicolon separator in query");
    }
    const size_t equals = pair.find('=');
    ARROW_ASSIGN_OR_RAISE(std::string name, PercentDecode(pair.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      ARROW_ASSIGN_OR_RAISE(value, PercentDecode(pair.substr(equals + 1), true));
    }
    pairs_.emplace_back(std::move(name), std::move(value));
  }
  return arrow::Status::OK();
}

std::string_view Params::First(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string_view> Params::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : pairs_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

}  // namespace larnax::http
