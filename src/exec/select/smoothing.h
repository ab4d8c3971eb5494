#pragma once

#include <cstdint>

#include "exec/operators/pipeline.h"
#include "exec/sample_windows.h"
#include "larnax/samples.h"

namespace larnax::exec {

struct InstantSpec;

/// Evaluate `x smoothed` for one series: at each step the sample of that very time, else the value
/// on the line between the samples before and after it, else the last one before; each within
/// `spec.lookback_ms`. Without a sample before there is none. Stale markers are passed over.
///
/// \param row  A row of `out`, nothing present.
/// \retval kTimeout, kCancelled, kLimit
arrow::Status SmoothInstant(const SeriesSamples& series, const InstantSpec& spec,
                            const QueryBudget* budget, StepVector* out, StepSeries* row,
                            TaskNotes* notes);

}  // namespace larnax::exec
