#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/read/decoded_pages.h"
#include "columns/read/row_range.h"
#include "larnax/samples.h"
#include "store/read/series_walk.h"

namespace larnax::store {

/// Times of samples: a part of a vector that series of one target share.
class SharedTimes {
 public:
  explicit SharedTimes(columns::TimesView view) : view_(std::move(view)) {}

  std::span<const int64_t> times() const { return view_.times(); }
  /// Give the part as a vector of its own, made once. One thread at a time.
  const std::shared_ptr<const TimestampVector>& Share();

 private:
  columns::TimesView view_;
  std::shared_ptr<const TimestampVector> shared_;
};

/// Samples of one series from one place, borrowed; times strictly ascending.
struct PartSamples {
  std::span<const int64_t> time_ms;
  std::span<const double> value;
  std::span<const int64_t> start_ms;  ///< As long as the others, or empty: none known.
  SharedTimes* times = nullptr;       ///< What has just these times; null: memory of its own.

  size_t size() const { return time_ms.size(); }
};

/// Parts that were read together, and the memory that they borrow.
struct LoadedParts {
  std::vector<PartSamples> parts;  ///< In the order of the request.
  std::deque<SharedTimes> times;
  std::vector<std::shared_ptr<const void>> memory;  ///< Of values and start times.
};

/// Read the samples of parts that lie in `range`: pages that hold none are not read, and each page
/// is decoded once at most.
///
/// \param parts   Of one file ascending by row; files may be mixed.
/// \param loaded  Replaced.
arrow::Status LoadParts(const std::vector<SeriesWalk::Source>& sources,
                        std::span<const SeriesPart> parts, TimeRange range,
                        const columns::ReadContext& context, LoadedParts* loaded);

}  // namespace larnax::store
