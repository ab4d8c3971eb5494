#pragma once

#include <optional>
#include <string>

#include "exec/annotations.h"
#include "exec/types.h"
#include "promql/ast.h"

namespace larnax::exec {

/// Compute `a op b` of two numbers; comparisons give 1 or 0. Not for set operators and trims.
double ComputeFloats(promql::BinaryOp op, double a, double b);
/// Tell whether a comparison holds.
bool Compare(promql::BinaryOp op, double a, double b);

/// A float or (where `histogram` is set) a histogram.
struct BinaryValue {
  double number = 0;
  const HistogramPtr* histogram = nullptr;
};

/// What became of two values.
struct BinaryAnswer {
  enum class Kind : uint8_t {
    kNothing,  ///< The types do not go together; a note was made.
    kFloat,
    kHistogram,
    kTrue,   ///< A comparison holds, ...
    kFalse,  ///< ... or does not.
  };
  Kind kind = Kind::kNothing;
  double number = 0;
  std::optional<model::FloatHistogram> histogram;  ///< Of kHistogram.
};

/// Compute `a op b` where at least one is a histogram, or `op` is a trim. Notes stand at
/// `position`.
BinaryAnswer ComputeValues(promql::BinaryOp op, BinaryValue a, BinaryValue b,
                           promql::PositionRange position, Annotations* annotations);

/// Whether `op` makes a value that is no longer the metric's: arithmetic does, comparisons and
/// trims do not.
bool ChangesMetric(promql::BinaryOp op);

}  // namespace larnax::exec
