#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/group_labels.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// One series as its data file holds it.
struct ScannedSeries {
  std::string label_bytes;  ///< Canonical bytes of the label set.
  std::vector<int64_t> time_ms;
  std::vector<double> value;  ///< kStaleBits where NULL.
  std::vector<int64_t> start_ms;
  std::vector<uint8_t> stale;       ///< The column `stale`.
  std::vector<int64_t> series_ids;  ///< Distinct neighbours of the column `series_id`.

  LabelsView labels() const { return LabelsView(label_bytes); }
};

/// Reads a data file from front to back, every column of it, series by series. For checks and
/// repairs: needs no index, trusts nothing but page checksums. Holds one row group and one series.
class DataScanner {
 public:
  /// \retval kCorrupt Not a data file.
  static arrow::Result<std::unique_ptr<DataScanner>> Open(std::shared_ptr<const ParquetFile> file);

  /// Read the next series; false behind the last.
  arrow::Result<bool> Next(ScannedSeries* series);
  /// Label columns of the file, `metric` left out.
  std::vector<ColumnName> columns() const { return labels_.columns(); }

 private:
  explicit DataScanner(std::shared_ptr<const ParquetFile> file)
      : file_(file), labels_(std::move(file)) {}
  arrow::Status Init();
  arrow::Status LoadGroup(size_t group);
  arrow::Status LoadNumbers(size_t group);
  arrow::Status LoadStarts(size_t group);
  /// Take rows [begin, end) of the row group.
  void TakeRows(int64_t begin, int64_t end, ScannedSeries* series);

  std::shared_ptr<const ParquetFile> file_;
  GroupLabels labels_;
  size_t id_leaf_ = 0;
  size_t time_leaf_ = 0;
  size_t value_leaf_ = 0;
  size_t stale_leaf_ = 0;
  size_t start_leaf_ = 0;

  size_t group_ = 0;  // The next to load.
  std::string pending_labels_;
  int64_t pending_rows_ = 0;  // In front of labels_.row(), not yet taken.
  std::vector<int64_t> ids_;
  std::vector<int64_t> times_us_;
  std::vector<double> values_;
  std::vector<uint8_t> stale_;
  std::vector<int64_t> starts_ms_;
};

}  // namespace larnax::columns
