#include "test/promql/series_notation.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "larnax/error.h"
#include "larnax/format.h"
#include "promql/lexer.h"
#include "promql/quote.h"
#include "test/promql/histogram_literal.h"

namespace larnax::promqltest {
namespace {

using promql::Lexer;
using promql::Token;
using promql::TokenType;

arrow::Status Malformed(std::string_view what, std::string_view text) {
  return MakeError(ErrorKind::kBadQuery, std::string(what) + ": " + std::string(text));
}

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// Bytes of the number that `text` begins with, 0 for none.
size_t NumberLength(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t first = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
    return at - first;
  };
  const auto accept = [&](std::string_view any_of) {
    if (at == text.size() || any_of.find(text[at]) == std::string_view::npos) return false;
    ++at;
    return true;
  };
  accept("+-");
  if (const std::string_view word = text.substr(at, 3);
      word == "Inf" || word == "NaN" || word == "inf" || word == "nan") {
    return at + 3;
  }
  size_t count = digits();
  if (accept(".")) count += digits();
  if (count == 0) return 0;
  const size_t mantissa_end = at;
  if (accept("eE")) {
    accept("+-");
    if (digits() == 0) at = mantissa_end;
  }
  return at;
}

std::optional<size_t> ParseTimes(std::string_view text) {
  size_t times = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), times);
  if (error != std::errc() || end != text.data() + text.size() || times > kMaxItems) return {};
  return times;
}

// Removes the next item from `*text`; braces hold spaces.
std::string_view TakeItem(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(" \t"), text->size()));
  size_t size = 0;
  int braces = 0;
  while (size < text->size() && (braces > 0 || !IsSpace((*text)[size]))) {
    if ((*text)[size] == '{') ++braces;
    if ((*text)[size] == '}') --braces;
    ++size;
  }
  const std::string_view item = text->substr(0, size);
  text->remove_prefix(size);
  return item;
}

// What all forms of items have in common: START [(+|-) CHANGE] [x TIMES]
template <typename T>
struct Repetition {
  T start;
  std::optional<T> change;
  bool subtract = false;
  size_t count = 1;  // Of values.
};

// `length` tells how long the value is that a text begins with, `parse` reads it.
template <typename T, typename Length, typename Parse>
arrow::Result<Repetition<T>> ParseRepetition(std::string_view item, const Length& length,
                                             const Parse& parse) {
  Repetition<T> repetition;
  std::string_view rest = item;
  const size_t size = length(rest);
  if (size == 0) return Malformed("not a value", item);
  ARROW_ASSIGN_OR_RAISE(repetition.start, parse(rest.substr(0, size)));
  rest.remove_prefix(size);
  if (rest.empty()) return repetition;
  if (rest[0] == '+' || rest[0] == '-') {
    repetition.subtract = rest[0] == '-';
    rest.remove_prefix(1);
    const size_t change_size = length(rest);
    if (change_size == 0) return Malformed("not a value", item);
    ARROW_ASSIGN_OR_RAISE(repetition.change, parse(rest.substr(0, change_size)));
    rest.remove_prefix(change_size);
  }
  const std::optional<size_t> times =
      rest.starts_with('x') ? ParseTimes(rest.substr(1)) : std::nullopt;
  if (!times) return Malformed("not a value", item);
  repetition.count = *times + 1;
  return repetition;
}

arrow::Status AppendFloats(std::string_view item, std::vector<SeriesItem>* items) {
  const auto parse = [item](std::string_view text) -> arrow::Result<double> {
    const std::optional<double> value = ParseNumber(text);
    if (!value) return Malformed("not a number", item);
    return *value;
  };
  ARROW_ASSIGN_OR_RAISE(const auto repetition, ParseRepetition<double>(item, NumberLength, parse));
  const double change = repetition.change.value_or(0);
  double value = repetition.start;
  for (size_t i = 0; i < repetition.count; ++i) {
    items->push_back({.value = value});
    if (repetition.change) value += repetition.subtract ? -change : change;
  }
  return arrow::Status::OK();
}

arrow::Status AppendHistograms(std::string_view item, std::vector<SeriesItem>* items) {
  const auto length = [](std::string_view text) {
    const size_t end = text.starts_with("{{") ? text.find("}}") : std::string_view::npos;
    return end == std::string_view::npos ? 0 : end + 2;
  };
  const auto parse = [](std::string_view text) {
    return ParseHistogramLiteral(text.substr(2, text.size() - 4));
  };
  ARROW_ASSIGN_OR_RAISE(const auto repetition,
                        ParseRepetition<HistogramLiteral>(item, length, parse));
  auto current = std::make_shared<const model::FloatHistogram>(repetition.start.histogram);
  for (size_t i = 0; i < repetition.count; ++i) {
    items->push_back({.names_hint = repetition.start.names_hint, .histogram = current});
    if (!repetition.change) continue;
    auto next = std::make_shared<model::FloatHistogram>(*current);
    const model::FloatHistogram& change = repetition.change->histogram;
    const auto report = repetition.subtract ? next->Subtract(change) : next->Add(change);
    if (!report) return Malformed("histograms do not fit each other", item);
    current = std::move(next);
  }
  return arrow::Status::OK();
}

arrow::Result<size_t> GapLength(std::string_view item) {
  if (item == "_") return 1;
  const std::optional<size_t> times =
      item.starts_with("_x") ? ParseTimes(item.substr(2)) : std::nullopt;
  if (!times) return Malformed("not a gap", item);
  return *times;
}

