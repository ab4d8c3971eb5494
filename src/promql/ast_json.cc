#include "promql/ast_json.h"

#include <cmath>

#include "base/check.h"
#include "larnax/format.h"
#include "promql/number_text.h"

namespace larnax::promql {
namespace {

class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(*out) {}

  void Write(const Expr& expr) {
    if (const auto* n = expr.As<NumberLiteral>()) return WriteNumber(*n);
    if (const auto* n = expr.As<StringLiteral>()) return WriteString(*n);
    if (const auto* n = expr.As<VectorSelector>()) return WriteVectorSelector(*n);
    if (const auto* n = expr.As<MatrixSelector>()) return WriteMatrixSelector(*n);
    if (const auto* n = expr.As<Subquery>()) return WriteSubquery(*n);
    if (const auto* n = expr.As<Call>()) return WriteCall(*n);
    if (const auto* n = expr.As<Aggregate>()) return WriteAggregate(*n);
    if (const auto* n = expr.As<Binary>()) return WriteBinary(*n);
    if (const auto* n = expr.As<Unary>()) return WriteUnary(*n);
    if (const auto* n = expr.As<StepInvariant>()) return Write(*n->expr);
    const auto* n = expr.As<Paren>();
    LARNAX_CHECK(n != nullptr);
    out_ += "{\"expr\":";
    Write(*n->expr);
    Type("parenExpr");
    out_ += '}';
  }

 private:
  void Text(std::string_view text) { AppendJsonString(text, &out_); }
  void Bool(bool value) { out_ += value ? "true" : "false"; }
  void Type(std::string_view type) {
    out_ += ",\"type\":";
    Text(type);
  }

