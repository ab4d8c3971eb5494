#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "columns/format/encodings.h"
#include "columns/schema/column_registry.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/string_dictionary.h"

namespace larnax::columns {

/// Runs in half the memory: of less than 2^32 rows together.
class ShortRuns {
 public:
  /// Append a run; joins with the last one when values are equal.
  void Append(uint32_t value, int64_t count) {
    if (count == 0) return;
    if (!runs_.empty() && runs_.back().first == value) {
      runs_.back().second += static_cast<uint32_t>(count);
    } else {
      runs_.emplace_back(value, static_cast<uint32_t>(count));
    }
  }
  std::vector<Run> Expand() const;

 private:
  std::vector<std::pair<uint32_t, uint32_t>> runs_;  // Value, count.
};

/// One label column while its file is written: codes of the file's strings, and runs of them over
/// series and over the rows of the current row group. Rows not yet told are NULL.
class LabelColumn {
 public:
  explicit LabelColumn(ColumnName name) : name_(std::move(name)) {}

  const ColumnName& name() const { return name_; }
  const StringDictionary& dictionary() const { return dictionary_; }
  bool used() const { return dictionary_.size() > 0; }
  /// Find the code of the series' value; cheap when it is the last series' one.
  uint32_t Intern(std::string_view value);
  /// Series number `series` has this value.
  void AddSeries(uint32_t code, int64_t series);
  /// Rows `first` .. `first + count` of the current row group have this value.
  void AddRows(uint32_t code, int64_t first, int64_t count);

  /// Give the runs over `series` series.
  std::vector<Run> SeriesRuns(int64_t series);
  /// Give the runs over the `rows` rows of the row group, which then ends.
  std::vector<Run> TakeRows(int64_t rows);

 private:
  ColumnName name_;
  StringDictionary dictionary_;
  std::string_view last_value_;
  uint32_t last_code_ = kNullCode;
  ShortRuns series_runs_;
  int64_t series_filled_ = 0;
  ShortRuns row_runs_;
  int64_t rows_filled_ = 0;
};

}  // namespace larnax::columns
