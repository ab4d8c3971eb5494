#pragma once

#include <cstdint>
#include <optional>

#include "exec/functions/range/range_notes.h"
#include "model/float_histogram.h"

namespace larnax::exec {

/// Find the value at `time_ms` on the line through two samples. A counter that fell began at 0.
inline double InterpolateFloats(int64_t t1, double y1, int64_t t2, double y2, int64_t time_ms,
                                bool counter) {
  if (counter && y2 < y1) y1 = 0;
  return y1 + (y2 - y1) * static_cast<double>(time_ms - t1) / static_cast<double>(t2 - t1);
}

/// The same between two histograms, bucket by bucket.
///
/// \param notes  Is told of custom bounds that had to be brought to common ones.
/// \return nullopt where exponential meets custom bounds.
std::optional<model::FloatHistogram> InterpolateHistograms(const model::FloatHistogram& h1,
                                                           int64_t t1,
                                                           const model::FloatHistogram& h2,
                                                           int64_t t2, int64_t time_ms,
                                                           bool counter, RangeNotes* notes);

}  // namespace larnax::exec
