#include "promql/printer.h"

#include <utility>

#include "promql/line_printer.h"

namespace larnax::promql {

std::string ToString(const Expr& expr) {
  LinePrinter line;
  line.Print(expr);
  return std::move(line.out);
}

std::string ToString(const DurationExpr& duration) {
  LinePrinter line;
  line.Duration(duration);
  return std::move(line.out);
}

std::string ToString(const VectorSelector& selector) {
  LinePrinter line;
  line.Selector(selector);
  return std::move(line.out);
}

}  // namespace larnax::promql
