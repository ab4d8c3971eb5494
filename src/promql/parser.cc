#include "promql/parser.h"

#include "base/utf8.h"
#include "larnax/error.h"
#include "promql/number_text.h"
#include "promql/parser_state.h"
#include "promql/quote.h"

namespace larnax::promql {
namespace {

constexpr int kLowest = 1;
constexpr int kPower = 6;

int Precedence(BinaryOp op) {
  switch (op) {
    case BinaryOp::kOr:
      return kLowest;
    case BinaryOp::kAnd:
    case BinaryOp::kUnless:
      return 2;
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return 4;
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kAtan2:
      return 5;
    case BinaryOp::kPow:
      return kPower;
    default:
      return 3;
  }
}

bool CanStartExpression(const Token& token) {
  switch (token.type) {
    case TokenType::kNumber:
    case TokenType::kDuration:
    case TokenType::kString:
    case TokenType::kLeftParen:
    case TokenType::kLeftBrace:
      return true;
    default:
      return token.IsSign() || IsMetricName(token);
  }
}

bool CanNameFunction(const Token& token) {
  switch (token.type) {
    case TokenType::kIdentifier:
    case TokenType::kStart:
    case TokenType::kEndKeyword:
    case TokenType::kStep:
    case TokenType::kRange:
    case TokenType::kMaxOf:
    case TokenType::kMinOf:
      return true;
    default:
      return false;
  }
}

constexpr ErrorContext kGroupingStart = {"grouping opts", "\"(\""};
constexpr ErrorContext kGroupingLabel = {"grouping opts", "label"};
constexpr ErrorContext kGroupingRest = {"grouping opts", "\",\" or \")\""};

}  // namespace

arrow::Result<ExprPtr> Parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_text_bytes) {
    return MakeError(ErrorKind::kBadQuery,
                     "the query is too long: bytes=" + std::to_string(text.size()) +
                         " limit=" + std::to_string(options.max_text_bytes));
  }
  ARROW_ASSIGN_OR_RAISE(ExprPtr expr, ParserState(text, options).ParseExpression());
  ARROW_RETURN_NOT_OK(CheckExpression(text, expr.get()));
  return expr;
}

arrow::Status ParseError(std::string_view text, PositionRange position, std::string_view message) {
  return MakeError(ErrorKind::kBadQuery,
                   PositionText(text, position) + ": parse error: " + std::string(message));
}

const Token& ParserState::Peek() {
  if (!has_next_) next_ = lexer_.Next();
  has_next_ = true;
  return next_;
}

Token ParserState::Take() {
  const Token token = Peek();
  has_next_ = false;
  last_end_ = token.position.end;
  return token;
}

bool ParserState::TakeIf(TokenType type) {
  if (!Peek().Is(type)) return false;
  Take();
  return true;
}

arrow::Status ParserState::Expect(TokenType type, ErrorContext context) {
  return TakeIf(type) ? arrow::Status::OK() : Unexpected(context);
}

arrow::Status ParserState::LexerError() {
  return ParseError(text_, next_.position, lexer_.error());
}

arrow::Status ParserState::Fail(PositionRange position, std::string_view message) {
  if (has_next_ && next_.Is(TokenType::kError)) return LexerError();
  return ParseError(text_, position, message);
}

arrow::Status ParserState::Unexpected(ErrorContext context) {
  const Token& token = Peek();
  if (token.Is(TokenType::kError)) return LexerError();
  if (context.where.empty() && aggregations_ > 0) context.where = "aggregation";
  std::string message = "unexpected " + Describe(token);
  if (!context.where.empty()) message.append(" in ").append(context.where);
  if (!context.expected.empty()) message.append(", expected ").append(context.expected);
  return ParseError(text_, token.position, message);
}

arrow::Status ParserState::EnterNesting() {
  if (++nesting_ <= kMaxNesting) return arrow::Status::OK();
  return Fail(Peek().position,
              "expression is nested too deep, limit=" + std::to_string(kMaxNesting));
}

