#include <string>
#include <utility>
#include <vector>

#include "larnax/error.h"
#include "promql/line_printer.h"
#include "promql/printer.h"

namespace larnax::promql {
namespace {

constexpr size_t kLineBytes = 100;
constexpr size_t kMaxPrettyBytes = 16 << 20;

// Prints on several lines: what is longer than a line is split at its operators and arguments.
class PrettyPrinter {
 public:
  std::string out;

  void Print(const Expr& expr, int level) {
    if (out.size() > kMaxPrettyBytes) return;
    if (const auto* n = expr.As<StepInvariant>()) return Print(*n->expr, level);
    if (const auto* n = expr.As<Unary>()) {
      Indent(level);
      out += n->negate ? '-' : '+';
      PrintInLine(*n->expr, level);
      return;
    }
    if (!NeedsSplit(expr)) {
      // The reference does not indent a short subquery.
      if (expr.As<Subquery>() == nullptr) Indent(level);
      return Line([&](LinePrinter& line) { line.Print(expr); });
    }
    if (const auto* n = expr.As<Subquery>()) {
      Print(*n->expr, level);
      return Line([&](LinePrinter& line) { line.SubquerySuffix(*n); });
    }
    if (const auto* n = expr.As<Binary>()) return PrintBinary(*n, level);
    Indent(level);
    PrintInner(expr, level);
  }

 private:
  static bool NeedsSplit(const Expr& expr) {
    if (expr.height > static_cast<int32_t>(kLineBytes)) return true;
    LinePrinter line(kLineBytes);
    line.Print(expr);
    return line.full();
  }

  void Indent(int level) { out.append(2 * static_cast<size_t>(level), ' '); }

  template <typename PrintTo>
  void Line(PrintTo print_to) {
    LinePrinter line;
    print_to(line);
    open_offset_ = {out.size() + line.open_offset.start, out.size() + line.open_offset.end};
    out += line.out;
  }

  // Prints as at the start of a line, but goes on with the one that is begun.
  void PrintInLine(const Expr& expr, int level) {
    const size_t start = out.size();
    Print(expr, level);
    const size_t text = out.find_first_not_of(' ', start);
    if (text == std::string::npos) return;
    out.erase(start, text - start);
    open_offset_.start -= text - start;
    open_offset_.end -= text - start;
  }

  void PrintBinary(const Binary& n, int level) {
    if (IsInfiniteBase(n)) {
      Indent(level + 1);
      out += kInfiniteBase;
    } else {
      Print(*n.lhs, level + 1);
      open_offset_.CloseBefore(n.op, &out);
    }
    out += '\n';
    Indent(level);
    Line([&](LinePrinter& line) { line.OperatorText(n); });
    out += '\n';
    Print(*n.rhs, level + 1);
  }

  void PrintInner(const Expr& expr, int level) {
    std::vector<const Expr*> inner = Children(expr);
    if (const auto* n = expr.As<Aggregate>()) {
      Line([&](LinePrinter& line) { line.AggregateStart(*n); });
    } else if (const auto* call = expr.As<Call>()) {
      out += call->function->name;
    } else if (expr.As<Paren>() == nullptr) {
      return Line([&](LinePrinter& line) { line.Print(expr); });
    }
    out += "(\n";
    for (size_t i = 0; i < inner.size(); ++i) {
      if (i > 0) out += ",\n";
      Print(*inner[i], level + 1);
    }
    out += '\n';
    Indent(level);
    out += ')';
  }

  OpenOffset open_offset_;
};

}  // namespace

arrow::Result<std::string> Pretty(const Expr& expr) {
  PrettyPrinter printer;
  printer.Print(expr, 0);
  if (printer.out.size() <= kMaxPrettyBytes) return std::move(printer.out);
  return MakeError(ErrorKind::kTooLarge,
                   "the formatted query is too long: limit=" + std::to_string(kMaxPrettyBytes));
}

}  // namespace larnax::promql
