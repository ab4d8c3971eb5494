#include "promql/line_printer.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/number_text.h"
#include "larnax/format.h"
#include "promql/number_text.h"

namespace larnax::promql {
namespace {

using Cardinality = VectorMatching::Cardinality;
using Op = DurationExpr::Op;

bool IsPlainLabelName(std::string_view name) {
  const auto is_letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

// Words that are no label names in a grouping clause.
bool IsReserved(std::string_view name) {
  if (name.size() != 3 && name.size() != 7) return false;
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(c | 0x20);
  return lower == "inf" || lower == "nan" || lower == "without";
}

std::string MatcherText(const Matcher& matcher) {
  constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};
  std::string out;
  if (IsPlainLabelName(matcher.name())) {
    out = matcher.name();
  } else {
    base::AppendQuoted(matcher.name(), &out);
  }
  out += kOperators[static_cast<size_t>(matcher.type())];
  base::AppendQuoted(matcher.value(), &out);
  return out;
}

}  // namespace

void OpenOffset::CloseBefore(BinaryOp op, std::string* out) const {
  const bool is_duration_operator = op <= BinaryOp::kPow;
  if (is_duration_operator && end == out->size() && end > 0) out->insert(start, 1, '+');
}

bool IsInfiniteBase(const Binary& n) {
  const auto* base = n.lhs->As<NumberLiteral>();
  return n.op == BinaryOp::kPow && base != nullptr && std::isinf(base->value);
}

void LinePrinter::Print(const Expr& expr) {
  if (full()) return;
  if (const auto* n = expr.As<NumberLiteral>()) return Number(n->value, n->is_duration);
  if (const auto* n = expr.As<StringLiteral>()) return base::AppendQuoted(n->value, &out);
  if (const auto* n = expr.As<VectorSelector>()) return Selector(*n);
  if (const auto* n = expr.As<MatrixSelector>()) return Matrix(*n);
  if (const auto* n = expr.As<Subquery>()) return PrintSubquery(*n);
  if (const auto* n = expr.As<Call>()) return PrintCall(*n);
  if (const auto* n = expr.As<Aggregate>()) return PrintAggregate(*n);
  if (const auto* n = expr.As<Binary>()) return PrintBinary(*n);
  if (const auto* n = expr.As<StepInvariant>()) return Print(*n->expr);
  if (const auto* n = expr.As<Unary>()) {
    out += n->negate ? '-' : '+';
    return Print(*n->expr);
  }
  const auto* n = expr.As<Paren>();
  LARNAX_CHECK(n != nullptr);
  out += '(';
  Print(*n->expr);
  out += ')';
}

void LinePrinter::Duration(const DurationExpr& d) {
  if (d.in_parentheses) out += '(';
  switch (d.op) {
    case Op::kNumber:
      Number(d.seconds, d.is_duration);
      break;
    case Op::kStep:
      out += "step()";
      break;
    case Op::kRange:
      out += "range()";
      break;
    case Op::kNegate:
      out += '-';
      Duration(*d.rhs);
      break;
    case Op::kPlus:
      Duration(*d.rhs);
      break;
    case Op::kMaxOf:
    case Op::kMinOf:
      out += d.op == Op::kMaxOf ? "max_of(" : "min_of(";
      Duration(*d.lhs);
      out += ", ";
      Duration(*d.rhs);
      out += ')';
      break;
    default:
      DurationOperator(d);
  }
  if (d.in_parentheses) out += ')';
}

void LinePrinter::Selector(const VectorSelector& selector) {
  Matchers(selector);
  At(selector.shift);
  Anchored(selector);
  Offset(selector.shift);
}

void LinePrinter::AggregateStart(const Aggregate& n) {
  out += Spelling(n.op);
  if (!n.without && n.grouping.empty()) return;
  out += n.without ? " without " : " by ";
  LabelList(n.grouping);
  out += ' ';
}

void LinePrinter::OperatorText(const Binary& n) {
  out += Spelling(n.op);
  if (n.return_bool) out += " bool";
  if (n.matching.has_value()) Matching(*n.matching);
}

void LinePrinter::SubquerySuffix(const Subquery& n) {
  out += '[';
  DurationOr(n.range_ms, n.range_expr);
  out += ':';
  if (n.step_ms != 0 || n.step_expr != nullptr) DurationOr(n.step_ms, n.step_expr);
  out += ']';
  At(n.shift);
  Offset(n.shift);
}

void LinePrinter::Number(double value, bool is_duration) {
  if (!is_duration) return AppendNumber(value, &out);
  if (value < 0) out += '-';
  out += FormatDuration(std::llround(std::fabs(value) * 1000));
}

void LinePrinter::DurationOperator(const DurationExpr& d) {
  constexpr std::string_view kOperators[] = {" + ", " - ", " * ", " / ", " % ", " ^ "};
  // Parentheses around a number are not kept, but here they count.
  const bool negative_base =
      d.op == Op::kPow && d.lhs->op == Op::kNumber && std::signbit(d.lhs->seconds);
  if (negative_base) out += '(';
  Duration(*d.lhs);
  if (negative_base) out += ')';
  out += kOperators[static_cast<size_t>(d.op) - static_cast<size_t>(Op::kAdd)];
  Duration(*d.rhs);
}

void LinePrinter::DurationOr(int64_t ms, const DurationExprPtr& expr) {
  if (expr != nullptr) return Duration(*expr);
  out += FormatDuration(ms);
}

void LinePrinter::Matchers(const VectorSelector& selector) {
  out += selector.name;
  std::vector<std::string> texts;
  for (const Matcher& matcher : selector.matchers) {
    const bool is_name = matcher.name() == kMetricLabel && matcher.type() == MatchType::kEqual &&
                         matcher.value() == selector.name && !selector.name.empty();
    if (!is_name) texts.push_back(MatcherText(matcher));
  }
  if (texts.empty() && !selector.name.empty()) return;
  std::sort(texts.begin(), texts.end());
  out += '{';
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    out += texts[i];
  }
  out += '}';
}

