#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

#include "promql/ast.h"
#include "promql/lexer.h"
#include "promql/parser.h"

namespace larnax::promql {

/// What an error message says about the place where an unexpected token stands.
struct ErrorContext {
  std::string_view where;     ///< `offset`; empty: says nothing.
  std::string_view expected;  ///< `timestamp`
};

/// One run of the parser: precedence climbing with one token of lookahead.
///
/// The first thing wrong ends it. Which that is, when several are, follows from when a table-driven
/// LALR(1) parser looks at the next token, since the reference is one: the lookahead is read as
/// late as possible, and an error of the lexer in it comes before any error about what was read.
class ParserState {
 public:
  ParserState(std::string_view text, const ParseOptions& options)
      : text_(text), options_(options), lexer_(text) {}

  arrow::Result<ExprPtr> ParseExpression();

 private:
  // parser.cc: expressions
  arrow::Result<ExprPtr> ParseBinary(int lowest_precedence);
  arrow::Result<ExprPtr> ParseUnary();
  arrow::Result<ExprPtr> ParseWithModifiers();
  arrow::Result<ExprPtr> ParsePrimary();
  arrow::Result<ExprPtr> ParseNumber();
  arrow::Result<ExprPtr> ParseParentheses();
  arrow::Result<ExprPtr> ParseCall(const Token& name);
  arrow::Result<std::vector<ExprPtr>> ParseArguments();
  arrow::Result<ExprPtr> ParseAggregate(const Token& op);
  arrow::Result<ExprPtr> FinishAggregate(const Token& op, Aggregate aggregate,
                                         std::vector<ExprPtr> args);
  arrow::Status ParseBinaryModifiers(Binary* binary);
  arrow::Status ParseFillModifiers(VectorMatching* matching);
  arrow::Result<double> ParseFillValue();
  arrow::Result<std::vector<std::string>> ParseGroupingLabels();
  arrow::Result<ExprPtr> Finish(Expr::Node node, PositionRange position);

  // selector_parser.cc: selectors and what may follow them
  arrow::Result<ExprPtr> ParseSelector(const Token* name);
  arrow::Status ParseMatchers(VectorSelector* selector);
  arrow::Result<Matcher> ParseMatcher();
  arrow::Status ParseAt(Expr* expr);
  arrow::Status SetAt(Expr* expr, TimeShift::At at, int64_t at_ms);
  arrow::Status ParseOffset(Expr* expr);
  arrow::Status ParseAnchored(Expr* expr);
  arrow::Result<ExprPtr> ParseBrackets(ExprPtr expr);
  arrow::Result<ExprPtr> MakeMatrix(ExprPtr expr, DurationExprPtr range, const Token& left);
  arrow::Result<TimeShift*> ShiftOf(Expr* expr, std::string_view modifier);

  // duration_parser.cc: durations that have to be computed
  arrow::Result<DurationExprPtr> ParseOffsetDuration();
  arrow::Result<DurationExprPtr> ParseSignedOffsetDuration();
  arrow::Result<DurationExprPtr> ParsePositiveDuration(ErrorContext context);
  arrow::Result<DurationExprPtr> ParseDuration(int lowest_precedence);
  arrow::Result<DurationExprPtr> ParseDurationRest(DurationExprPtr lhs, int lowest_precedence);
  arrow::Result<DurationExprPtr> ParseDurationUnary();
  arrow::Result<DurationExprPtr> ParseDurationPrimary();
  arrow::Result<DurationExprPtr> ParseDurationCall();
  arrow::Result<DurationExprPtr> ParseDurationParentheses();
  arrow::Result<DurationExprPtr> Negate(const Token& sign, DurationExprPtr operand);
  /// `range_error` is where a value out of range is reported.
  arrow::Result<DurationExprPtr> ParseDurationLiteral(PositionRange range_error);
  arrow::Status UnexpectedInDuration() { return Unexpected(duration_context_); }

  /// Read the number or duration that comes next, in seconds.
  arrow::Result<double> TakeNumber();

  const Token& Peek();
  Token Take();
  bool TakeIf(TokenType type);
  /// Take a token of this type, or fail as Unexpected does.
  arrow::Status Expect(TokenType type, ErrorContext context);
  /// Where the last token taken ends.
  int32_t LastEnd() const { return last_end_; }

  arrow::Status Fail(PositionRange position, std::string_view message);
  arrow::Status LexerError();
  /// Fail at the next token. Without a context, that of the aggregation around it counts.
  arrow::Status Unexpected(ErrorContext context = {});
  arrow::Status EnterNesting();

  std::string_view text_;
  const ParseOptions& options_;
  Lexer lexer_;
  Token next_;
  bool has_next_ = false;
  int32_t last_end_ = 0;
  int32_t nesting_ = 0;
  int aggregations_ = 0;  // Around the place that is being read.
  ErrorContext duration_context_;
};

/// Check types, numbers of arguments and whatever the grammar lets pass; complete `matching`.
arrow::Status CheckExpression(std::string_view text, Expr* expr);

/// The error of a query's text: `line:col: parse error: message`.
arrow::Status ParseError(std::string_view text, PositionRange position, std::string_view message);

}  // namespace larnax::promql
