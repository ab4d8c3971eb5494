#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/group_columns.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Columns of a file of the table `histograms`, by their numbers.
struct HistogramLeaves {
  /// Columns of one sign.
  struct Side {
    size_t offsets = 0;
    size_t lengths = 0;
    size_t buckets = 0;
    size_t integers = 0;
  };
  size_t start = 0;
  size_t stale = 0;
  size_t count = 0;
  size_t sum = 0;
  size_t schema = 0;
  size_t zero_threshold = 0;
  size_t zero_count = 0;
  Side positive;
  Side negative;
  size_t custom_bounds = 0;
  size_t hint = 0;
  size_t is_integer = 0;
  size_t count_int = 0;
  size_t zero_count_int = 0;
};

/// \retval kCorrupt  A column is missing, or of another type.
arrow::Result<HistogramLeaves> FindHistogramLeaves(const ParquetFile& file);

/// Takes a row; nothing of it is kept for it.
using TakeHistogram = std::function<void(const NativeHistogram& histogram, int64_t start_ms)>;

/// Decode the histograms of a group's wanted rows, and check them.
///
/// \param take  Called for each row, in their order.
/// \retval kCorrupt  Bytes, or what they say, are no histograms.
arrow::Status DecodeHistograms(GroupColumns* group, const HistogramLeaves& leaves,
                               const TakeHistogram& take);

}  // namespace larnax::columns
