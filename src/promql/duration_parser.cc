#include <cmath>

#include "promql/parser_state.h"

namespace larnax::promql {
namespace {

constexpr ErrorContext kOffset = {"offset", "number, duration, step(), or range()"};
constexpr int kLowest = 1;
constexpr int kPower = 3;

using Op = DurationExpr::Op;

bool IsNumber(const Token& token) {
  return token.Is(TokenType::kNumber) || token.Is(TokenType::kDuration);
}

bool IsCall(const Token& token) {
  return token.Is(TokenType::kStep) || token.Is(TokenType::kRange) || token.Is(TokenType::kMaxOf) ||
         token.Is(TokenType::kMinOf);
}

struct Operator {
  Op op;
  int precedence;
};

std::optional<Operator> OperatorOf(const Token& token) {
  if (!token.Is(TokenType::kOperator)) return std::nullopt;
  switch (token.binary_op) {
    case BinaryOp::kAdd:
      return Operator{Op::kAdd, kLowest};
    case BinaryOp::kSub:
      return Operator{Op::kSub, kLowest};
    case BinaryOp::kMul:
      return Operator{Op::kMul, 2};
    case BinaryOp::kDiv:
      return Operator{Op::kDiv, 2};
    case BinaryOp::kMod:
      return Operator{Op::kMod, 2};
    case BinaryOp::kPow:
      return Operator{Op::kPow, kPower};
    default:
      return std::nullopt;
  }
}

// What 64 bits of nanoseconds hold.
bool IsOutOfRange(double seconds) { return !(std::fabs(seconds) <= 9223372036.854775808); }

DurationExprPtr MakeDuration(Op op, DurationExprPtr lhs, DurationExprPtr rhs,
                             PositionRange position) {
  auto duration = std::make_unique<DurationExpr>();
  duration->op = op;
  duration->lhs = std::move(lhs);
  duration->rhs = std::move(rhs);
  duration->position = position;
  return duration;
}

}  // namespace

arrow::Result<DurationExprPtr> ParserState::ParsePositiveDuration(ErrorContext context) {
  constexpr double kSmallest = 0.001;
  duration_context_ = context;
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr duration, ParseDuration(kLowest));
  if (duration->op == Op::kNumber && !(duration->seconds >= kSmallest)) {
    return Fail(duration->position, "duration must be greater than 0");
  }
  return duration;
}

// Operators after a literal or call belong to the expression around it: `x offset 5m + 2` is
// `(x offset 5m) + 2`. After parentheses they belong to the duration.
arrow::Result<DurationExprPtr> ParserState::ParseOffsetDuration() {
  duration_context_ = kOffset;
  const Token& next = Peek();
  if (next.IsSign()) return ParseSignedOffsetDuration();
  if (IsNumber(next)) return ParseDurationLiteral(next.position);
  if (IsCall(next)) return ParseDurationCall();
  return ParseDuration(kLowest);
}

arrow::Result<DurationExprPtr> ParserState::ParseSignedOffsetDuration() {
  const Token sign = Take();
  const Token next = Peek();
  if (IsNumber(next)) {
    ARROW_ASSIGN_OR_RAISE(DurationExprPtr literal, ParseDurationLiteral(sign.position));
    return Negate(sign, std::move(literal));
  }
  if (IsCall(next)) {
    ARROW_ASSIGN_OR_RAISE(DurationExprPtr call, ParseDurationCall());
    const PositionRange position = {sign.position.start, call->position.end};
    const bool negative = sign.binary_op == BinaryOp::kSub;
    return MakeDuration(negative ? Op::kNegate : Op::kPlus, nullptr, std::move(call), position);
  }
  if (next.Is(TokenType::kLeftParen)) {
    ARROW_ASSIGN_OR_RAISE(DurationExprPtr inner, ParseDurationParentheses());
    return Negate(sign, std::move(inner));
  }
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr operand, ParseDuration(kPower));
  ARROW_ASSIGN_OR_RAISE(operand, Negate(sign, std::move(operand)));
  return ParseDurationRest(std::move(operand), kLowest);
}

arrow::Result<DurationExprPtr> ParserState::ParseDuration(int lowest_precedence) {
  ARROW_RETURN_NOT_OK(EnterNesting());
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr lhs, ParseDurationUnary());
  ARROW_ASSIGN_OR_RAISE(lhs, ParseDurationRest(std::move(lhs), lowest_precedence));
  --nesting_;
  return lhs;
}

