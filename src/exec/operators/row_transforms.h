#pragma once

#include <memory>
#include <vector>

#include "exec/function.h"
#include "exec/operators/binary_values.h"
#include "exec/operators/pipeline.h"

namespace larnax::exec {

/// Scalars that a transform needs: filled by a preparation of its pipeline.
using SharedScalars = std::shared_ptr<const std::vector<double>>;

/// `vector op scalar` or `scalar op vector`.
struct ScalarBinary {
  promql::BinaryOp op = promql::BinaryOp::kAdd;
  bool scalar_on_left = false;
  bool return_bool = false;
  promql::PositionRange position;  ///< Of the left side: where notes stand.
  const QueryContext* query = nullptr;
  SharedScalars scalar;  ///< Shape [steps].
};
RowTransform MakeScalarBinary(ScalarBinary spec);

/// `-vector`
RowTransform MakeNegate(const QueryContext* query);

/// Drop the names, and nothing else.
RowTransform MakeNameDrop(const QueryContext* query);

/// A function of one instant vector, element by element.
struct ElementCall {
  CallContext call;  ///< Its scalars point into `scalars`.
  std::vector<SharedScalars> scalars;
  const Function* function = nullptr;
};
RowTransform MakeElementCall(std::shared_ptr<const ElementCall> call);

/// Remove rows without any sample.
void RemoveEmptyRows(StepVector* vector);

}  // namespace larnax::exec
