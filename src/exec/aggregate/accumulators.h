#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "exec/annotations.h"
#include "exec/types.h"
#include "promql/ast.h"

namespace larnax::exec {

/// One group of an aggregation at every step. Series are added in a fixed order, as sums depend on
/// it. Not synchronized.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  /// Add a series. \param expr_position  Where notes stand.
  virtual void Add(const StepSeries& row, promql::PositionRange expr_position,
                   Annotations* annotations) = 0;
  /// Write the results. \param row  A row of `out`, nothing present. Called once.
  virtual void Finish(promql::PositionRange expr_position, StepVector* out, StepSeries* row,
                      Annotations* annotations) = 0;
  /// Bytes held, about; with histograms they grow as series are added.
  virtual int64_t bytes() const = 0;
};

/// Make the accumulator of `sum avg count min max group stddev stdvar`.
std::unique_ptr<Accumulator> MakeAccumulator(promql::AggregateOp op, size_t steps);

}  // namespace larnax::exec
