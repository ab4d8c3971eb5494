#include "promql/token.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "promql/quote.h"

namespace larnax::promql {
namespace {

struct Keyword {
  std::string_view name;
  TokenType type;
  uint8_t op = 0;  // Of a kOperator or kAggregator.
};

constexpr Keyword Operator(std::string_view name, BinaryOp op) {
  return {name, TokenType::kOperator, static_cast<uint8_t>(op)};
}
constexpr Keyword Aggregator(std::string_view name, AggregateOp op) {
  return {name, TokenType::kAggregator, static_cast<uint8_t>(op)};
}

// Sorted by name.
constexpr std::array kKeywords = {
    Keyword{"anchored", TokenType::kAnchored},
    Operator("and", BinaryOp::kAnd),
    Operator("atan2", BinaryOp::kAtan2),
    Aggregator("avg", AggregateOp::kAvg),
    Keyword{"bool", TokenType::kBool},
    Aggregator("bottomk", AggregateOp::kBottomk),
    Keyword{"by", TokenType::kBy},
    Aggregator("count", AggregateOp::kCount),
    Aggregator("count_values", AggregateOp::kCountValues),
    Keyword{"end", TokenType::kEndKeyword},
    Keyword{"fill", TokenType::kFill},
    Keyword{"fill_left", TokenType::kFillLeft},
    Keyword{"fill_right", TokenType::kFillRight},
    Aggregator("group", AggregateOp::kGroup),
    Keyword{"group_left", TokenType::kGroupLeft},
    Keyword{"group_right", TokenType::kGroupRight},
    Keyword{"ignoring", TokenType::kIgnoring},
    Keyword{"inf", TokenType::kNumber},
    Aggregator("limit_ratio", AggregateOp::kLimitRatio),
    Aggregator("limitk", AggregateOp::kLimitk),
    Aggregator("max", AggregateOp::kMax),
    Keyword{"max_of", TokenType::kMaxOf},
    Aggregator("min", AggregateOp::kMin),
    Keyword{"min_of", TokenType::kMinOf},
    Keyword{"nan", TokenType::kNumber},
    Keyword{"offset", TokenType::kOffset},
    Keyword{"on", TokenType::kOn},
    Operator("or", BinaryOp::kOr),
    Aggregator("quantile", AggregateOp::kQuantile),
    Keyword{"range", TokenType::kRange},
    Keyword{"smoothed", TokenType::kSmoothed},
    Keyword{"start", TokenType::kStart},
    Aggregator("stddev", AggregateOp::kStddev),
    Aggregator("stdvar", AggregateOp::kStdvar),
    Keyword{"step", TokenType::kStep},
    Aggregator("sum", AggregateOp::kSum),
    Aggregator("topk", AggregateOp::kTopk),
    Operator("unless", BinaryOp::kUnless),
    Keyword{"without", TokenType::kWithout},
};

static_assert(std::is_sorted(kKeywords.begin(), kKeywords.end(),
                             [](const Keyword& a, const Keyword& b) { return a.name < b.name; }));

constexpr size_t kLongestKeyword = 12;

bool IsNamedOperator(const Token& token) {
  return token.Is(TokenType::kOperator) &&
         (IsSetOperator(token.binary_op) || token.binary_op == BinaryOp::kAtan2);
}

// At most ten characters of the text, quoted.
std::string Shortened(std::string_view text) {
  if (text.size() <= 10) return Quoted(text);
  size_t end = 0;
  for (int runes = 0; runes < 10 && end < text.size(); ++runes) base::NextCodePoint(text, &end);
  return Quoted(text.substr(0, end)) + "...";
}

}  // namespace

void Classify(Token* token) {
  std::array<char, kLongestKeyword> lower;
  if (token->text.size() > lower.size()) return;
  std::transform(token->text.begin(), token->text.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string_view name(lower.data(), token->text.size());
  const auto* keyword =
      std::lower_bound(kKeywords.begin(), kKeywords.end(), name,
                       [](const Keyword& k, std::string_view n) { return k.name < n; });
  if (keyword == kKeywords.end() || keyword->name != name) return;
  token->type = keyword->type;
  token->binary_op = static_cast<BinaryOp>(keyword->op);
  token->aggregate_op = static_cast<AggregateOp>(keyword->op);
}

bool IsMetricName(const Token& token) {
  switch (token.type) {
    case TokenType::kIdentifier:
    case TokenType::kMetricIdentifier:
    case TokenType::kAggregator:
    case TokenType::kBy:
    case TokenType::kFill:
    case TokenType::kFillLeft:
    case TokenType::kFillRight:
    case TokenType::kOffset:
    case TokenType::kSmoothed:
    case TokenType::kAnchored:
    case TokenType::kWithout:
    case TokenType::kStart:
    case TokenType::kEndKeyword:
    case TokenType::kStep:
    case TokenType::kRange:
    case TokenType::kMaxOf:
    case TokenType::kMinOf:
      return true;
    default:
      return IsNamedOperator(token) && token.binary_op != BinaryOp::kAtan2;
  }
}

bool IsLabelName(const Token& token) {
  switch (token.type) {
    case TokenType::kBool:
    case TokenType::kOn:
    case TokenType::kIgnoring:
    case TokenType::kGroupLeft:
    case TokenType::kGroupRight:
      return true;
    default:
      return (IsMetricName(token) && !token.Is(TokenType::kWithout)) || IsNamedOperator(token);
  }
}

std::string Describe(const Token& token) {
  switch (token.type) {
    case TokenType::kEnd:
      return "end of input";
    case TokenType::kIdentifier:
      return "identifier " + Quoted(token.text);
    case TokenType::kMetricIdentifier:
      return "metric identifier " + Quoted(token.text);
    case TokenType::kString:
      return "string " + Shortened(token.text);
    case TokenType::kNumber:
      return "number " + Shortened(token.text);
    case TokenType::kDuration:
      return "duration " + Shortened(token.text);
    case TokenType::kOperator:
    case TokenType::kEqualRegex:
    case TokenType::kNotEqualRegex:
    case TokenType::kAt:
      return "<op:" + std::string(token.text) + '>';
    case TokenType::kAggregator:
      return "<aggr:" + std::string(token.text) + '>';
    case TokenType::kBool:
    case TokenType::kBy:
    case TokenType::kGroupLeft:
    case TokenType::kGroupRight:
    case TokenType::kFill:
    case TokenType::kFillLeft:
    case TokenType::kFillRight:
    case TokenType::kIgnoring:
    case TokenType::kOffset:
    case TokenType::kSmoothed:
    case TokenType::kAnchored:
    case TokenType::kOn:
    case TokenType::kWithout:
      return '<' + std::string(token.text) + '>';
    default:
      return Shortened(token.text);
  }
}

}  // namespace larnax::promql