arrow::Result<DurationExprPtr> ParserState::ParseDurationRest(DurationExprPtr lhs,
                                                              int lowest_precedence) {
  for (int32_t height = 0;; ++height) {
    const std::optional<Operator> op = OperatorOf(Peek());
    if (!op.has_value() || op->precedence < lowest_precedence) return lhs;
    if (height == kMaxNesting) return Fail(Peek().position, "duration has too many operators");
    const Token token = Take();
    ARROW_ASSIGN_OR_RAISE(
        DurationExprPtr rhs,
        ParseDuration(op->precedence == kPower ? op->precedence : op->precedence + 1));
    const bool by_zero = rhs->op == Op::kNumber && rhs->seconds == 0;
    if (by_zero && op->op == Op::kDiv) return Fail(token.position, "division by zero");
    if (by_zero && op->op == Op::kMod) return Fail(token.position, "modulo by zero");
    const PositionRange position = {lhs->position.start, rhs->position.end};
    lhs = MakeDuration(op->op, std::move(lhs), std::move(rhs), position);
  }
}

arrow::Result<DurationExprPtr> ParserState::ParseDurationUnary() {
  if (!Peek().IsSign()) return ParseDurationPrimary();
  const Token sign = Take();
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr operand, ParseDuration(kPower));
  return Negate(sign, std::move(operand));
}

// Applies a sign; a plus changes nothing.
arrow::Result<DurationExprPtr> ParserState::Negate(const Token& sign, DurationExprPtr operand) {
  const bool negative = sign.binary_op == BinaryOp::kSub;
  if (operand->op == Op::kNumber) {
    if (negative) operand->seconds = -operand->seconds;
    operand->position.start = sign.position.start;
    return operand;
  }
  if (!negative) return operand;
  const PositionRange position = {sign.position.start, operand->position.end};
  return MakeDuration(Op::kNegate, nullptr, std::move(operand), position);
}

arrow::Result<DurationExprPtr> ParserState::ParseDurationPrimary() {
  if (IsNumber(Peek())) return ParseDurationLiteral(Peek().position);
  if (IsCall(Peek())) return ParseDurationCall();
  if (Peek().Is(TokenType::kLeftParen)) return ParseDurationParentheses();
  return UnexpectedInDuration();
}

arrow::Result<DurationExprPtr> ParserState::ParseDurationParentheses() {
  Take();
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr inner, ParseDuration(kLowest));
  ARROW_RETURN_NOT_OK(Expect(TokenType::kRightParen, duration_context_));
  inner->in_parentheses = inner->op != Op::kNumber;
  return inner;
}

arrow::Result<DurationExprPtr> ParserState::ParseDurationCall() {
  const Token name = Take();
  ARROW_RETURN_NOT_OK(Expect(TokenType::kLeftParen, duration_context_));
  DurationExprPtr lhs;
  DurationExprPtr rhs;
  Op op = name.Is(TokenType::kStep) ? Op::kStep : Op::kRange;
  if (name.Is(TokenType::kMaxOf) || name.Is(TokenType::kMinOf)) {
    op = name.Is(TokenType::kMaxOf) ? Op::kMaxOf : Op::kMinOf;
    ARROW_ASSIGN_OR_RAISE(lhs, ParseDuration(kLowest));
    ARROW_RETURN_NOT_OK(Expect(TokenType::kComma, duration_context_));
    ARROW_ASSIGN_OR_RAISE(rhs, ParseDuration(kLowest));
  }
  ARROW_RETURN_NOT_OK(Expect(TokenType::kRightParen, duration_context_));
  return MakeDuration(op, std::move(lhs), std::move(rhs), {name.position.start, LastEnd()});
}

arrow::Result<DurationExprPtr> ParserState::ParseDurationLiteral(PositionRange range_error) {
  const bool is_duration = Peek().Is(TokenType::kDuration);
  const PositionRange position = Peek().position;
  ARROW_ASSIGN_OR_RAISE(const double seconds, TakeNumber());
  if (IsOutOfRange(seconds)) return Fail(range_error, "duration out of range");
  DurationExprPtr literal = MakeDuration(Op::kNumber, nullptr, nullptr, position);
  literal->is_duration = is_duration;
  literal->seconds = seconds;
  return literal;
}

}  // namespace larnax::promql