void LinePrinter::Anchored(const VectorSelector& selector) {
  if (selector.anchored) out += " anchored";
  if (selector.smoothed) out += " smoothed";
}

void LinePrinter::At(const TimeShift& shift) {
  switch (shift.at) {
    case TimeShift::At::kNone:
      return;
    case TimeShift::At::kStart:
      out += " @ start()";
      return;
    case TimeShift::At::kEnd:
      out += " @ end()";
      return;
    case TimeShift::At::kTime:
      out += " @ ";
      if (shift.at_ms < 0) out += '-';
      const uint64_t ms = shift.at_ms < 0 ? 0 - static_cast<uint64_t>(shift.at_ms)
                                          : static_cast<uint64_t>(shift.at_ms);
      out += std::to_string(ms / 1000) + '.' + std::to_string(1000 + ms % 1000).substr(1);
  }
}

void LinePrinter::Offset(const TimeShift& shift) {
  if (shift.offset_expr != nullptr) {
    const DurationExpr& d = *shift.offset_expr;
    const bool is_operator = d.op >= Op::kAdd && d.op <= Op::kPow && !d.in_parentheses;
    out += " offset ";
    const size_t start = out.size();
    // Without them an operator would belong to the expression around the selector.
    if (is_operator) out += '(';
    Duration(d);
    if (is_operator) out += ')';
    if (is_operator || d.in_parentheses) open_offset = {start, out.size()};
  } else if (shift.offset_ms != 0) {
    out += shift.offset_ms < 0 ? " offset -" : " offset ";
    out += FormatDuration(shift.offset_ms < 0 ? -shift.offset_ms : shift.offset_ms);
  }
}

void LinePrinter::Matrix(const MatrixSelector& n) {
  Matchers(n.selector);
  out += '[';
  DurationOr(n.range_ms, n.range_expr);
  out += ']';
  Anchored(n.selector);
  At(n.selector.shift);
  Offset(n.selector.shift);
}

void LinePrinter::PrintSubquery(const Subquery& n) {
  Print(*n.expr);
  SubquerySuffix(n);
}

void LinePrinter::PrintCall(const Call& n) {
  out += n.function->name;
  out += '(';
  for (size_t i = 0; i < n.args.size(); ++i) {
    if (i > 0) out += ", ";
    Print(*n.args[i]);
  }
  out += ')';
}

void LinePrinter::PrintAggregate(const Aggregate& n) {
  AggregateStart(n);
  out += '(';
  if (n.param != nullptr) {
    Print(*n.param);
    out += ", ";
  }
  Print(*n.expr);
  out += ')';
}

void LinePrinter::PrintBinary(const Binary& n) {
  if (IsInfiniteBase(n)) {
    out += kInfiniteBase;
  } else {
    Print(*n.lhs);
    open_offset.CloseBefore(n.op, &out);
  }
  out += ' ';
  OperatorText(n);
  out += ' ';
  Print(*n.rhs);
}

void LinePrinter::Matching(const VectorMatching& m) {
  const bool grouped =
      m.cardinality == Cardinality::kManyToOne || m.cardinality == Cardinality::kOneToMany;
  if (!m.labels.empty() || m.on || grouped) {
    out += m.on ? " on " : " ignoring ";
    LabelList(m.labels);
  }
  if (grouped) {
    out += m.cardinality == Cardinality::kManyToOne ? " group_left " : " group_right ";
    LabelList(m.include);
  }
  if (m.fill_left && m.fill_right && *m.fill_left == *m.fill_right) {
    return Fill(" fill (", *m.fill_left);
  }
  if (m.fill_left) Fill(" fill_left (", *m.fill_left);
  if (m.fill_right) Fill(" fill_right (", *m.fill_right);
}

void LinePrinter::Fill(std::string_view start, double value) {
  out += start;
  base::AppendShortest(value, &out);
  out += ')';
}

void LinePrinter::LabelList(const std::vector<std::string>& labels) {
  out += '(';
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ", ";
    if (IsPlainLabelName(labels[i]) && !IsReserved(labels[i])) {
      out += labels[i];
    } else {
      base::AppendQuoted(labels[i], &out);
    }
  }
  out += ')';
}

}  // namespace larnax::promql
