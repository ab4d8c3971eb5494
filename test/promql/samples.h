#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "model/float_histogram.h"
#include "test/promql/script.h"

namespace larnax::promqltest {

struct TimedSample {
  int64_t time_ms = 0;
  int64_t start_ms = 0;  ///< 0 = unknown.
  double value = 0;
  std::shared_ptr<const model::FloatHistogram> histogram = nullptr;  ///< Null: a float.
};

struct TimedSeries {
  Labels labels;
  std::vector<TimedSample> samples;  ///< By time.
};

/// The samples that a `load` stores, in the order of its lines; histograms with custom bounds that
/// it makes of classic ones come last.
///
/// \retval kBadQuery  A classic histogram's counts do not fit each other.
arrow::Result<std::vector<TimedSeries>> ExpandLoad(const LoadCommand& load);

/// Mark the histograms of a series as a time series database does that writes them one after the
/// other: a counter that goes on is "not reset", any other one "unknown"; gauges stay gauges.
/// Scripts expect these hints in answers.
void MarkResets(TimedSeries* series);

}  // namespace larnax::promqltest
