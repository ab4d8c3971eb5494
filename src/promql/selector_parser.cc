#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "promql/parser_state.h"
#include "promql/quote.h"

namespace larnax::promql {
namespace {

constexpr ErrorContext kMatcherStart = {"label matching", "identifier or \"}\""};
constexpr ErrorContext kMatcherOperator = {"label matching", "label matching operator"};
constexpr ErrorContext kMatcherValue = {"label matching", "string"};
constexpr ErrorContext kMatcherRest = {"label matching", "\",\" or \"}\""};
constexpr ErrorContext kAtTime = {"@", "timestamp"};
constexpr ErrorContext kRangeStart = {"subquery or range selector",
                                      "number, duration, step(), or range()"};
constexpr ErrorContext kRangeRest = {"subquery or range", "\":\" or \"]\""};
constexpr ErrorContext kStepStart = {"subquery selector",
                                     "number, duration, step(), range(), or \"]\""};
constexpr ErrorContext kStepRest = {"subquery selector", "\"]\""};

std::optional<MatchType> MatchTypeOf(const Token& token) {
  if (token.Is(TokenType::kEqual)) return MatchType::kEqual;
  if (token.IsOp(BinaryOp::kNotEqual)) return MatchType::kNotEqual;
  if (token.Is(TokenType::kEqualRegex)) return MatchType::kRegex;
  if (token.Is(TokenType::kNotEqualRegex)) return MatchType::kNotRegex;
  return std::nullopt;
}

int64_t ToMilliseconds(double seconds) {
  constexpr double kLimit = 9'223'372'036'854.0;
  // Rounded to nanoseconds first, so that 0.1 is 100 ms.
  const double ms = std::trunc(std::round(seconds * 1e9) / 1e6);
  return static_cast<int64_t>(std::fmax(-kLimit, std::fmin(ms, kLimit)));
}

// Six decimals, as `%f` prints them.
std::string WithDecimals(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 400> text;
  const auto result =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 6);
  return std::string(text.data(), result.ptr);
}

// Moves a duration to where it belongs: a literal becomes milliseconds.
void SetDuration(DurationExprPtr duration, int64_t* ms, DurationExprPtr* expr) {
  if (duration->op == DurationExpr::Op::kNumber) {
    *ms = ToMilliseconds(duration->seconds);
  } else {
    *expr = std::move(duration);
  }
}

}  // namespace

arrow::Result<ExprPtr> ParserState::ParseSelector(const Token* name) {
  VectorSelector selector;
  PositionRange position = name != nullptr ? name->position : Peek().position;
  if (name != nullptr) selector.name = name->text;
  if (Peek().Is(TokenType::kLeftBrace)) {
    ARROW_RETURN_NOT_OK(ParseMatchers(&selector));
    position.end = LastEnd();
  }
  if (name != nullptr) {
    ARROW_ASSIGN_OR_RAISE(Matcher matcher, Matcher::Make(MatchType::kEqual,
                                                         std::string(kMetricLabel), selector.name));
    selector.matchers.push_back(std::move(matcher));
  }
  return Finish(std::move(selector), position);
}

arrow::Status ParserState::ParseMatchers(VectorSelector* selector) {
  Take();
  while (!TakeIf(TokenType::kRightBrace)) {
    ARROW_ASSIGN_OR_RAISE(Matcher matcher, ParseMatcher());
    selector->matchers.push_back(std::move(matcher));
    if (TakeIf(TokenType::kRightBrace)) break;
    ARROW_RETURN_NOT_OK(Expect(TokenType::kComma, kMatcherRest));
  }
  return arrow::Status::OK();
}

arrow::Result<Matcher> ParserState::ParseMatcher() {
  const bool quoted = Peek().Is(TokenType::kString);
  if (!quoted && !Peek().Is(TokenType::kIdentifier)) return Unexpected(kMatcherStart);
  const Token label = Take();
  std::string name = quoted ? Unquote(label.text) : std::string(label.text);
  const std::optional<MatchType> type = MatchTypeOf(Peek());
  if (!type.has_value() && !quoted) return Unexpected(kMatcherOperator);
  arrow::Result<Matcher> matcher;
  if (type.has_value()) {
    Take();
    if (!Peek().Is(TokenType::kString)) return Unexpected(kMatcherValue);
    matcher = Matcher::Make(*type, std::move(name), Unquote(Take().text));
  } else {
    matcher = Matcher::Make(MatchType::kEqual, std::string(kMetricLabel), std::move(name));
  }
  if (!matcher.ok()) return Fail(label.position, matcher.status().message());
  return matcher;
}

arrow::Result<TimeShift*> ParserState::ShiftOf(Expr* expr, std::string_view modifier) {
  if (auto* selector = expr->As<VectorSelector>()) return &selector->shift;
  if (auto* matrix = expr->As<MatrixSelector>()) return &matrix->selector.shift;
  if (auto* subquery = expr->As<Subquery>()) return &subquery->shift;
  return Fail(expr->position,
              std::string(modifier) +
                  " modifier must be preceded by an instant vector selector or range vector "
                  "selector or a subquery");
}

