#include <utility>

#include "exec/join/vector_matching.h"
#include "exec/match_signatures.h"
#include "exec/operators/row_transforms.h"

namespace larnax::exec {

using promql::BinaryOp;

SetOperator::SetOperator(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr lhs,
                         VectorOperatorPtr rhs)
    : WholeOperator(context, lhs->grid()),
      binary_(*expr->As<promql::Binary>()),
      lhs_(std::move(lhs)),
      rhs_(std::move(rhs)) {}

arrow::Result<StepVector> SetOperator::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(StepVector left, Drain(lhs_.get()));
  ARROW_ASSIGN_OR_RAISE(StepVector right, Drain(rhs_.get()));
  MatchSignatures signatures(*binary_.matching);
  std::vector<uint32_t> left_groups;
  std::vector<uint32_t> right_groups;
  for (const StepSeries& row : left.series) left_groups.push_back(signatures.Number(row.labels));
  for (const StepSeries& row : right.series) right_groups.push_back(signatures.Number(row.labels));

  // `or` asks of the right side what the left one has; the others the other way round.
  const bool is_or = binary_.op == BinaryOp::kOr;
  StepVector& filtered = is_or ? right : left;
  const StepVector& asked = is_or ? left : right;
  const auto& filtered_groups = is_or ? right_groups : left_groups;
  const auto& asked_groups = is_or ? left_groups : right_groups;
  GroupPresence presence(signatures.size(), grid_.count);
  for (size_t i = 0; i < asked.size(); ++i) {
    presence.Add(asked_groups[i], asked.series[i].present);
  }
  for (size_t i = 0; i < filtered.size(); ++i) {
    const PresenceWord* there = presence.at(filtered_groups[i]);
    PresenceWord* present = filtered.series[i].present;
    for (size_t word = 0; word < presence.words(); ++word) {
      present[word] &= binary_.op == BinaryOp::kAnd ? there[word] : ~there[word];
    }
  }
  RemoveEmptyRows(&filtered);
  if (!is_or) return left;
  left.Append(std::move(right));
  ARROW_RETURN_NOT_OK(MergeSameLabels(&left));
  return left;
}

}  // namespace larnax::exec
