#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/format/file_builder.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/samples_writer.h"
#include "columns/write/series_table.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// What files of typed tables have in common while they are written: label columns, `series_id`,
/// `timestamp`, and the index. The columns after `timestamp` are the caller's.
///
/// Per series: Begin, then AddTimes (with FlushGroup between where a row group is full), then End.
class SeriesRows {
 public:
  /// Create both files. Parameters as HistogramsWriter::Open.
  static arrow::Result<std::unique_ptr<SeriesRows>> Open(io::FileSystem& fs,
                                                         const std::string& data_path,
                                                         const std::string& series_path,
                                                         std::vector<ColumnName> columns,
                                                         SchemaTable table, WriterOptions options);

  /// Begin a series; file order is checked in debug builds.
  ///
  /// \retval kTooLarge  As SamplesWriter::Append.
  arrow::Status Begin(LabelsView labels);
  /// Add rows of the series to the current row group.
  void AddTimes(std::span<const int64_t> time_ms);
  /// End a series that had rows. \param stale_count  Of all its rows.
  void End(int64_t stale_count);

  int64_t group_rows() const { return group_rows_; }
  int64_t rows_written() const { return rows_before_group_ + group_rows_; }
  /// Bytes of the data file so far, label values and buffered times included.
  int64_t bytes_written() const;
  /// For columns that are one page a row group.
  const ChunkContext& context() const { return context_; }

  /// Write the row group. \param rest  Chunks of the columns after `timestamp`.
  arrow::Status FlushGroup(std::span<const EncodedChunk> rest);
  /// Write the footers; the last row group is flushed.
  ///
  /// \param schema  Of the labels in use.
  arrow::Result<FileSummary> Finish(
      const std::function<std::vector<SchemaNode>(std::span<const ColumnName>)>& schema);

 private:
  /// What one row group has, by index into table_.labels.
  struct Group {
    ChunkMeta metric;
    std::vector<std::pair<size_t, ChunkMeta>> labels;
    std::vector<ChunkMeta> rest;  // other_labels (2), series_id, timestamp, the caller's.
    int64_t rows = 0;
  };

  SeriesRows(std::unique_ptr<io::WritableFile> data, std::unique_ptr<io::WritableFile> series,
             std::vector<ColumnName> columns, SchemaTable table, WriterOptions options);
  arrow::Result<FileMeta> MakeMeta(
      const std::function<std::vector<SchemaNode>(std::span<const ColumnName>)>& schema);

  const WriterOptions options_;
  const SchemaTable schema_table_;
  std::unique_ptr<io::WritableFile> series_file_;
  PageCompressor compressor_;
  ChunkContext context_;
  SeriesTable table_;
  const PlacedLabels* placed_ = nullptr;  // Of the series being added.
  Labels last_labels_;                    // Debug builds only.
  SeriesExtent extent_;                   // Of the series being added.

  std::vector<int64_t> times_us_;
  std::vector<Run> other_rows_;
  std::vector<Run> id_rows_;
  std::vector<int64_t> ids_;
  int64_t group_rows_ = 0;
  int64_t rows_before_group_ = 0;

  FileBuilder builder_;
  std::vector<Group> groups_;
  FileSummary summary_;
};

/// Rows of a row group of typed tables, at most.
inline constexpr int64_t kTypedGroupRows = 65536;

}  // namespace larnax::columns
