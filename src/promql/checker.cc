#include <algorithm>

#include "promql/parser_state.h"
#include "promql/quote.h"

namespace larnax::promql {
namespace {

using Cardinality = VectorMatching::Cardinality;

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  arrow::Status Check(Expr* expr) {
    if (auto* n = expr->As<VectorSelector>()) return CheckSelector(*n, expr->position);
    if (auto* n = expr->As<MatrixSelector>()) return CheckSelector(n->selector, expr->position);
    if (auto* n = expr->As<Binary>()) return CheckBinary(n, expr->position);
    if (auto* n = expr->As<Call>()) return CheckCall(n, expr->position);
    if (auto* n = expr->As<Aggregate>()) return CheckAggregate(n);
    for (Expr* child : Children(expr)) ARROW_RETURN_NOT_OK(Check(child));
    if (auto* n = expr->As<Subquery>()) return CheckSubquery(*n, expr->position);
    if (auto* n = expr->As<Unary>()) return CheckUnary(*n, expr->position);
    return arrow::Status::OK();
  }

 private:
  arrow::Status Fail(PositionRange position, const std::string& message) {
    return ParseError(text_, position, message);
  }

  arrow::Status ExpectType(Expr* expr, ValueType wanted, const std::string& context) {
    ARROW_RETURN_NOT_OK(Check(expr));
    return CompareType(expr->type, wanted, context, expr->position);
  }

  arrow::Status CompareType(ValueType type, ValueType wanted, const std::string& context,
                            PositionRange position) {
    if (type == wanted) return arrow::Status::OK();
    return Fail(position, "expected type " + std::string(TypeName(wanted)) + " in " + context +
                              ", got " + std::string(TypeName(type)));
  }

  arrow::Status CheckSelector(const VectorSelector& selector, PositionRange position) {
    if (!selector.name.empty()) {
      // The last matcher is that of the name before the braces.
      for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
        const Matcher& matcher = selector.matchers[i];
        if (matcher.name() != kMetricLabel) continue;
        return Fail(position, "metric name must not be set twice: " + Quoted(selector.name) +
                                  " or " + Quoted(matcher.value()));
      }
      return arrow::Status::OK();
    }
    for (const Matcher& matcher : selector.matchers) {
      if (!matcher.MatchesEmpty()) return arrow::Status::OK();
    }
    return Fail(position, "vector selector must contain at least one non-empty matcher");
  }

  arrow::Status CheckSubquery(const Subquery& subquery, PositionRange position) {
    const ValueType type = subquery.expr->type;
    if (type == ValueType::kVector) return arrow::Status::OK();
    return Fail(position, "subquery is only allowed on instant vector, got " +
                              std::string(ResultTypeName(type)) + " instead");
  }

  arrow::Status CheckUnary(const Unary& unary, PositionRange position) {
    const ValueType type = unary.expr->type;
    if (type == ValueType::kScalar || type == ValueType::kVector) return arrow::Status::OK();
    return Fail(position,
                "unary expression only allowed on expressions of type scalar or instant vector, "
                "got " +
                    Quoted(TypeName(type)));
  }

  arrow::Status CheckAggregate(Aggregate* aggregate) {
    ARROW_RETURN_NOT_OK(
        ExpectType(aggregate->expr.get(), ValueType::kVector, "aggregation expression"));
    if (aggregate->param == nullptr) return arrow::Status::OK();
    const ValueType wanted =
        aggregate->op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
    return ExpectType(aggregate->param.get(), wanted, "aggregation parameter");
  }

  arrow::Status CheckArgumentCount(const Call& call, PositionRange position) {
    const FunctionSignature& function = *call.function;
    const auto wrong = [&](const std::string& expected, size_t count) {
      return Fail(position, "expected " + expected + std::to_string(count) +
                                " argument(s) in call to " + Quoted(function.name) + ", got " +
                                std::to_string(call.args.size()));
    };
    if (function.variadic == 0) {
      return call.args.size() == function.args.size() ? arrow::Status::OK()
                                                      : wrong("", function.args.size());
    }
    const size_t least = function.args.size() - 1;
    if (call.args.size() < least) return wrong("at least ", least);
    const size_t most = least + static_cast<size_t>(std::max(0, function.variadic));
    if (function.variadic > 0 && call.args.size() > most) return wrong("at most ", most);
    return arrow::Status::OK();
  }

