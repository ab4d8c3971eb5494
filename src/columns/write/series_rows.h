#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/format/file_builder.h"
#include "columns/schema/tables.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/file_series.h"
#include "columns/write/samples_writer.h"
#include "columns/write/writer_options.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// What files of tables of series have in common while they are written: label columns,
/// `series_id`, row groups, and the index. The columns from `timestamp` on are the caller's.
///
/// Per series: Begin, then AddRows (with FlushGroup between where a row group is full), then End.
class SeriesRows {
 public:
  /// Create both files. Parameters as SamplesWriter::Open, for any table.
  static arrow::Result<std::unique_ptr<SeriesRows>> Open(io::FileSystem& fs,
                                                         const std::string& data_path,
                                                         const std::string& series_path,
                                                         std::vector<ColumnName> columns,
                                                         SchemaTable table, WriterOptions options);

  /// Begin a series; file order is checked in debug builds.
  ///
  /// \retval kTooLarge  As SamplesWriter::Append.
  arrow::Status Begin(LabelsView labels);
  /// Add rows of the series to the current row group. \param rows  Not 0; times ascend.
  void AddRows(int64_t rows, int64_t first_ms, int64_t last_ms);
  /// End a series that had rows. \param stale_count  Of all its rows.
  void End(int64_t stale_count);
  /// The same where the index is to tell of values. \param time_ms, value  Of all its rows.
  void End(int64_t stale_count, std::span<const int64_t> time_ms, std::span<const double> value);

  int64_t group_rows() const { return group_rows_; }
  int64_t rows_written() const { return rows_before_group_ + group_rows_; }
  /// Bytes of the data file so far, label values included.
  int64_t bytes_written() const { return builder_.size_bytes() + series_.dictionary_bytes(); }
  /// Code of the metric of the series that was begun last; equal for equal metrics of the file.
  uint32_t metric_code() const { return placed_->metric; }
  /// For columns that are one page a row group.
  const ChunkContext& context() const { return context_; }

  /// Write the row group. \param rest  Chunks of the columns from `timestamp` on.
  arrow::Status FlushGroup(std::span<const EncodedChunk> rest);
  /// Write the footers; the last row group is flushed.
  ///
  /// \param schema  Of the labels in use.
  arrow::Result<FileSummary> Finish(
      const std::function<std::vector<SchemaNode>(std::span<const ColumnName>)>& schema);

 private:
  /// What one row group has, by index into series_.labels.
  struct Group {
    ChunkMeta metric;
    std::vector<std::pair<size_t, ChunkMeta>> labels;
    std::vector<ChunkMeta> rest;  // other_labels (2), series_id, the caller's.
    int64_t rows = 0;
  };

  SeriesRows(std::unique_ptr<io::WritableFile> data, std::unique_ptr<io::WritableFile> series,
             std::vector<ColumnName> columns, SchemaTable table, WriterOptions options);
  void NoteEnd(int64_t stale_count);
  arrow::Result<FileMeta> MakeMeta(
      const std::function<std::vector<SchemaNode>(std::span<const ColumnName>)>& schema);

  const WriterOptions options_;
  const SchemaTable schema_table_;
  std::unique_ptr<io::WritableFile> series_file_;
  PageCompressor compressor_;
  ChunkContext context_;
  FileSeries series_;
  const PlacedLabels* placed_ = nullptr;  // Of the series being added.
  Labels last_labels_;                    // Debug builds only.
  SeriesExtent extent_;                   // Of the series being added.

  std::vector<Run> other_rows_;
  std::vector<Run> id_rows_;
  std::vector<int64_t> ids_;
  int64_t group_rows_ = 0;
  int64_t rows_before_group_ = 0;

  FileBuilder builder_;
  std::vector<Group> groups_;
  FileSummary summary_;
};

/// Most rows of a row group where single rows are large.
inline constexpr int64_t kMostLargeRows = 65536;

/// Encode the column `timestamp` of such a row group.
EncodedChunk EncodeTimes(std::span<const int64_t> times_us, const ChunkContext& context);

}  // namespace larnax::columns
