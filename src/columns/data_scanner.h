#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/parquet_file.h"
#include "columns/series_columns.h"
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
  std::vector<ColumnName> columns() const;

 private:
  struct LabelColumnState {
    std::string name;
    size_t leaf = 0;
    Page dictionary;
    std::vector<std::string_view> values;
    std::vector<Run> runs;
    size_t run = 0;
    int64_t run_end = 0;
  };

  explicit DataScanner(std::shared_ptr<const ParquetFile> file) : file_(std::move(file)) {}
  arrow::Status Init();
  arrow::Status LoadGroup(size_t group);
  arrow::Status LoadLabels(size_t group);
  arrow::Status LoadNumbers(size_t group);
  arrow::Status LoadStarts(size_t group);
  /// Give the rows from `row_` on that share their labels, and the labels' bytes.
  int64_t NextStretch(std::string* label_bytes);
  void TakeRows(int64_t rows, ScannedSeries* series);

  std::shared_ptr<const ParquetFile> file_;
  std::vector<LabelColumnState> labels_;  // In byte order of the labels' names.
  size_t other_leaf_ = 0;
  size_t id_leaf_ = 0;
  size_t time_leaf_ = 0;
  size_t value_leaf_ = 0;
  size_t stale_leaf_ = 0;
  size_t start_leaf_ = 0;

  size_t group_ = 0;  // The next to load.
  int64_t group_rows_ = 0;
  int64_t row_ = 0;
  OtherColumn other_;
  std::vector<int64_t> ids_;
  std::vector<int64_t> times_us_;
  std::vector<double> values_;
  std::vector<uint8_t> stale_;
  std::vector<int64_t> starts_ms_;
};

/// Append one label in the form of LabelsView.
void AppendLabel(std::string_view name, std::string_view value, std::string* out);

}  // namespace larnax::columns