arrow::Result<ExprPtr> ParserState::Finish(Expr::Node node, PositionRange position) {
  ExprPtr expr = MakeExpr(std::move(node), position);
  if (expr->height <= kMaxHeight) return expr;
  return Fail(position, "expression has too many levels, limit=" + std::to_string(kMaxHeight));
}

arrow::Result<ExprPtr> ParserState::ParseExpression() {
  if (Peek().Is(TokenType::kEnd)) return Fail({}, "no expression found in input");
  ARROW_ASSIGN_OR_RAISE(ExprPtr expr, ParseBinary(kLowest));
  if (!Peek().Is(TokenType::kEnd)) return Unexpected();
  return expr;
}

arrow::Result<ExprPtr> ParserState::ParseBinary(int lowest_precedence) {
  ARROW_RETURN_NOT_OK(EnterNesting());
  ARROW_ASSIGN_OR_RAISE(ExprPtr lhs, ParseUnary());
  while (Peek().Is(TokenType::kOperator)) {
    const BinaryOp op = Peek().binary_op;
    const int precedence = Precedence(op);
    if (precedence < lowest_precedence) break;
    Take();
    Binary binary;
    binary.op = op;
    ARROW_RETURN_NOT_OK(ParseBinaryModifiers(&binary));
    ARROW_ASSIGN_OR_RAISE(binary.rhs,
                          ParseBinary(op == BinaryOp::kPow ? precedence : precedence + 1));
    const PositionRange position = {lhs->position.start, binary.rhs->position.end};
    const bool has_fill = binary.matching->fill_left || binary.matching->fill_right;
    if (has_fill && !options_.binop_fill_modifiers) {
      return Fail(position, "binop fill modifiers are experimental and not enabled");
    }
    binary.lhs = std::move(lhs);
    ARROW_ASSIGN_OR_RAISE(lhs, Finish(std::move(binary), position));
  }
  --nesting_;
  return lhs;
}

arrow::Result<ExprPtr> ParserState::ParseUnary() {
  if (!Peek().IsSign()) return ParseWithModifiers();
  const Token sign = Take();
  const bool negate = sign.binary_op == BinaryOp::kSub;
  ARROW_ASSIGN_OR_RAISE(ExprPtr operand, ParseBinary(kPower));
  if (auto* number = operand->As<NumberLiteral>()) {
    if (negate) number->value = -number->value;
    operand->position.start = sign.position.start;
    return operand;
  }
  const PositionRange position = {sign.position.start, operand->position.end};
  return Finish(Unary{negate, std::move(operand)}, position);
}

arrow::Result<ExprPtr> ParserState::ParseWithModifiers() {
  ARROW_ASSIGN_OR_RAISE(ExprPtr expr, ParsePrimary());
  while (true) {
    const Token& next = Peek();
    if (next.Is(TokenType::kOffset)) {
      ARROW_RETURN_NOT_OK(ParseOffset(expr.get()));
    } else if (next.Is(TokenType::kAt)) {
      ARROW_RETURN_NOT_OK(ParseAt(expr.get()));
    } else if (next.Is(TokenType::kAnchored) || next.Is(TokenType::kSmoothed)) {
      ARROW_RETURN_NOT_OK(ParseAnchored(expr.get()));
    } else if (next.Is(TokenType::kLeftBracket)) {
      ARROW_ASSIGN_OR_RAISE(expr, ParseBrackets(std::move(expr)));
    } else {
      return expr;
    }
  }
}

arrow::Result<ExprPtr> ParserState::ParsePrimary() {
  const Token& next = Peek();
  if (next.Is(TokenType::kNumber) || next.Is(TokenType::kDuration)) return ParseNumber();
  if (next.Is(TokenType::kLeftParen)) return ParseParentheses();
  if (next.Is(TokenType::kLeftBrace)) return ParseSelector(nullptr);
  if (next.Is(TokenType::kString)) {
    const Token token = Take();
    return Finish(StringLiteral{Unquote(token.text)}, token.position);
  }
  if (!IsMetricName(Peek())) return Unexpected();
  const Token name = Take();
  if (CanNameFunction(name) && Peek().Is(TokenType::kLeftParen)) return ParseCall(name);
  if (name.Is(TokenType::kAggregator) &&
      (Peek().Is(TokenType::kLeftParen) || Peek().Is(TokenType::kBy) ||
       Peek().Is(TokenType::kWithout))) {
    return ParseAggregate(name);
  }
  return ParseSelector(&name);
}

