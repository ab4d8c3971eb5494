#include "promql/ast.h"

#include <algorithm>
#include <array>

namespace larnax::promql {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Calls `visit` with each child pointer; `Node` may be const.
template <typename Node, typename Visit>
void ForEachChild(Node& node, Visit visit) {
  const auto one = [&](auto& pointer) {
    if (pointer != nullptr) visit(pointer.get());
  };
  std::visit(
      [&](auto& n) {
        using T = std::remove_cvref_t<decltype(n)>;
        if constexpr (std::is_same_v<T, Call>) {
          for (auto& arg : n.args) one(arg);
        } else if constexpr (std::is_same_v<T, Binary>) {
          one(n.lhs);
          one(n.rhs);
        } else {
          if constexpr (std::is_same_v<T, Aggregate>) one(n.param);
          if constexpr (requires { n.expr; }) one(n.expr);
        }
      },
      node);
}

ValueType TypeOf(const Expr::Node& node) {
  return std::visit(Overloaded{
                        [](const NumberLiteral&) { return ValueType::kScalar; },
                        [](const StringLiteral&) { return ValueType::kString; },
                        [](const VectorSelector&) { return ValueType::kVector; },
                        [](const MatrixSelector&) { return ValueType::kMatrix; },
                        [](const Subquery&) { return ValueType::kMatrix; },
                        [](const Call& n) {
                          return n.function == nullptr ? ValueType::kNone : n.function->result;
                        },
                        [](const Aggregate&) { return ValueType::kVector; },
                        [](const Binary& n) {
                          const bool scalar = n.lhs->type == ValueType::kScalar &&
                                              n.rhs->type == ValueType::kScalar;
                          return scalar ? ValueType::kScalar : ValueType::kVector;
                        },
                        [](const auto& n) { return n.expr->type; },
                    },
                    node);
}

DurationExprPtr CloneDuration(const DurationExprPtr& from) {
  if (from == nullptr) return nullptr;
  auto to = std::make_unique<DurationExpr>();
  to->op = from->op;
  to->is_duration = from->is_duration;
  to->in_parentheses = from->in_parentheses;
  to->seconds = from->seconds;
  to->position = from->position;
  to->lhs = CloneDuration(from->lhs);
  to->rhs = CloneDuration(from->rhs);
  return to;
}

TimeShift CloneShift(const TimeShift& from) {
  return TimeShift{from.offset_ms, CloneDuration(from.offset_expr), from.at, from.at_ms};
}

VectorSelector CloneSelector(const VectorSelector& from) {
  return VectorSelector{from.name, from.matchers, CloneShift(from.shift), from.anchored,
                        from.smoothed};
}

ExprPtr CloneOrNull(const ExprPtr& from) { return from == nullptr ? nullptr : Clone(*from); }

Expr::Node CloneNode(const Expr::Node& node) {
  return std::visit(
      Overloaded{
          [](const NumberLiteral& n) -> Expr::Node { return n; },
          [](const StringLiteral& n) -> Expr::Node { return n; },
          [](const VectorSelector& n) -> Expr::Node { return CloneSelector(n); },
          [](const MatrixSelector& n) -> Expr::Node {
            return MatrixSelector{CloneSelector(n.selector), n.range_ms,
                                  CloneDuration(n.range_expr), n.selector_position};
          },
          [](const Subquery& n) -> Expr::Node {
            return Subquery{CloneOrNull(n.expr),         n.range_ms,
                            CloneDuration(n.range_expr), n.step_ms,
                            CloneDuration(n.step_expr),  CloneShift(n.shift)};
          },
          [](const Call& n) -> Expr::Node {
            Call call{n.function, {}};
            for (const ExprPtr& arg : n.args) call.args.push_back(Clone(*arg));
            return call;
          },
          [](const Aggregate& n) -> Expr::Node {
            return Aggregate{n.op, CloneOrNull(n.expr), CloneOrNull(n.param), n.grouping,
                             n.without};
          },
          [](const Binary& n) -> Expr::Node {
            return Binary{n.op, n.return_bool, CloneOrNull(n.lhs), CloneOrNull(n.rhs), n.matching};
          },
          [](const Unary& n) -> Expr::Node { return Unary{n.negate, CloneOrNull(n.expr)}; },
          [](const Paren& n) -> Expr::Node { return Paren{CloneOrNull(n.expr)}; },
          [](const StepInvariant& n) -> Expr::Node { return StepInvariant{CloneOrNull(n.expr)}; },
      },
      node);
}

}  // namespace

std::string_view Spelling(BinaryOp op) {
  constexpr std::array<std::string_view, 18> kSpellings = {
      "+",  "-",  "*", "/",  "%", "^",  "atan2", "</", ">/",
      "==", "!=", "<", "<=", ">", ">=", "and",   "or", "unless"};
  return kSpellings[static_cast<size_t>(op)];
}

std::string_view Spelling(AggregateOp op) {
  constexpr std::array<std::string_view, 14> kSpellings = {
      "sum",    "avg",  "count",   "min",          "max",      "group",  "stddev",
      "stdvar", "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"};
  return kSpellings[static_cast<size_t>(op)];
}

ExprPtr MakeExpr(Expr::Node node, PositionRange position) {
  auto expr = std::make_unique<Expr>();
  expr->node = std::move(node);
  expr->position = position;
  expr->type = TypeOf(expr->node);
  ForEachChild(expr->node, [&](const Expr* child) {
    expr->height = std::max(expr->height, child->height + 1);
  });
  return expr;
}

ExprPtr Clone(const Expr& expr) { return MakeExpr(CloneNode(expr.node), expr.position); }

std::vector<const Expr*> Children(const Expr& expr) {
  std::vector<const Expr*> children;
  ForEachChild(expr.node, [&](const Expr* child) { children.push_back(child); });
  return children;
}

std::vector<Expr*> Children(Expr* expr) {
  std::vector<Expr*> children;
  ForEachChild(expr->node, [&](Expr* child) { children.push_back(child); });
  return children;
}

const Expr& Unwrap(const Expr& expr) {
  const Expr* inner = &expr;
  while (const auto* paren = inner->As<Paren>()) inner = paren->expr.get();
  return *inner;
}

std::string PositionText(std::string_view text, PositionRange position) {
  if (text.empty()) return "unknown position";
  const auto start = static_cast<size_t>(position.start);
  if (position.start < 0 || start > text.size()) return "invalid position";
  const std::string_view before = text.substr(0, start);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_break = before.rfind('\n');
  const size_t column = line_break == std::string_view::npos ? start + 1 : start - line_break;
  return std::to_string(line) + ':' + std::to_string(column);
}

}  // namespace larnax::promql
