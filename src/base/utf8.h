#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace larnax::base {

/// Tell whether bytes are valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool IsValidUtf8(std::string_view bytes);

/// Read the code point at `*position` and move past it; an invalid byte gives U+FFFD and is
/// skipped alone.
char32_t NextCodePoint(std::string_view bytes, size_t* position);

/// Append a code point as UTF-8.
void AppendUtf8(char32_t code_point, std::string* out);

}  // namespace larnax::base
