#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace larnax::promql {

/// `text` in double quotes, as base::AppendQuoted appends it.
std::string Quoted(std::string_view text);

/// A code point in single quotes, as Go's `%q` prints it; U+FFFD for what is none.
std::string QuotedRune(int32_t rune);
/// A code point as Go's `%#U` prints it: `U+007A 'z'`.
std::string NamedRune(int32_t rune);

/// The text of a string literal whose quotes and escapes the lexer found to be right. Any bytes
/// may come out.
std::string Unquote(std::string_view literal);

/// What decoding gives for bytes that are not UTF-8.
inline constexpr int32_t kRuneError = 0xFFFD;

}  // namespace larnax::promql
