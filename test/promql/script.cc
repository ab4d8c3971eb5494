#include "test/promql/script.h"

#include <cctype>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include <re2/re2.h>

#include "base/number_text.h"
#include "larnax/error.h"
#include "promql/lexer.h"
#include "promql/quote.h"

namespace larnax::promqltest {
namespace {

using arrow::Status;

Status Malformed(std::string_view what, std::string_view text) {
  return MakeError(ErrorKind::kBadQuery, std::string(what) + ": " + std::string(text));
}

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The first word of `*text`, which is left with what follows it.
std::string_view TakeWord(std::string_view* text) {
  const size_t size = std::min(text->find_first_of(" \t"), text->size());
  const std::string_view word = text->substr(0, size);
  *text = Trim(text->substr(size));
  return word;
}

// `msg: TEXT`, `regex: RE`, or nothing.
arrow::Result<TextPattern> ParsePattern(std::string_view text) {
  TextPattern pattern;
  if (text.empty()) return pattern;
  if (text.starts_with("msg:")) {
    pattern.kind = TextPattern::Kind::kEqual;
    pattern.text = Trim(text.substr(4));
  } else if (text.starts_with("regex:")) {
    pattern.kind = TextPattern::Kind::kRegex;
    pattern.text = Trim(text.substr(6));
    if (!RE2(pattern.text, RE2::Quiet).ok()) return Malformed("bad expression", pattern.text);
  } else {
    return Malformed("neither msg: nor regex:", text);
  }
  return pattern;
}

arrow::Result<std::string> ParseString(std::string_view text) {
  promql::Lexer lexer(text);
  const promql::Token token = lexer.Next();
  if (!token.Is(promql::TokenType::kString) || token.text.size() != text.size()) {
    return Malformed("not a string", text);
  }
  return promql::Unquote(token.text);
}

// A line that is nothing but a number; integers may have a base.
std::optional<double> ParseLoneNumber(std::string_view text) {
  if (const auto value = ParseNumber(text)) return value;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = 0;
  if (text.starts_with("0x")) base = 16;
  if (text.starts_with("0b")) base = 2;
  if (text.starts_with("0o")) base = 8;
  if (base == 0) return std::nullopt;
  text.remove_prefix(2);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(negative ? -value : value);
}

arrow::Result<ExpectedGrid> ParseGrid(std::string_view start, std::string_view end,
                                      std::string_view step) {
  ExpectedGrid grid;
  ARROW_ASSIGN_OR_RAISE(grid.start_ms, ParseSignedDuration(start));
  ARROW_ASSIGN_OR_RAISE(grid.end_ms, ParseSignedDuration(end));
  ARROW_ASSIGN_OR_RAISE(grid.step_ms, ParseSignedDuration(step));
  if (grid.end_ms < grid.start_ms) return Malformed("ends before it starts", end);
  if (grid.step_ms <= 0) return Malformed("step is not positive", step);
  return grid;
}

// `fail`, `warn`, ... of the old form `eval_fail instant at ...`.
void ExpectByPrefix(std::string_view kind, EvalCommand* eval) {
  if (kind == "fail") eval->fail.emplace();
  if (kind == "warn") eval->warnings.emplace_back();
  if (kind == "info") eval->infos.emplace_back();
  if (kind == "ordered") eval->ordered = true;
}

Status ParseEval(std::string_view line, EvalCommand* eval) {
  static const RE2 kInstant(
      R"(eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+))");
  static const RE2 kRange(
      R"(eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+))");
  std::string kind;
  std::string start;
  std::string end;
  std::string step;
  if (RE2::FullMatch(line, kInstant, &kind, &start, &eval->text)) {
    if (!start.empty()) {
      ARROW_ASSIGN_OR_RAISE(eval->start_ms, ParseSignedDuration(start));
    }
    eval->end_ms = eval->start_ms;
  } else if (RE2::FullMatch(line, kRange, &kind, &start, &end, &step, &eval->text)) {
    ARROW_ASSIGN_OR_RAISE(const ExpectedGrid grid, ParseGrid(start, end, step));
    eval->is_range = true;
    eval->start_ms = grid.start_ms;
    eval->end_ms = grid.end_ms;
    eval->step_ms = grid.step_ms;
  } else {
    return Malformed("neither eval instant nor eval range", line);
  }
  ExpectByPrefix(kind, eval);
  return Status::OK();
}

// What follows `expect`.
Status ParseExpect(std::string_view text, EvalCommand* eval) {
  const std::string_view line = text;
  const std::string_view word = TakeWord(&text);
  if (word == "ordered") {
    eval->ordered = true;
  } else if (word == "no_warn") {
    eval->no_warnings = true;
  } else if (word == "no_info") {
    eval->no_infos = true;
  } else if (word == "fail") {
    if (eval->fail) return Malformed("second fail", line);
    return ParsePattern(text).Value(&eval->fail.emplace());
  } else if (word == "warn") {
    return ParsePattern(text).Value(&eval->warnings.emplace_back());
  } else if (word == "info") {
    return ParsePattern(text).Value(&eval->infos.emplace_back());
  } else if (word == "string") {
    return ParseString(text).Value(&eval->string.emplace());
  } else if (word == "range") {
    static const RE2 kGrid(R"(vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+))");
    std::string start;
    std::string end;
    std::string step;
    if (eval->is_range || !RE2::FullMatch(text, kGrid, &start, &end, &step)) {
      return Malformed("not a range vector of an instant query", line);
    }
    return ParseGrid(start, end, step).Value(&eval->range_vector.emplace());
  } else {
    return Malformed("unknown expectation", line);
  }
  return Status::OK();
}

Status ParseExpectedSeries(std::string_view line, EvalCommand* eval) {
  ARROW_ASSIGN_OR_RAISE(const SeriesHead head, ParseSeriesHead(line));
  if (head.is_start_times) return Malformed("start times are not expected", line);
  ExpectedSeries series;
  series.labels = head.labels;
  ARROW_ASSIGN_OR_RAISE(series.items, ParseItems(head.items));
  const bool one_value = !eval->is_range && !eval->range_vector;
  if (one_value && (series.items.size() != 1 || series.items[0].is_gap)) {
    return Malformed("an instant query has one value", line);
  }
  for (const ExpectedSeries& other : eval->series) {
    if (other.labels == series.labels) return Malformed("series expected twice", line);
  }
  eval->series.push_back(std::move(series));
  return Status::OK();
}

// Reads one line of what is expected; false when it is the last one of its block.
arrow::Result<bool> ParseEvalLine(std::string_view line, EvalCommand* eval) {
  std::string_view rest = line;
  const std::string_view word = TakeWord(&rest);
  if (word == "expect") {
    ARROW_RETURN_NOT_OK(ParseExpect(rest, eval));
    return true;
  }
  const bool message = word == "expected_fail_message";
  if (message || word == "expected_fail_regexp") {
    if (!eval->fail) return Malformed("not after eval_fail", line);
    *eval->fail = {message ? TextPattern::Kind::kEqual : TextPattern::Kind::kRegex,
                   std::string(rest)};
    if (!message && !RE2(rest, RE2::Quiet).ok()) return Malformed("bad expression", rest);
    return false;
  }
  if (const auto number = ParseLoneNumber(line)) {
    eval->scalar = number;
    return false;
  }
  ARROW_RETURN_NOT_OK(ParseExpectedSeries(line, eval));
  return true;
}

Status CheckEval(const EvalCommand& eval) {
  if ((eval.no_warnings && !eval.warnings.empty()) || (eval.no_infos && !eval.infos.empty())) {
    return Malformed("expects an annotation and none", eval.text);
  }
  return Status::OK();
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) : rest_(text) {}

