#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <arrow/result.h>

#include "columns/read/decoded_pages.h"
#include "columns/read/row_range.h"

namespace larnax::columns {

class PageFetcher;

/// Values of ranges of rows, borrowed from `memory`.
struct ValueViews {
  std::vector<std::span<const double>> values;  ///< One for each range.
  std::vector<std::shared_ptr<const void>> memory;
};

/// Find the times of ranges (checked by the caller) in pages of the column `leaf`.
///
/// \param views  Replaced: one for each range.
arrow::Status ViewTimes(const PageFetcher& fetcher, size_t leaf, std::span<const RowRange> ranges,
                        const ReadContext& context, std::vector<TimesView>* views);
/// The same for values. What lies in one page is not copied.
arrow::Status ViewValues(const PageFetcher& fetcher, size_t leaf, std::span<const RowRange> ranges,
                         const ReadContext& context, ValueViews* views);
/// Append the start times of ranges; nothing where none of their row groups has any.
arrow::Status ReadStartTimes(const PageFetcher& fetcher, size_t leaf,
                             std::span<const RowRange> ranges, ReadStats* stats,
                             std::vector<int64_t>* start_ms);

}  // namespace larnax::columns
