#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/status.h>

#include "columns/format/parquet_format.h"
#include "columns/schema/column_registry.h"
#include "columns/schema/series_extent.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/label_column.h"
#include "columns/write/string_dictionary.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// Where the labels of one series went.
struct PlacedLabels {
  uint32_t metric = kNullCode;
  std::vector<std::pair<size_t, uint32_t>> labels;  ///< Index into FileSeries::labels, code.
  uint32_t other = kNullCode;                       ///< Index into FileSeries::other_sets.
  int64_t series_id = 0;
};

/// Series of one file, collected while it is written: what its index will hold.
class FileSeries {
 public:
  /// \param columns  All that the file may have, any order.
  explicit FileSeries(std::vector<ColumnName> columns);

  /// Add a series; what is given is valid until the next call.
  const PlacedLabels& AddLabels(LabelsView series_labels);
  /// Add the samples of the series added last. \param summarize  Compute its SeriesValues.
  void AddSamples(int64_t row_start, std::span<const int64_t> time_ms,
                  std::span<const double> value, int64_t stale_count, bool summarize);
  int64_t size() const { return static_cast<int64_t>(extents.size()); }
  /// Bytes of all distinct label values.
  int64_t dictionary_bytes() const;
  /// Check that one more series may be added, whose labels are given.
  ///
  /// \retval kTooLarge Its file would have too many series, or `most_label_bytes` of distinct label
  ///   values: the file has to end here.
  arrow::Status CheckRoom(LabelsView series_labels, int64_t most_label_bytes);
  /// Columns that some series uses, in byte order of column names.
  std::vector<ColumnName> UsedColumns() const;

  LabelColumn metric{ColumnName{"__name__", "metric"}};
  std::vector<LabelColumn> labels;  ///< In byte order of column names.
  StringDictionary other_dictionary;
  std::vector<OtherLabels> other_sets;
  std::vector<Run> other_runs;  ///< Over series; values index other_sets.
  std::vector<int64_t> series_ids;
  std::vector<SeriesExtent> extents;
  std::vector<SeriesValues> values;  ///< Empty, or one per series; not of very many series.

 private:
  /// A label of the last series and where it went: the next one mostly has most of the same.
  struct PlacedLabel {
    std::string bytes;  // As LabelsView has them.
    std::string name;
    std::string id_text;  // What series ids are made of.
    size_t column = 0;    // Index into `labels`, or what else it has.
    uint32_t code = 0;
    uint32_t name_code = 0;  // Of a label without a column.
  };
  void Place(const Label& label, PlacedLabel* placed);

  std::map<std::string, size_t, std::less<>> by_label_;
  std::vector<PlacedLabel> last_;
  std::string id_text_;
  PlacedLabels placed_;
  int64_t label_bytes_bound_ = 0;  // dictionary_bytes is not more.
};

/// Tell by which leaves rows are sorted: `metric`, then `job` and `instance` as far as provable.
///
/// \param labels  Label columns in the file, in order; leaf i + 1 is labels[i].
std::vector<SortingColumn> SortingOf(const FileSeries& series, std::span<const ColumnName> labels);

}  // namespace larnax::columns