  arrow::Result<std::vector<Command>> Parse() {
    while (NextLine()) {
      const Status status = line_.empty() ? Status::OK() : ParseCommand();
      if (!status.ok()) {
        return MakeError(ErrorKind::kBadQuery, std::to_string(number_) + ": " + status.message());
      }
    }
    return std::move(commands_);
  }

 private:
  // Moves to the next line; a comment counts as blank.
  bool NextLine() {
    if (rest_.empty()) return false;
    const size_t size = std::min(rest_.find('\n'), rest_.size());
    line_ = Trim(rest_.substr(0, size));
    if (line_.starts_with('#')) line_ = {};
    rest_.remove_prefix(std::min(size + 1, rest_.size()));
    ++number_;
    return true;
  }
  bool NextBlockLine() { return NextLine() && !line_.empty(); }

  Status ParseCommand() {
    const int first_line = number_;
    std::string_view rest = line_;
    std::string word(TakeWord(&rest));
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (word == "clear") {
      commands_.push_back({first_line, ClearCommand()});
    } else if (word.starts_with("load")) {
      if (word != "load" && word != "load_with_nhcb") return Malformed("unknown command", line_);
      LoadCommand load;
      load.with_custom_bounds = word == "load_with_nhcb";
      ARROW_ASSIGN_OR_RAISE(load.step_ms, ParseSignedDuration(rest));
      if (load.step_ms <= 0) return Malformed("interval is not positive", line_);
      ARROW_RETURN_NOT_OK(ParseLoad(&load));
      commands_.push_back({first_line, std::move(load)});
    } else if (word.starts_with("eval")) {
      EvalCommand eval;
      ARROW_RETURN_NOT_OK(ParseEval(line_, &eval));
      while (NextBlockLine()) {
        ARROW_ASSIGN_OR_RAISE(const bool more, ParseEvalLine(line_, &eval));
        if (!more) break;
      }
      ARROW_RETURN_NOT_OK(CheckEval(eval));
      commands_.push_back({first_line, std::move(eval)});
    } else {
      return Malformed("unknown command", line_);
    }
    return Status::OK();
  }