  // The second argument of info() is only a list of matchers.
  arrow::Status CheckInfoSelector(const Expr& arg, PositionRange call_position) {
    ARROW_RETURN_NOT_OK(
        CompareType(arg.type, ValueType::kVector, "call to function \"info\"", call_position));
    const auto* selector = arg.As<VectorSelector>();
    if (selector == nullptr) return Fail(arg.position, "expected label selectors only");
    if (selector->name.empty()) return arrow::Status::OK();
    return Fail(arg.position, "expected label selectors only, got vector selector instead");
  }

  arrow::Status CheckCall(Call* call, PositionRange position) {
    const FunctionSignature& function = *call->function;
    ARROW_RETURN_NOT_OK(CheckArgumentCount(*call, position));
    const bool is_info = function.name == "info";
    for (size_t i = 0; i < call->args.size(); ++i) {
      Expr* arg = call->args[i].get();
      if (is_info && i == 0 && call->args.size() > 1) {
        ARROW_RETURN_NOT_OK(CheckInfoSelector(*call->args[1], position));
      }
      if (is_info && i == 1) continue;
      const ValueType wanted = function.args[std::min(i, function.args.size() - 1)];
      ARROW_RETURN_NOT_OK(ExpectType(arg, wanted, "call to function " + Quoted(function.name)));
    }
    return arrow::Status::OK();
  }

  // Where the operator stands: messages about it point there.
  PositionRange OperatorPosition(const Binary& binary) {
    const size_t start =
        text_.find_first_not_of(" \t\n\r", static_cast<size_t>(binary.lhs->position.end));
    const auto at = static_cast<int32_t>(std::min(start, text_.size()));
    return {at, binary.rhs->position.start};
  }

  arrow::Status CheckOperator(const Binary& binary) {
    const bool comparison = IsComparison(binary.op);
    if (binary.return_bool && !comparison) {
      return Fail(OperatorPosition(binary),
                  "bool modifier can only be used on comparison operators");
    }
    if (comparison && !binary.return_bool && binary.lhs->type == ValueType::kScalar &&
        binary.rhs->type == ValueType::kScalar) {
      return Fail(OperatorPosition(binary), "comparisons between scalars must use BOOL modifier");
    }
    const VectorMatching& matching = *binary.matching;
    for (const std::string& label : matching.labels) {
      const bool twice = matching.on && std::find(matching.include.begin(), matching.include.end(),
                                                  label) != matching.include.end();
      if (!twice) continue;
      return Fail(OperatorPosition(binary),
                  "label " + Quoted(label) + " must not occur in ON and GROUP clause at once");
    }
    return arrow::Status::OK();
  }

  arrow::Status CheckBinary(Binary* binary, PositionRange position) {
    ARROW_RETURN_NOT_OK(Check(binary->lhs.get()));
    ARROW_RETURN_NOT_OK(Check(binary->rhs.get()));
    ARROW_RETURN_NOT_OK(CheckOperator(*binary));
    for (const Expr* side : {binary->lhs.get(), binary->rhs.get()}) {
      if (side->type == ValueType::kScalar || side->type == ValueType::kVector) continue;
      return Fail(side->position,
                  "binary expression must contain only scalar and instant vector types");
    }
    const bool vectors =
        binary->lhs->type == ValueType::kVector && binary->rhs->type == ValueType::kVector;
    return vectors ? CheckMatching(binary, position) : CheckWithoutMatching(binary, position);
  }

  arrow::Status CheckMatching(Binary* binary, PositionRange position) {
    if (!IsSetOperator(binary->op)) return arrow::Status::OK();
    VectorMatching& matching = *binary->matching;
    if (matching.cardinality != Cardinality::kOneToOne) {
      return Fail(position,
                  "no grouping allowed for " + Quoted(Spelling(binary->op)) + " operation");
    }
    if (matching.fill_left || matching.fill_right) {
      return Fail(position, "filling in missing series not allowed for set operators");
    }
    matching.cardinality = Cardinality::kManyToMany;
    return arrow::Status::OK();
  }

  arrow::Status CheckWithoutMatching(Binary* binary, PositionRange position) {
    const VectorMatching& matching = *binary->matching;
    if (!matching.labels.empty()) {
      return Fail(position, "vector matching only allowed between instant vectors");
    }
    if (matching.fill_left || matching.fill_right) {
      return Fail(position, "filling in missing series only allowed between instant vectors");
    }
    binary->matching.reset();
    if (!IsSetOperator(binary->op)) return arrow::Status::OK();
    return Fail(position, "set operator " + Quoted(Spelling(binary->op)) +
                              " not allowed in binary scalar expression");
  }

  std::string_view text_;
};

}  // namespace

arrow::Status CheckExpression(std::string_view text, Expr* expr) {
  return Checker(text).Check(expr);
}

}  // namespace larnax::promql
