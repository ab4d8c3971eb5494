// The functions of larnax/query.h that need only the text of a query.

#include <algorithm>
#include <tuple>

#include "larnax/query.h"
#include "promql/ast_json.h"
#include "promql/parser.h"
#include "promql/printer.h"

namespace larnax {
namespace {

promql::ParseOptions OptionsOf(const QueryFeatures& features) {
  promql::ParseOptions options;
  options.experimental_functions = features.experimental_functions;
  options.extended_range_selectors = features.extended_range_selectors;
  options.binop_fill_modifiers = features.binop_fill_modifiers;
  return options;
}

void CollectSelectors(const promql::Expr& expr, std::vector<std::vector<Matcher>>* selectors) {
  if (const auto* selector = expr.As<promql::VectorSelector>()) {
    selectors->push_back(selector->matchers);
  } else if (const auto* matrix = expr.As<promql::MatrixSelector>()) {
    selectors->push_back(matrix->selector.matchers);
  }
  for (const promql::Expr* child : promql::Children(expr)) CollectSelectors(*child, selectors);
}

constexpr std::string_view kKeywords[] = {"bool",       "by",          "duration_expr",
                                          "group_left", "group_right", "ignoring",
                                          "offset",     "on",          "without"};
// Tokens that only selectors have count as operators, as they do in Prometheus.
constexpr std::string_view kSelectorOperators[] = {"!~", "=~", "@"};

}  // namespace

arrow::Result<std::string> FormatQuery(const std::string& text, const QueryFeatures& features) {
  ARROW_ASSIGN_OR_RAISE(const auto expr, promql::Parse(text, OptionsOf(features)));
  return promql::Pretty(*expr);
}

arrow::Result<std::string> QueryTreeJson(const std::string& text, const QueryFeatures& features) {
  ARROW_ASSIGN_OR_RAISE(const auto expr, promql::Parse(text, OptionsOf(features)));
  std::string json;
  promql::AppendAstJson(*expr, &json);
  return json;
}

arrow::Result<std::vector<std::vector<Matcher>>> QuerySelectors(const std::string& text,
                                                                const QueryFeatures& features) {
  ARROW_ASSIGN_OR_RAISE(const auto expr, promql::Parse(text, OptionsOf(features)));
  std::vector<std::vector<Matcher>> selectors;
  CollectSelectors(*expr, &selectors);
  return selectors;
}

std::vector<QueryLanguagePart> QueryLanguage(const QueryFeatures& features) {
  std::vector<QueryLanguagePart> parts;
  const auto add = [&](std::string_view category, std::string_view name, bool enabled) {
    parts.push_back({std::string(category), std::string(name), enabled});
  };
  for (const std::string_view name : kKeywords) add("promql", name, true);
  for (const char* name : {"anchored", "smoothed"}) {
    add("promql", name, features.extended_range_selectors);
  }
  for (const char* name : {"fill", "fill_left", "fill_right"}) {
    add("promql", name, features.binop_fill_modifiers);
  }
  for (const std::string_view name : kSelectorOperators) add("promql_operators", name, true);
  for (int op = 0; op <= static_cast<int>(promql::BinaryOp::kUnless); ++op) {
    add("promql_operators", promql::Spelling(static_cast<promql::BinaryOp>(op)), true);
  }
  for (int i = 0; i <= static_cast<int>(promql::AggregateOp::kLimitRatio); ++i) {
    const auto op = static_cast<promql::AggregateOp>(i);
    const bool experimental =
        op == promql::AggregateOp::kLimitk || op == promql::AggregateOp::kLimitRatio;
    add("promql_operators", promql::Spelling(op), !experimental || features.experimental_functions);
  }
  for (const promql::FunctionSignature& function : promql::AllFunctions()) {
    add("promql_functions", function.name,
        !function.experimental || features.experimental_functions);
  }
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return std::tie(a.category, a.name) < std::tie(b.category, b.name);
  });
  return parts;
}

}  // namespace larnax