  Status ParseLoad(LoadCommand* load) {
    std::map<std::string, size_t, std::less<>> index;
    std::optional<std::pair<Labels, std::vector<std::optional<int64_t>>>> starts;
    while (NextBlockLine()) {
      ARROW_ASSIGN_OR_RAISE(const SeriesHead head, ParseSeriesHead(line_));
      if (head.is_start_times) {
        if (starts) return Malformed("start times without samples", line_);
        starts.emplace(head.labels, std::vector<std::optional<int64_t>>());
        ARROW_ASSIGN_OR_RAISE(starts->second, ParseStartItems(head.items));
        continue;
      }
      LoadedSeries series;
      series.labels = head.labels;
      ARROW_ASSIGN_OR_RAISE(series.items, ParseItems(head.items));
      if (starts) {
        if (!(starts->first == head.labels) || starts->second.size() != series.items.size()) {
          return Malformed("start times of other samples", line_);
        }
        series.start_offsets_ms = std::move(starts->second);
        starts.reset();
      }
      const auto [at, is_new] = index.emplace(head.labels.bytes(), load->series.size());
      if (is_new) {
        load->series.push_back(std::move(series));
      } else {
        load->series[at->second] = std::move(series);
      }
    }
    if (starts) return Malformed("start times without samples", starts->first.ToString());
    return Status::OK();
  }

  std::string_view rest_;
  std::string_view line_;
  int number_ = 0;
  std::vector<Command> commands_;
};

}  // namespace

bool TextPattern::Matches(std::string_view message) const {
  switch (kind) {
    case Kind::kAny:
      return true;
    case Kind::kEqual:
      return message == text;
    case Kind::kRegex:
      return RE2::PartialMatch(message, text);
  }
  return false;
}

std::string TextPattern::ToString() const {
  switch (kind) {
    case Kind::kAny:
      return "any";
    case Kind::kEqual:
      return "\"" + text + "\"";
    case Kind::kRegex:
      return "/" + text + "/";
  }
  return {};
}

arrow::Result<std::vector<Command>> ParseScript(std::string_view text) {
  return ScriptParser(text).Parse();
}

}  // namespace larnax::promqltest
