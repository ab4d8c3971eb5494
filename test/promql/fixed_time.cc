#include "test/promql/fixed_time.h"

#include <set>

#include "promql/parser.h"
#include "promql/printer.h"

namespace larnax::promqltest {
namespace {

using promql::Expr;
using promql::TimeShift;

void Fix(int64_t time_ms, TimeShift* shift) {
  if (shift->at == TimeShift::At::kTime) return;
  shift->at = TimeShift::At::kTime;
  shift->at_ms = time_ms;
}

bool DependsOnTime(std::string_view function) {
  static const std::set<std::string_view> kFunctions = {
      "day_of_month", "day_of_week", "day_of_year", "days_in_month",  "end",
      "hour",         "minute",      "month",       "predict_linear", "range",
      "start",        "step",        "time",        "timestamp",      "year"};
  return kFunctions.contains(function);
}

// False where the expression cannot be fixed.
bool FixBelow(int64_t time_ms, Expr* expr) {
  if (auto* selector = expr->As<promql::VectorSelector>()) Fix(time_ms, &selector->shift);
  if (auto* matrix = expr->As<promql::MatrixSelector>()) Fix(time_ms, &matrix->selector.shift);
  if (auto* subquery = expr->As<promql::Subquery>()) {
    // What is inside stands still with it.
    Fix(time_ms, &subquery->shift);
    return true;
  }
  if (const auto* call = expr->As<promql::Call>()) {
    if (DependsOnTime(call->function->name)) return false;
  }
  for (Expr* child : promql::Children(expr)) {
    if (!FixBelow(time_ms, child)) return false;
  }
  return true;
}

}  // namespace

arrow::Result<std::optional<std::string>> FixTime(std::string_view query, int64_t time_ms) {
  ARROW_ASSIGN_OR_RAISE(const promql::ExprPtr expr,
                        promql::Parse(query, {.experimental_functions = true,
                                              .extended_range_selectors = true,
                                              .binop_fill_modifiers = true}));
  if (!FixBelow(time_ms, expr.get())) return std::nullopt;
  return promql::ToString(*expr);
}

}  // namespace larnax::promqltest
