// Input: the text of a query.
//
// Whatever the bytes, parsing ends without a crash, an error names a place in the text, and what
// parses prints to a text that parses to an equal tree, on one line and on several.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "promql/ast_json.h"
#include "promql/parser.h"
#include "promql/printer.h"

namespace larnax::promql {
namespace {

constexpr ParseOptions kAll = {
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckQuery(std::string_view text) {
  const auto expr = Parse(text, kAll);
  if (!expr.ok()) {
    Check(expr.status().message().find(": parse error: ") != std::string::npos);
    return;
  }
  Check((*expr)->position.start >= 0 && (*expr)->position.end <= static_cast<int32_t>(text.size()));
  const std::string printed = ToString(**expr);
  const auto again = Parse(printed, kAll);
  Check(again.ok());
  Check(ToString(**again) == printed);
  std::string json;
  AppendAstJson(**expr, &json);
  Check(!json.empty());
  const auto pretty = Pretty(**expr);
  if (!pretty.ok()) return;
  const auto from_pretty = Parse(*pretty, kAll);
  Check(from_pretty.ok());
  Check(ToString(**from_pretty) == printed);
}

}  // namespace
}  // namespace larnax::promql

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  larnax::promql::CheckQuery({reinterpret_cast<const char*>(data), size});
  return 0;
}
