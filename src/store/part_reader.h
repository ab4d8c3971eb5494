#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <arrow/result.h>

#include "larnax/samples.h"
#include "store/series_walk.h"

namespace larnax::store {

/// Samples of one series from one place, borrowed; times strictly ascending.
struct PartSamples {
  std::span<const int64_t> time_ms;
  std::span<const double> value;
  std::span<const int64_t> start_ms;  ///< As long as the others, or empty: none known.

  size_t size() const { return time_ms.size(); }
};

/// Parts that were read together, and the memory that they borrow.
struct LoadedParts {
  /// Times of one file; kept for the next reading, since fresh memory costs as much as decoding.
  struct TimeBuffer {
    std::unique_ptr<int64_t[]> times;
    size_t capacity = 0;
  };

  std::vector<PartSamples> parts;  ///< In the order of the request.
  std::vector<TimeBuffer> times;
  std::vector<std::unique_ptr<double[]>> values;
  std::vector<std::unique_ptr<std::vector<int64_t>>> starts;
};

/// Read the samples of parts that lie in `range`: pages that hold none are not read, and each page
/// is decoded once.
///
/// \param parts   Of one file ascending by row; files may be mixed.
/// \param loaded  Replaced; but its time buffers are used again.
arrow::Status LoadParts(const std::vector<SeriesWalk::Source>& sources,
                        std::span<const SeriesPart> parts, TimeRange range, ReadStats* stats,
                        LoadedParts* loaded);

}  // namespace larnax::store
