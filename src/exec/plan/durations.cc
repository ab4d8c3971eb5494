#include "exec/plan/durations.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "larnax/error.h"

namespace larnax::exec {

using promql::DurationExpr;
using promql::DurationExprPtr;

namespace {

// Milliseconds of the longest duration, about 292 years: what fits into 64 bits of nanoseconds.
constexpr double kMaxSeconds = 9223372036.0;

class Resolver {
 public:
  Resolver(const QueryContext& query, std::string_view text) : query_(query), text_(text) {}

  arrow::Status Resolve(promql::Expr* expr) {
    if (auto* selector = expr->As<promql::VectorSelector>()) {
      ARROW_RETURN_NOT_OK(ResolveShift(&selector->shift));
    } else if (auto* matrix = expr->As<promql::MatrixSelector>()) {
      ARROW_RETURN_NOT_OK(ResolveShift(&matrix->selector.shift));
      ARROW_RETURN_NOT_OK(ResolveLength(&matrix->range_expr, &matrix->range_ms));
    } else if (auto* subquery = expr->As<promql::Subquery>()) {
      ARROW_RETURN_NOT_OK(ResolveShift(&subquery->shift));
      ARROW_RETURN_NOT_OK(ResolveLength(&subquery->range_expr, &subquery->range_ms));
      ARROW_RETURN_NOT_OK(ResolveLength(&subquery->step_expr, &subquery->step_ms));
    }
    for (promql::Expr* child : promql::Children(expr)) ARROW_RETURN_NOT_OK(Resolve(child));
    return arrow::Status::OK();
  }

 private:
  arrow::Status Error(const DurationExpr& expr, std::string_view what) const {
    return MakeError(ErrorKind::kBadQuery, promql::PositionText(text_, expr.position) +
                                               ": parse error: " + std::string(what));
  }

  arrow::Status ResolveShift(promql::TimeShift* shift) {
    using At = promql::TimeShift::At;
    if (shift->at == At::kStart) shift->at_ms = query_.start_ms;
    if (shift->at == At::kEnd) shift->at_ms = query_.end_ms;
    if (shift->at != At::kNone) shift->at = At::kTime;
    if (shift->offset_expr == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(shift->offset_ms, Milliseconds(*shift->offset_expr));
    return arrow::Status::OK();
  }

  arrow::Status ResolveLength(DurationExprPtr* expr, int64_t* length_ms) {
    if (*expr == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(*length_ms, Milliseconds(**expr));
    if (*length_ms <= 0) return Error(**expr, "duration must be greater than 0");
    return arrow::Status::OK();
  }

  arrow::Result<int64_t> Milliseconds(const DurationExpr& expr) {
    ARROW_ASSIGN_OR_RAISE(const double seconds, Seconds(expr));
    if (!(std::abs(seconds) <= kMaxSeconds)) return Error(expr, "duration is out of range");
    return static_cast<int64_t>(seconds * 1000);
  }

  arrow::Result<double> Seconds(const DurationExpr& expr) {
    using Op = DurationExpr::Op;
    double lhs = 0;
    double rhs = 0;
    if (expr.lhs != nullptr) {
      ARROW_ASSIGN_OR_RAISE(lhs, Seconds(*expr.lhs));
    }
    if (expr.rhs != nullptr) {
      ARROW_ASSIGN_OR_RAISE(rhs, Seconds(*expr.rhs));
    }
    switch (expr.op) {
      case Op::kNumber:
        return expr.seconds;
      case Op::kStep:
        return static_cast<double>(query_.step_ms) / 1000;
      case Op::kRange:
        return static_cast<double>(query_.end_ms - query_.start_ms) / 1000;
      case Op::kNegate:
        return -rhs;
      case Op::kPlus:
        return rhs;
      case Op::kAdd:
        return lhs + rhs;
      case Op::kSub:
        return lhs - rhs;
      case Op::kMul:
        return lhs * rhs;
      case Op::kDiv:
        if (rhs == 0) return Error(expr, "division by zero");
        return lhs / rhs;
      case Op::kMod:
        if (rhs == 0) return Error(expr, "modulo by zero");
        return std::fmod(lhs, rhs);
      case Op::kPow:
        return std::pow(lhs, rhs);
      case Op::kMaxOf:
        return std::max(lhs, rhs);
      case Op::kMinOf:
        return std::min(lhs, rhs);
    }
    return Error(expr, "unknown operator in duration");
  }

  const QueryContext& query_;
  std::string_view text_;
};

}  // namespace

arrow::Status ResolveDurations(promql::Expr* expr, const QueryContext& query,
                               std::string_view text) {
  return Resolver(query, text).Resolve(expr);
}

}  // namespace larnax::exec