arrow::Status ParserState::ParseAt(Expr* expr) {
  Take();
  if (Peek().Is(TokenType::kStart) || Peek().Is(TokenType::kEndKeyword)) {
    const TimeShift::At at =
        Take().Is(TokenType::kStart) ? TimeShift::At::kStart : TimeShift::At::kEnd;
    ARROW_RETURN_NOT_OK(Expect(TokenType::kLeftParen, kAtTime));
    ARROW_RETURN_NOT_OK(Expect(TokenType::kRightParen, kAtTime));
    return SetAt(expr, at, 0);
  }
  const bool negate = Peek().IsSign() && Take().binary_op == BinaryOp::kSub;
  if (!Peek().Is(TokenType::kNumber) && !Peek().Is(TokenType::kDuration)) {
    return Unexpected(kAtTime);
  }
  ARROW_ASSIGN_OR_RAISE(double seconds, TakeNumber());
  if (negate) seconds = -seconds;
  constexpr double kLimit = 9223372036854775808.0;
  if (!(std::fabs(seconds) < kLimit)) {
    return Fail(expr->position, "timestamp out of bounds for @ modifier: " + WithDecimals(seconds));
  }
  const double ms = std::round(seconds * 1000);
  const bool fits = std::fabs(ms) < kLimit;
  const int64_t furthest =
      ms > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
  return SetAt(expr, TimeShift::At::kTime, fits ? static_cast<int64_t>(ms) : furthest);
}

arrow::Status ParserState::SetAt(Expr* expr, TimeShift::At at, int64_t at_ms) {
  ARROW_ASSIGN_OR_RAISE(TimeShift * shift, ShiftOf(expr, "@"));
  if (shift->at != TimeShift::At::kNone) {
    return Fail(expr->position, "@ <timestamp> may not be set multiple times");
  }
  shift->at = at;
  shift->at_ms = at_ms;
  expr->position.end = LastEnd();
  return arrow::Status::OK();
}

arrow::Status ParserState::ParseOffset(Expr* expr) {
  Take();
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr duration, ParseOffsetDuration());
  ARROW_ASSIGN_OR_RAISE(TimeShift * shift, ShiftOf(expr, "offset"));
  if (shift->offset_ms != 0 || shift->offset_expr != nullptr) {
    return Fail(expr->position, "offset may not be set multiple times");
  }
  SetDuration(std::move(duration), &shift->offset_ms, &shift->offset_expr);
  expr->position.end = LastEnd();
  return arrow::Status::OK();
}

arrow::Status ParserState::ParseAnchored(Expr* expr) {
  const bool anchored = Take().Is(TokenType::kAnchored);
  const std::string modifier = anchored ? "anchored modifier" : "smoothed modifier";
  if (!options_.extended_range_selectors) {
    return Fail(expr->position, modifier + " is experimental and not enabled");
  }
  auto* selector = expr->As<VectorSelector>();
  if (auto* matrix = expr->As<MatrixSelector>()) selector = &matrix->selector;
  if (selector == nullptr) {
    return Fail(expr->position,
                modifier + (expr->As<Subquery>() != nullptr ? " is not supported for subqueries"
                                                            : " not implemented"));
  }
  (anchored ? selector->anchored : selector->smoothed) = true;
  if (selector->anchored && selector->smoothed) {
    return Fail(expr->position, "anchored and smoothed modifiers cannot be used together");
  }
  return arrow::Status::OK();
}

arrow::Result<ExprPtr> ParserState::ParseBrackets(ExprPtr expr) {
  const Token left = Take();
  ARROW_ASSIGN_OR_RAISE(DurationExprPtr range, ParsePositiveDuration(kRangeStart));
  if (TakeIf(TokenType::kRightBracket)) {
    return MakeMatrix(std::move(expr), std::move(range), left);
  }
  ARROW_RETURN_NOT_OK(Expect(TokenType::kColon, kRangeRest));
  Subquery subquery;
  SetDuration(std::move(range), &subquery.range_ms, &subquery.range_expr);
  if (!TakeIf(TokenType::kRightBracket)) {
    ARROW_ASSIGN_OR_RAISE(DurationExprPtr step, ParsePositiveDuration(kStepStart));
    SetDuration(std::move(step), &subquery.step_ms, &subquery.step_expr);
    ARROW_RETURN_NOT_OK(Expect(TokenType::kRightBracket, kStepRest));
  }
  const PositionRange position = {expr->position.start, LastEnd()};
  subquery.expr = std::move(expr);
  return Finish(std::move(subquery), position);
}

arrow::Result<ExprPtr> ParserState::MakeMatrix(ExprPtr expr, DurationExprPtr range,
                                               const Token& left) {
  auto* selector = expr->As<VectorSelector>();
  if (selector == nullptr) {
    return Fail(left.position, "ranges only allowed for vector selectors");
  }
  if (selector->shift.offset_ms != 0) {
    return Fail(left.position, "no offset modifiers allowed before range");
  }
  if (selector->shift.at == TimeShift::At::kTime) {
    return Fail(left.position, "no @ modifiers allowed before range");
  }
  MatrixSelector matrix;
  matrix.selector = std::move(*selector);
  matrix.selector_position = expr->position;
  SetDuration(std::move(range), &matrix.range_ms, &matrix.range_expr);
  return Finish(std::move(matrix), {expr->position.start, LastEnd()});
}

}  // namespace larnax::promql
