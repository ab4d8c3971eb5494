#pragma once

#include <cstdint>

namespace larnax::columns {

/// Where the samples of one series stand in the data file, and when they are.
struct SeriesExtent {
  int64_t row_start = 0;  ///< First row in the data file.
  int64_t row_count = 0;  ///< At least 1.
  int64_t min_time_ms = 0;
  int64_t max_time_ms = 0;
  int64_t stale_count = 0;  ///< Stale markers among the rows.

  friend bool operator==(const SeriesExtent&, const SeriesExtent&) = default;
};

/// What the values of one series add up to; stale markers are left out everywhere.
struct SeriesValues {
  double first_value = 0;  ///< Bits kept; of the first sample that is no stale marker.
  double last_value = 0;
  int64_t last_time_ms = 0;  ///< Time of `last_value`.
  double sum = 0;            ///< Added in time order, Kahan-Neumaier.
  double min = 0;            ///< NaN only where every value is.
  double max = 0;
  int64_t resets = 0;       ///< Values below their predecessor.
  bool has_values = false;  ///< False where all samples are stale markers: the rest means nothing.
};

}  // namespace larnax::columns
