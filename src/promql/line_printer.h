#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "promql/ast.h"

namespace larnax::promql {

/// Where an offset in parentheses stands, `(5m + step())`: it takes the operators that follow as
/// its own, unless a sign stands before it.
struct OpenOffset {
  size_t start = 0;
  size_t end = 0;

  /// Put the sign there if `out`, which is followed by `op`, ends in such an offset.
  void CloseBefore(BinaryOp op, std::string* out) const;
};

/// Tell of `Inf ^ x`: the sign that infinity otherwise has would be taken for one before the whole
/// power. It is printed as kInfiniteBase.
bool IsInfiniteBase(const Binary& n);
inline constexpr std::string_view kInfiniteBase = "Inf";

/// Prints on one line, in the form that Prometheus prints.
class LinePrinter {
 public:
  /// \param limit  Once more bytes are out, no more expressions are printed.
  explicit LinePrinter(size_t limit = std::numeric_limits<size_t>::max()) : limit_(limit) {}

  std::string out;
  OpenOffset open_offset;  ///< The last one in `out`.

  bool full() const { return out.size() > limit_; }

  /// Print an expression.
  void Print(const Expr& expr);
  /// Print the expression of a duration.
  void Duration(const DurationExpr& d);
  /// Print a selector with its modifiers.
  void Selector(const VectorSelector& selector);
  /// Print what stands before the parenthesis of an aggregation.
  void AggregateStart(const Aggregate& n);
  /// Print an operator with how its sides are matched.
  void OperatorText(const Binary& n);
  /// Print the range of a subquery and what follows it.
  void SubquerySuffix(const Subquery& n);

 private:
  void Number(double value, bool is_duration);
  void DurationOperator(const DurationExpr& d);
  void DurationOr(int64_t ms, const DurationExprPtr& expr);
  void Matchers(const VectorSelector& selector);
  void Anchored(const VectorSelector& selector);
  void At(const TimeShift& shift);
  void Offset(const TimeShift& shift);
  void Matrix(const MatrixSelector& n);
  void PrintSubquery(const Subquery& n);
  void PrintCall(const Call& n);
  void PrintAggregate(const Aggregate& n);
  void PrintBinary(const Binary& n);
  void Matching(const VectorMatching& m);
  void Fill(std::string_view start, double value);
  void LabelList(const std::vector<std::string>& labels);

  size_t limit_;
};

}  // namespace larnax::promql