// Reads the labels in braces, from after the left one.
arrow::Status ParsePairs(Lexer* lexer, std::vector<std::pair<std::string, std::string>>* pairs,
                         Token* last) {
  Token token = lexer->Next();
  while (!token.Is(TokenType::kRightBrace)) {
    std::string name(token.text);
    const bool quoted = token.Is(TokenType::kString);
    if (quoted) name = promql::Unquote(token.text);
    if (!quoted && !token.Is(TokenType::kIdentifier)) return Malformed("not a label", token.text);
    token = lexer->Next();
    if (token.Is(TokenType::kEqual)) {
      token = lexer->Next();
      if (!token.Is(TokenType::kString)) return Malformed("not a label's value", token.text);
      pairs->emplace_back(std::move(name), promql::Unquote(token.text));
      token = lexer->Next();
    } else if (quoted) {
      pairs->emplace_back(std::string(kMetricLabel), std::move(name));
    } else {
      return Malformed("label without a value", name);
    }
    if (token.Is(TokenType::kComma)) {
      token = lexer->Next();
    } else if (!token.Is(TokenType::kRightBrace)) {
      return Malformed("labels without end", token.text);
    }
  }
  *last = token;
  return arrow::Status::OK();
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  if (text.empty() || NumberLength(text) != text.size()) return std::nullopt;
  const bool negative = text[0] == '-';
  std::string_view rest = text.substr(negative || text[0] == '+' ? 1 : 0);
  double value = 0;
  if (rest == "Inf" || rest == "inf") {
    value = std::numeric_limits<double>::infinity();
  } else if (rest == "NaN" || rest == "nan") {
    return std::numeric_limits<double>::quiet_NaN();
  } else {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    // Out of range leaves the value alone; such numbers are not worth reading.
    if (error != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  }
  return negative ? -value : value;
}

arrow::Result<int64_t> ParseSignedDuration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  ARROW_ASSIGN_OR_RAISE(const int64_t duration_ms, ParseDuration(text));
  return negative ? -duration_ms : duration_ms;
}

arrow::Result<SeriesHead> ParseSeriesHead(std::string_view line) {
  Lexer lexer(line);
  std::vector<std::pair<std::string, std::string>> pairs;
  Token token = lexer.Next();
  Token last = token;
  if (promql::IsMetricName(token)) {
    pairs.emplace_back(std::string(kMetricLabel), std::string(token.text));
    const auto end = static_cast<size_t>(token.position.end);
    // The values that follow are no PromQL: look before the lexer does.
    const size_t next = line.find_first_not_of(" \t", end);
    const bool has_labels =
        next != std::string_view::npos && line[next] == '{' && !line.substr(next).starts_with("{{");
    if (has_labels) token = lexer.Next();
  }
  if (token.Is(TokenType::kLeftBrace)) {
    ARROW_RETURN_NOT_OK(ParsePairs(&lexer, &pairs, &last));
  } else if (pairs.empty()) {
    return Malformed("not a series", line);
  }
  SeriesHead head;
  ARROW_ASSIGN_OR_RAISE(head.labels, Labels::Make(std::move(pairs)));
  head.items = line.substr(static_cast<size_t>(last.position.end));
  if (head.items.starts_with("@st")) {
    head.is_start_times = true;
    head.items.remove_prefix(3);
  }
  if (!head.items.empty() && !IsSpace(head.items[0])) return Malformed("not a series", line);
  return head;
}

arrow::Result<std::vector<SeriesItem>> ParseItems(std::string_view text) {
  std::vector<SeriesItem> items;
  while (true) {
    const std::string_view item = TakeItem(&text);
    if (item.empty()) return items;
    if (item.starts_with('_')) {
      ARROW_ASSIGN_OR_RAISE(const size_t count, GapLength(item));
      items.insert(items.end(), count, {.is_gap = true});
    } else if (item == "stale") {
      items.push_back({.value = std::bit_cast<double>(kStaleBits)});
    } else if (item.starts_with('{')) {
      ARROW_RETURN_NOT_OK(AppendHistograms(item, &items));
    } else {
      ARROW_RETURN_NOT_OK(AppendFloats(item, &items));
    }
    if (items.size() > kMaxItems) return Malformed("too many values", item);
  }
}

arrow::Result<std::vector<std::optional<int64_t>>> ParseStartItems(std::string_view text) {
  const auto length = [](std::string_view item) {
    const size_t sign = item.find_first_of("+-") == 0 ? 1 : 0;
    const size_t size = item.find_first_of("+-x", sign);
    return std::min(size, item.size());
  };
  std::vector<std::optional<int64_t>> items;
  while (true) {
    const std::string_view item = TakeItem(&text);
    if (item.empty()) return items;
    if (item.starts_with('_')) {
      ARROW_ASSIGN_OR_RAISE(const size_t count, GapLength(item));
      items.insert(items.end(), count, std::nullopt);
    } else {
      ARROW_ASSIGN_OR_RAISE(const auto repetition,
                            ParseRepetition<int64_t>(item, length, ParseSignedDuration));
      int64_t value = repetition.start;
      const int64_t change = repetition.change.value_or(0);
      for (size_t i = 0; i < repetition.count; ++i) {
        items.emplace_back(value);
        // Wrapping, where the fuzzer asks for millions of years.
        const auto step = static_cast<uint64_t>(repetition.subtract ? -change : change);
        value = static_cast<int64_t>(static_cast<uint64_t>(value) + step);
      }
    }
    if (items.size() > kMaxItems) return Malformed("too many values", item);
  }
}

}  // namespace larnax::promqltest
