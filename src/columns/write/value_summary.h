#pragma once

#include <cstdint>
#include <span>

#include "columns/schema/series_extent.h"

namespace larnax::columns {

/// Compute the summary of one series' values.
SeriesValues Summarize(std::span<const int64_t> time_ms, std::span<const double> value);

}  // namespace larnax::columns
