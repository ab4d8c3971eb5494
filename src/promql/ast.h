#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "larnax/labels.h"
#include "promql/function_signatures.h"

namespace larnax::promql {

/// Bytes [start, end) of the text of a query.
struct PositionRange {
  int32_t start = 0;
  int32_t end = 0;

  friend bool operator==(const PositionRange&, const PositionRange&) = default;
};

/// Operators between two expressions, in the groups that checks and evaluation tell apart.
enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kTrimUpper,  ///< `</`: the part of a histogram below a value.
  kTrimLower,  ///< `>/`: the part above.
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAnd,
  kOr,
  kUnless,
};
/// Tell whether `op` cuts histograms off at a value.
constexpr bool IsTrim(BinaryOp op) {
  return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
}
/// Tell whether `op` is one of `== != < <= > >=`.
constexpr bool IsComparison(BinaryOp op) {
  return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterEqual;
}
/// Tell whether `op` is one of `and or unless`.
constexpr bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }
/// The operator as it is written: `+`, `</`, `unless`, `atan2`.
std::string_view Spelling(BinaryOp op);

enum class AggregateOp : uint8_t {
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kCountValues,
  kQuantile,
  kLimitk,
  kLimitRatio,
};
/// Tell whether `op` takes a parameter before its vector (`topk`, `count_values`, ...).
constexpr bool HasParameter(AggregateOp op) { return op >= AggregateOp::kTopk; }
/// The name as it is written in lower case: `sum`, `limit_ratio`.
std::string_view Spelling(AggregateOp op);

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// A duration that is computed when the query runs: `[5m * 2]`, `offset (step() + 1s)`.
struct DurationExpr {
  enum class Op : uint8_t {
    kNumber,  ///< Leaf: `seconds`.
    kStep,    ///< Leaf: `step()`, the query's step; 0 in an instant query.
    kRange,   ///< Leaf: `range()`, the query's end minus its start.
    kNegate,  ///< Of `rhs`.
    kPlus,    ///< `+` before `rhs`.
    kAdd,     ///< The rest: of `lhs` and `rhs`.
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kMaxOf,
    kMinOf,
  };
  Op op = Op::kNumber;
  bool is_duration = false;  ///< A kNumber that was written `5m`, not `300`.
  bool in_parentheses = false;
  double seconds = 0;
  std::unique_ptr<DurationExpr> lhs;
  std::unique_ptr<DurationExpr> rhs;
  PositionRange position;
};
using DurationExprPtr = std::unique_ptr<DurationExpr>;

/// How a selector or subquery is moved in time: `offset 5m`, `@ 1000`, `@ end()`.
struct TimeShift {
  enum class At : uint8_t { kNone, kTime, kStart, kEnd };

  int64_t offset_ms = 0;        ///< As written; 0 where `offset_expr` is set.
  DurationExprPtr offset_expr;  ///< Null unless the offset has to be computed.
  At at = At::kNone;
  int64_t at_ms = 0;  ///< For kTime.
};

/// `300`, `0x1F`, `Inf`, `5m` (a number of seconds).
struct NumberLiteral {
  double value = 0;
  bool is_duration = false;  ///< Was written as a duration, and prints as one.
};

struct StringLiteral {
  std::string value;  ///< Any bytes.
};

/// `metric{label="value"} offset 5m`: an instant vector.
struct VectorSelector {
  std::string name;               ///< The name before the braces; empty if there was none.
  std::vector<Matcher> matchers;  ///< All conditions; that of `name` comes last.
  TimeShift shift;
  bool anchored = false;
  bool smoothed = false;
};

/// `metric[5m]`: a range vector. Modifiers that follow the brackets are in `selector`.
struct MatrixSelector {
  VectorSelector selector;
  int64_t range_ms = 0;        ///< > 0, or 0 where `range_expr` is set.
  DurationExprPtr range_expr;  ///< Null unless the range has to be computed.
  PositionRange selector_position;
};

/// `expr[1h:5m]`: a range vector.
struct Subquery {
  ExprPtr expr;
  int64_t range_ms = 0;
  DurationExprPtr range_expr;
  int64_t step_ms = 0;  ///< 0: the server's default, unless `step_expr` is set.
  DurationExprPtr step_expr;
  TimeShift shift;
};

/// `rate(x[5m])`. Arguments have been checked against the signature.
struct Call {
  const FunctionSignature* function = nullptr;  ///< Never null; lives as long as the program.
  std::vector<ExprPtr> args;
};

/// `topk by (job) (5, x)`
struct Aggregate {
  AggregateOp op = AggregateOp::kSum;
  ExprPtr expr;
  ExprPtr param;  ///< Null unless HasParameter(op).
  std::vector<std::string> grouping;
  bool without = false;
};

/// How series of the two sides of an operator find each other.
struct VectorMatching {
  enum class Cardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };

  Cardinality cardinality = Cardinality::kOneToOne;
  bool on = false;                   ///< `labels` are those that count, not those that do not.
  std::vector<std::string> labels;   ///< As written.
  std::vector<std::string> include;  ///< Labels in `group_left(..)` or `group_right(..)`.
  std::optional<double> fill_left;
  std::optional<double> fill_right;
};

struct Binary {
  BinaryOp op = BinaryOp::kAdd;
  bool return_bool = false;
  ExprPtr lhs;
  ExprPtr rhs;
  std::optional<VectorMatching> matching;  ///< Set exactly when both sides are vectors.
};

/// `-x`, `+x`. A sign before a number is part of the NumberLiteral.
struct Unary {
  bool negate = false;
  ExprPtr expr;
};

struct Paren {
  ExprPtr expr;
};

/// An expression with the same result at every step; made by the planner, never by the parser.
struct StepInvariant {
  ExprPtr expr;
};

/// One expression with its place in the text. Owned by its parent; make it with MakeExpr.
struct Expr {
  using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, Subquery,
                            Call, Aggregate, Binary, Unary, Paren, StepInvariant>;

  Node node;
  PositionRange position;
  ValueType type = ValueType::kNone;  ///< Of the value.
  int32_t height = 1;                 ///< Nodes on the longest way down to a leaf.

  /// The node as a `T`, or null when it is another.
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&node);
  }
  template <typename T>
  T* As() {
    return std::get_if<T>(&node);
  }
};

/// Build an expression on the heap; its type and height follow from the node.
ExprPtr MakeExpr(Expr::Node node, PositionRange position);

/// Copy an expression with all below it.
ExprPtr Clone(const Expr& expr);
/// The children of `expr` from left to right, a parameter before the aggregated expression.
std::vector<const Expr*> Children(const Expr& expr);
std::vector<Expr*> Children(Expr* expr);
/// `expr` without the parentheses around it.
const Expr& Unwrap(const Expr& expr);

/// Print the start of `position` in `text` as `line:column`, both from 1, columns in bytes.
std::string PositionText(std::string_view text, PositionRange position);

}  // namespace larnax::promql
