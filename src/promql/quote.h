#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace larnax::promql {

/// Append `text` in double quotes as Go's `%q` prints it: escapes for control characters, quotes,
/// backslashes and code points that cannot be printed; `\xff` for bytes that are not UTF-8.
void AppendQuoted(std::string_view text, std::string* out);
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