  void List(const std::vector<std::string>& texts) {
    out_ += '[';
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) out_ += ',';
      Text(texts[i]);
    }
    out_ += ']';
  }

  void NumberText(double value) {
    out_ += '"';
    AppendNumber(value, &out_);
    out_ += '"';
  }

  void Fill(const std::optional<double>& value) {
    if (!value.has_value()) {
      out_ += "null";
    } else if (std::isfinite(*value)) {
      AppendValue(*value, &out_);
    } else {
      NumberText(*value);
    }
  }

  void WriteNumber(const NumberLiteral& n) {
    out_ += "{\"type\":\"numberLiteral\",\"val\":";
    NumberText(n.value);
    out_ += '}';
  }

  void WriteString(const StringLiteral& n) {
    out_ += "{\"type\":\"stringLiteral\",\"val\":";
    Text(n.value);
    out_ += '}';
  }

  void Duration(const DurationExprPtr& d) {
    if (d == nullptr) {
      out_ += "null";
    } else if (d->op == DurationExpr::Op::kNumber) {
      out_ += "{\"duration\":";
      Bool(d->is_duration);
      out_ += ",\"type\":\"numberLiteral\",\"val\":";
      NumberText(d->seconds);
      out_ += '}';
    } else {
      constexpr std::string_view kOperators[] = {"",  "step", "range", "-", "+",      "+",     "-",
                                                 "*", "/",    "%",     "^", "max_of", "min_of"};
      out_ += "{\"lhs\":";
      Duration(d->lhs);
      out_ += ",\"op\":";
      Text(kOperators[static_cast<size_t>(d->op)]);
      out_ += ",\"rhs\":";
      Duration(d->rhs);
      Type("durationExpr");
      out_ += ",\"wrapped\":";
      Bool(d->in_parentheses);
      out_ += '}';
    }
  }

  void Offset(const TimeShift& shift) {
    out_ += "\"offset\":" + std::to_string(shift.offset_ms) + ",\"offsetExpr\":";
    Duration(shift.offset_expr);
  }

  void StartOrEnd(const TimeShift& shift) {
    out_ += "\"startOrEnd\":";
    switch (shift.at) {
      case TimeShift::At::kStart:
        out_ += "\"start\"";
        break;
      case TimeShift::At::kEnd:
        out_ += "\"end\"";
        break;
      case TimeShift::At::kNone:
      case TimeShift::At::kTime:
        out_ += "null";
        break;
    }
  }

  void Timestamp(const TimeShift& shift) {
    out_ += ",\"timestamp\":";
    out_ += shift.at == TimeShift::At::kTime ? std::to_string(shift.at_ms) : "null";
  }

  void Range(int64_t range_ms, const DurationExprPtr& range_expr) {
    out_ += ",\"range\":" + std::to_string(range_ms) + ",\"rangeExpr\":";
    Duration(range_expr);
  }

  // The keys of a selector up to `offsetExpr`.
  void Matchers(const VectorSelector& selector) {
    constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};
    out_ += "{\"anchored\":";
    Bool(selector.anchored);
    out_ += ",\"matchers\":[";
    bool first = true;
    for (const Matcher& matcher : selector.matchers) {
      out_ += first ? "{\"name\":" : ",{\"name\":";
      Text(matcher.name());
      out_ += ",\"type\":";
      Text(kOperators[static_cast<size_t>(matcher.type())]);
      out_ += ",\"value\":";
      Text(matcher.value());
      out_ += '}';
      first = false;
    }
    out_ += "],\"name\":";
    Text(selector.name);
    out_ += ',';
    Offset(selector.shift);
  }

  // The keys of a selector from `smoothed` on.
  void SelectorEnd(const VectorSelector& selector, std::string_view type) {
    out_ += ",\"smoothed\":";
    Bool(selector.smoothed);
    out_ += ',';
    StartOrEnd(selector.shift);
    Timestamp(selector.shift);
    Type(type);
    out_ += '}';
  }

  void WriteVectorSelector(const VectorSelector& n) {
    Matchers(n);
    SelectorEnd(n, "vectorSelector");
  }

  void WriteMatrixSelector(const MatrixSelector& n) {
    Matchers(n.selector);
    Range(n.range_ms, n.range_expr);
    SelectorEnd(n.selector, "matrixSelector");
  }

  void WriteSubquery(const Subquery& n) {
    out_ += "{\"expr\":";
    Write(*n.expr);
    out_ += ',';
    Offset(n.shift);
    Range(n.range_ms, n.range_expr);
    out_ += ',';
    StartOrEnd(n.shift);
    out_ += ",\"step\":" + std::to_string(n.step_ms) + ",\"stepExpr\":";
    Duration(n.step_expr);
    Timestamp(n.shift);
    Type("subquery");
    out_ += '}';
  }

  void WriteCall(const Call& n) {
    out_ += "{\"args\":[";
    for (size_t i = 0; i < n.args.size(); ++i) {
      if (i > 0) out_ += ',';
      Write(*n.args[i]);
    }
    out_ += "],\"func\":{\"argTypes\":[";
    for (size_t i = 0; i < n.function->args.size(); ++i) {
      if (i > 0) out_ += ',';
      Text(ResultTypeName(n.function->args[i]));
    }
    out_ += "],\"name\":";
    Text(n.function->name);
    out_ += ",\"returnType\":";
    Text(ResultTypeName(n.function->result));
    out_ += ",\"variadic\":" + std::to_string(n.function->variadic) + '}';
    Type("call");
    out_ += '}';
  }

  void WriteAggregate(const Aggregate& n) {
    out_ += "{\"expr\":";
    Write(*n.expr);
    out_ += ",\"grouping\":";
    List(n.grouping);
    out_ += ",\"op\":";
    Text(Spelling(n.op));
    out_ += ",\"param\":";
    if (n.param == nullptr) {
      out_ += "null";
    } else {
      Write(*n.param);
    }
    Type("aggregation");
    out_ += ",\"without\":";
    Bool(n.without);
    out_ += '}';
  }

  void Matching(const VectorMatching& m) {
    constexpr std::string_view kCardinalities[] = {"one-to-one", "many-to-one", "one-to-many",
                                                   "many-to-many"};
    out_ += "{\"card\":";
    Text(kCardinalities[static_cast<size_t>(m.cardinality)]);
    out_ += ",\"fillValues\":{\"lhs\":";
    Fill(m.fill_left);
    out_ += ",\"rhs\":";
    Fill(m.fill_right);
    out_ += "},\"include\":";
    List(m.include);
    out_ += ",\"labels\":";
    List(m.labels);
    out_ += ",\"on\":";
    Bool(m.on);
    out_ += '}';
  }

  void WriteBinary(const Binary& n) {
    out_ += "{\"bool\":";
    Bool(n.return_bool);
    out_ += ",\"lhs\":";
    Write(*n.lhs);
    out_ += ",\"matching\":";
    if (n.matching.has_value()) {
      Matching(*n.matching);
    } else {
      out_ += "null";
    }
    out_ += ",\"op\":";
    Text(Spelling(n.op));
    out_ += ",\"rhs\":";
    Write(*n.rhs);
    Type("binaryExpr");
    out_ += '}';
  }

  void WriteUnary(const Unary& n) {
    out_ += "{\"expr\":";
    Write(*n.expr);
    out_ += n.negate ? ",\"op\":\"-\"" : ",\"op\":\"+\"";
    Type("unaryExpr");
    out_ += '}';
  }

  std::string& out_;
};

}  // namespace

void AppendAstJson(const Expr& expr, std::string* out) { JsonWriter(out).Write(expr); }

}  // namespace larnax::promql
