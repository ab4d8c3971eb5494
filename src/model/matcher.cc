#include <algorithm>

#include <re2/re2.h>

#include "base/check.h"
#include "base/utf8.h"
#include "larnax/error.h"
#include "larnax/labels.h"
#include "model/go_regex.h"

namespace larnax {
namespace {

bool IsLiteral(std::string_view pattern) {
  return pattern.find_first_of("\\.+*?()|[]{}^$") == std::string_view::npos;
}

// Splits `a|b|c` of literals only.
std::vector<std::string> LiteralAlternatives(std::string_view pattern) {
  std::vector<std::string> parts;
  while (true) {
    const size_t bar = pattern.find('|');
    const std::string_view part = pattern.substr(0, bar);
    if (!IsLiteral(part)) return {};
    parts.emplace_back(part);
    if (bar == std::string_view::npos) break;
    pattern.remove_prefix(bar + 1);
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

const char* Operator(MatchType type) {
  switch (type) {
    case MatchType::kEqual:
      return "=";
    case MatchType::kNotEqual:
      return "!=";
    case MatchType::kRegex:
      return "=~";
    case MatchType::kNotRegex:
      return "!~";
  }
  LARNAX_UNREACHABLE();
}

}  // namespace

// A compiled expression with the shapes that dashboards use taken out: a set of literals,
// `literal.*` and `.*literal.*` cost a comparison instead of an automaton.
class Matcher::Program {
 public:
  static arrow::Result<std::shared_ptr<const Program>> Compile(const std::string& pattern) {
    auto program = std::make_shared<Program>();
    program->ChooseShape(pattern);
    // What has one of the shapes is well-formed. What is long may still be too large.
    if (program->shape_ == Shape::kRegex || pattern.size() > kShortPattern) {
      ARROW_ASSIGN_OR_RAISE(auto regex, model::CompileGoRegex(pattern));
      if (program->shape_ == Shape::kRegex) program->regex_ = std::move(regex);
    }
    return program;
  }

  bool Matches(std::string_view value) const {
    switch (shape_) {
      case Shape::kAny:
        return true;
      case Shape::kNotEmpty:
        return !value.empty();
      case Shape::kLiteral:
        return value == literals_[0];
      case Shape::kAlternatives:
        return std::binary_search(literals_.begin(), literals_.end(), value);
      case Shape::kPrefix:
        return value.starts_with(literals_[0]);
      case Shape::kContains:
        return value.find(literals_[0]) != std::string_view::npos;
      case Shape::kRegex:
        return RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
    }
    LARNAX_UNREACHABLE();
  }

 private:
  enum class Shape { kAny, kNotEmpty, kLiteral, kAlternatives, kPrefix, kContains, kRegex };
  static constexpr size_t kShortPattern = 1000;  // Bytes.

  void ChooseShape(std::string_view pattern) {
    if (pattern == ".*") {
      shape_ = Shape::kAny;
    } else if (pattern == ".+") {
      shape_ = Shape::kNotEmpty;
    } else if (pattern.ends_with(".*") && IsLiteral(pattern.substr(0, pattern.size() - 2))) {
      shape_ = Shape::kPrefix;
      literals_.emplace_back(pattern.substr(0, pattern.size() - 2));
    } else if (pattern.size() > 4 && pattern.starts_with(".*") && pattern.ends_with(".*") &&
               IsLiteral(pattern.substr(2, pattern.size() - 4))) {
      shape_ = Shape::kContains;
      literals_.emplace_back(pattern.substr(2, pattern.size() - 4));
    } else if (auto literals = LiteralAlternatives(pattern); !literals.empty()) {
      shape_ = literals.size() == 1 ? Shape::kLiteral : Shape::kAlternatives;
      literals_ = std::move(literals);
    }
  }

  Shape shape_ = Shape::kRegex;
  std::vector<std::string> literals_;
  std::unique_ptr<RE2> regex_;  // Of the shape kRegex alone.
};

arrow::Result<Matcher> Matcher::Make(MatchType type, std::string name, std::string value) {
  if (!base::IsValidUtf8(name) || !base::IsValidUtf8(value)) {
    return MakeError(ErrorKind::kBadQuery, "invalid UTF-8 in a matcher: name=" + name);
  }
  Matcher matcher;
  matcher.type_ = type;
  if (type == MatchType::kRegex || type == MatchType::kNotRegex) {
    ARROW_ASSIGN_OR_RAISE(matcher.program_, Program::Compile(value));
  }
  matcher.name_ = std::move(name);
  matcher.value_ = std::move(value);
  return matcher;
}

bool Matcher::Matches(std::string_view value) const {
  switch (type_) {
    case MatchType::kEqual:
      return value == value_;
    case MatchType::kNotEqual:
      return value != value_;
    case MatchType::kRegex:
      return program_->Matches(value);
    case MatchType::kNotRegex:
      return !program_->Matches(value);
  }
  LARNAX_UNREACHABLE();
}

std::string Matcher::ToString() const {
  std::string out = name_ + Operator(type_) + '"';
  for (const char c : value_) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

}  // namespace larnax
