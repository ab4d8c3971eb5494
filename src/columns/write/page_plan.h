#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "columns/format/parquet_format.h"

namespace larnax::columns {

/// Consecutive rows of `value` that are not cut by a page: one series or a few.
struct PageUnit {
  int64_t rows = 0;
  bool new_metric = false;  ///< Its first series has another metric than the one before.
  int64_t plain_bytes = 0;  ///< What it adds to a page of PLAIN, compressed; an estimate.
  int64_t split_bytes = 0;  ///< The same for BYTE_STREAM_SPLIT.
};

/// A page to be written: units [begin, end) of those planned.
struct PlannedPage {
  size_t begin = 0;
  size_t end = 0;
  Encoding encoding = Encoding::kPlain;

  friend bool operator==(const PlannedPage&, const PlannedPage&) = default;
};

/// Cut units into pages so that neighbours that like the same encoding share pages. A stretch of
/// another encoding is worth it only where it saves some hundred bytes. Where a stretch must be
/// cut, it is cut in front of a metric, if one begins behind the first quarter of a page.
///
/// \param units     Each of at most `max_rows` rows.
/// \param max_rows  Of a page.
std::vector<PlannedPage> PlanPages(std::span<const PageUnit> units, int64_t max_rows);

}  // namespace larnax::columns
