#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/series_columns.h"
#include "columns/schema/column_registry.h"
#include "model/label_bytes.h"

namespace larnax::columns {

/// Reads the label sets of a data file's rows, row group by row group, from its label columns. For
/// checks and repairs: needs no index, trusts nothing but page checksums. Holds one row group.
class GroupLabels {
 public:
  explicit GroupLabels(std::shared_ptr<const ParquetFile> file) : file_(std::move(file)) {}
  /// Find the label columns. Call once, before anything else.
  arrow::Status Init();

  /// Load a row group and stand on its first row.
  arrow::Status Load(size_t group);
  /// Rows of the loaded row group, and the one it stands on.
  int64_t rows() const { return rows_; }
  int64_t row() const { return row_; }
  /// Give the rows from the present one on that share their labels, and the labels' canonical
  /// bytes; stands behind them then. \return At least 1. The next stretch may have the same labels.
  int64_t NextStretch(std::string* label_bytes);
  /// Label columns of the file, `metric` left out.
  std::vector<ColumnName> columns() const;

 private:
  struct Column {
    std::string name;
    size_t leaf = 0;
    Page dictionary;
    std::vector<std::string_view> values;
    std::vector<Run> runs;
    size_t run = 0;
    int64_t run_end = 0;
  };

  std::shared_ptr<const ParquetFile> file_;
  std::vector<Column> labels_;  // In byte order of the labels' names.
  size_t other_leaf_ = 0;
  OtherColumn other_;
  int64_t rows_ = 0;
  int64_t row_ = 0;
};

using model::AppendLabel;

}  // namespace larnax::columns