arrow::Result<double> ParserState::TakeNumber() {
  const Token token = Take();
  const auto value =
      token.Is(TokenType::kDuration) ? ReadDuration(token.text) : ReadNumber(token.text);
  if (!value.ok()) return Fail(token.position, value.status().message());
  return *value;
}

arrow::Result<ExprPtr> ParserState::ParseNumber() {
  const bool is_duration = Peek().Is(TokenType::kDuration);
  const PositionRange position = Peek().position;
  ARROW_ASSIGN_OR_RAISE(const double value, TakeNumber());
  return Finish(NumberLiteral{value, is_duration}, position);
}

arrow::Result<ExprPtr> ParserState::ParseParentheses() {
  const Token left = Take();
  ARROW_ASSIGN_OR_RAISE(ExprPtr expr, ParseBinary(kLowest));
  ARROW_RETURN_NOT_OK(Expect(TokenType::kRightParen, {}));
  return Finish(Paren{std::move(expr)}, {left.position.start, LastEnd()});
}

arrow::Result<ExprPtr> ParserState::ParseCall(const Token& name) {
  ARROW_ASSIGN_OR_RAISE(std::vector<ExprPtr> args, ParseArguments());
  const FunctionSignature* function = FindFunction(name.text);
  if (function == nullptr) {
    return Fail(name.position, "unknown function with name " + Quoted(name.text));
  }
  if (function->experimental && !options_.experimental_functions) {
    return Fail(name.position, "function " + Quoted(name.text) + " is not enabled");
  }
  return Finish(Call{function, std::move(args)}, {name.position.start, LastEnd()});
}

arrow::Result<std::vector<ExprPtr>> ParserState::ParseArguments() {
  ARROW_RETURN_NOT_OK(Expect(TokenType::kLeftParen, {}));
  std::vector<ExprPtr> args;
  if (TakeIf(TokenType::kRightParen)) return args;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(ExprPtr arg, ParseBinary(kLowest));
    args.push_back(std::move(arg));
    if (TakeIf(TokenType::kRightParen)) return args;
    if (!Peek().Is(TokenType::kComma)) return Unexpected();
    const Token comma = Take();
    if (!CanStartExpression(Peek())) {
      return Fail(comma.position, "trailing commas not allowed in function call args");
    }
  }
}

arrow::Result<ExprPtr> ParserState::ParseAggregate(const Token& op) {
  ++aggregations_;
  Aggregate aggregate;
  aggregate.op = op.aggregate_op;
  const auto is_clause = [this] {
    return Peek().Is(TokenType::kBy) || Peek().Is(TokenType::kWithout);
  };
  const auto parse_clause = [&]() -> arrow::Status {
    aggregate.without = Take().Is(TokenType::kWithout);
    return ParseGroupingLabels().Value(&aggregate.grouping);
  };
  const bool clause_first = is_clause();
  if (clause_first) ARROW_RETURN_NOT_OK(parse_clause());
  ARROW_ASSIGN_OR_RAISE(std::vector<ExprPtr> args, ParseArguments());
  if (!clause_first && is_clause()) ARROW_RETURN_NOT_OK(parse_clause());
  --aggregations_;
  return FinishAggregate(op, std::move(aggregate), std::move(args));
}

arrow::Result<ExprPtr> ParserState::FinishAggregate(const Token& op, Aggregate aggregate,
                                                    std::vector<ExprPtr> args) {
  const PositionRange position = {op.position.start, LastEnd()};
  if (args.empty()) return Fail(position, "no arguments for aggregate expression provided");
  const bool experimental =
      aggregate.op == AggregateOp::kLimitk || aggregate.op == AggregateOp::kLimitRatio;
  if (experimental && !options_.experimental_functions) {
    return Fail(position, std::string(Spelling(aggregate.op)) +
                              "() is experimental and must be enabled with "
                              "--enable-feature=promql-experimental-functions");
  }
  const size_t wanted = HasParameter(aggregate.op) ? 2 : 1;
  if (args.size() != wanted) {
    return Fail(position, "wrong number of arguments for aggregate expression provided, expected " +
                              std::to_string(wanted) + ", got " + std::to_string(args.size()));
  }
  aggregate.expr = std::move(args.back());
  if (wanted == 2) aggregate.param = std::move(args.front());
  return Finish(std::move(aggregate), position);
}

