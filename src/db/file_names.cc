#include "db/file_names.h"

#include <array>
#include <charconv>

#include "base/hash.h"

namespace larnax::db {

std::string FileNameOf(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr size_t kLongest = 200;
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || (c == '.' && !out.empty());
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0xF]);
  }
  if (out.size() <= kLongest) return out;
  std::array<char, 16> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), base::Hash64(text), 16).ptr;
  // '%~' starts no escape, so that no shorter text gives this name.
  return out.substr(0, kLongest) + "%~" + std::string(digits.data(), end);
}

}  // namespace larnax::db
