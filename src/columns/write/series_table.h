#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/format/file_builder.h"
#include "columns/schema/column_registry.h"
#include "columns/schema/series_extent.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/samples_writer.h"
#include "columns/write/string_dictionary.h"

namespace larnax::columns {

/// Compression and pages of a file by tier. \param series Those of the `series` file.
ChunkContext ContextFor(const WriterOptions& options, PageCompressor* compressor, bool series);

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

/// Where the labels of one series went.
struct PlacedLabels {
  uint32_t metric = kNullCode;
  std::vector<std::pair<size_t, uint32_t>> labels;  ///< Index into SeriesTable::labels, code.
  uint32_t other = kNullCode;                       ///< Index into SeriesTable::other_sets.
  int64_t series_id = 0;
};

/// Series of one file, collected while it is written, and the index file made of them.
class SeriesTable {
 public:
  /// \param columns  All that the file may have, any order.
  explicit SeriesTable(std::vector<ColumnName> columns);

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

/// Compute the summary of one series' values.
SeriesValues Summarize(std::span<const int64_t> time_ms, std::span<const double> value);

/// Write the index file and sync it.
arrow::Result<FooterPlace> WriteSeriesTable(std::unique_ptr<io::WritableFile> file,
                                            SeriesTable* table, const WriterOptions& options,
                                            PageCompressor* compressor);

/// Tell by which leaves rows are sorted: `metric`, then `job` and `instance` as far as provable.
///
/// \param labels  Label columns in the file, in order; leaf i + 1 is labels[i].
std::vector<SortingColumn> SortingOf(const SeriesTable& table, std::span<const ColumnName> labels);

}  // namespace larnax::columns