arrow::Status ParserState::ParseBinaryModifiers(Binary* binary) {
  VectorMatching& matching = binary->matching.emplace();
  binary->return_bool = TakeIf(TokenType::kBool);
  if (Peek().Is(TokenType::kOn) || Peek().Is(TokenType::kIgnoring)) {
    matching.on = Take().Is(TokenType::kOn);
    ARROW_ASSIGN_OR_RAISE(matching.labels, ParseGroupingLabels());
    if (Peek().Is(TokenType::kGroupLeft) || Peek().Is(TokenType::kGroupRight)) {
      matching.cardinality = Take().Is(TokenType::kGroupLeft)
                                 ? VectorMatching::Cardinality::kManyToOne
                                 : VectorMatching::Cardinality::kOneToMany;
      if (Peek().Is(TokenType::kLeftParen) || !CanStartExpression(Peek())) {
        ARROW_ASSIGN_OR_RAISE(matching.include, ParseGroupingLabels());
      }
    }
  }
  return ParseFillModifiers(&matching);
}

arrow::Status ParserState::ParseFillModifiers(VectorMatching* matching) {
  if (TakeIf(TokenType::kFill)) {
    ARROW_ASSIGN_OR_RAISE(matching->fill_left, ParseFillValue());
    matching->fill_right = matching->fill_left;
    return arrow::Status::OK();
  }
  if (TakeIf(TokenType::kFillLeft)) {
    ARROW_ASSIGN_OR_RAISE(matching->fill_left, ParseFillValue());
    if (!TakeIf(TokenType::kFillRight)) return arrow::Status::OK();
    return ParseFillValue().Value(&matching->fill_right.emplace());
  }
  if (TakeIf(TokenType::kFillRight)) {
    ARROW_ASSIGN_OR_RAISE(matching->fill_right, ParseFillValue());
    if (!TakeIf(TokenType::kFillLeft)) return arrow::Status::OK();
    return ParseFillValue().Value(&matching->fill_left.emplace());
  }
  return arrow::Status::OK();
}

arrow::Result<double> ParserState::ParseFillValue() {
  ARROW_RETURN_NOT_OK(Expect(TokenType::kLeftParen, {}));
  const bool negate = Peek().IsSign() && Take().binary_op == BinaryOp::kSub;
  if (!Peek().Is(TokenType::kNumber) && !Peek().Is(TokenType::kDuration)) return Unexpected();
  ARROW_ASSIGN_OR_RAISE(const double value, TakeNumber());
  ARROW_RETURN_NOT_OK(Expect(TokenType::kRightParen, {}));
  return negate ? -value : value;
}

arrow::Result<std::vector<std::string>> ParserState::ParseGroupingLabels() {
  ARROW_RETURN_NOT_OK(Expect(TokenType::kLeftParen, kGroupingStart));
  std::vector<std::string> labels;
  while (!TakeIf(TokenType::kRightParen)) {
    const bool quoted = Peek().Is(TokenType::kString);
    if (!quoted && !IsLabelName(Peek())) return Unexpected(kGroupingLabel);
    const Token token = Take();
    std::string label = quoted ? Unquote(token.text) : std::string(token.text);
    if (label.empty() || !base::IsValidUtf8(label)) {
      return Fail(token.position, "invalid label name for grouping: " + Quoted(label));
    }
    labels.push_back(std::move(label));
    if (TakeIf(TokenType::kRightParen)) break;
    ARROW_RETURN_NOT_OK(Expect(TokenType::kComma, kGroupingRest));
  }
  return labels;
}

}  // namespace larnax::promql
