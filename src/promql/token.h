#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "promql/ast.h"

namespace larnax::promql {

enum class TokenType : uint8_t {
  kEnd,
  kError,  ///< The lexer's error; see Lexer::error.
  kIdentifier,
  kMetricIdentifier,  ///< An identifier with a colon.
  kString,            ///< Quotes included.
  kNumber,
  kDuration,
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kEqual,  ///< `=`
  kEqualRegex,
  kNotEqualRegex,
  kAt,
  kOperator,    ///< `Token::binary_op`; `!=` is also a matcher's.
  kAggregator,  ///< `Token::aggregate_op`
  kBool,
  kBy,
  kGroupLeft,
  kGroupRight,
  kFill,
  kFillLeft,
  kFillRight,
  kIgnoring,
  kOffset,
  kSmoothed,
  kAnchored,
  kOn,
  kWithout,
  kStart,
  kEndKeyword,
  kStep,
  kRange,
  kMaxOf,
  kMinOf,
};

/// A piece of the text of a query, borrowed from it.
struct Token {
  TokenType type = TokenType::kEnd;
  BinaryOp binary_op = BinaryOp::kAdd;
  AggregateOp aggregate_op = AggregateOp::kSum;
  PositionRange position;
  std::string_view text;

  bool Is(TokenType t) const { return type == t; }
  bool IsOp(BinaryOp op) const { return type == TokenType::kOperator && binary_op == op; }
  bool IsSign() const { return IsOp(BinaryOp::kAdd) || IsOp(BinaryOp::kSub); }
};

/// Describe a token as error messages do: `identifier "x"`, `<op:+>`, `<aggr:sum>`, `"("`,
/// `end of input`.
std::string Describe(const Token& token);

/// Turn an identifier into the token it is: a keyword, an operator, a number, or itself.
void Classify(Token* token);
/// Tell whether `token` may be a metric's name outside quotes.
bool IsMetricName(const Token& token);
/// Tell whether `token` may be a label's name in a grouping clause, outside quotes.
bool IsLabelName(const Token& token);

}  // namespace larnax::promql
