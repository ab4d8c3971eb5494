#pragma once

#include <cstddef>
#include <string_view>

#include <arrow/result.h>

#include "promql/ast.h"

namespace larnax::promql {

/// What of the language is switched on, and how large a text may be.
struct ParseOptions {
  bool experimental_functions = false;
  bool extended_range_selectors = false;  ///< `anchored` and `smoothed`.
  bool binop_fill_modifiers = false;      ///< `fill`, `fill_left`, `fill_right`.
  size_t max_text_bytes = 1 << 20;
};

/// Expressions higher than this are refused, so that trees can be walked by recursion.
inline constexpr int32_t kMaxHeight = 2048;
/// Parentheses, calls and signs nested deeper than this are refused.
inline constexpr int32_t kMaxNesting = 256;

/// Parse and check an expression. Takes time linear in the text. Thread-safe.
///
/// \retval kBadQuery Not an expression, or one that cannot be evaluated; the message is that of
///                   Prometheus' parser, `line:col: parse error: ...`, for the first thing wrong.
arrow::Result<ExprPtr> Parse(std::string_view text, const ParseOptions& options);

}  // namespace larnax::promql
