#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/group_columns.h"
#include "columns/read/series_index.h"

namespace larnax::columns {

/// Finds columns of a data file by name and type.
class LeafFinder {
 public:
  explicit LeafFinder(const ParquetFile& file) : file_(file) {}
  /// Find a top-level column.
  ///
  /// \retval kCorrupt There is none of this type.
  arrow::Status Find(std::string_view name, PhysicalType type, bool optional, size_t* leaf) const;
  /// Find the elements of a list, or the keys of a map, whose elements are required.
  arrow::Status FindList(std::string_view name, PhysicalType type, bool optional,
                         size_t* leaf) const;

 private:
  const ParquetFile& file_;
};

/// Wanted rows of one row group, series by series.
struct GroupRows {
  size_t group = 0;
  std::vector<RowRange> ranges;  ///< Within the row group.
  std::vector<int64_t> time_ms;  ///< Of all rows of `ranges`.
};

/// Finds the rows of series in a time range. Immutable; safe to use from several threads.
class SeriesRowsReader {
 public:
  /// Open a data file: reads the footer only.
  ///
  /// \param footer_bytes  FileSummary::data_footer_bytes, which saves a read; 0: unknown.
  /// \param footer_crc32c  Of the same place; nullopt: a damaged footer may go unnoticed.
  /// \retval kCorrupt Not a data file of series.
  static arrow::Result<SeriesRowsReader> Open(std::shared_ptr<io::ReadableFile> file,
                                              ReadStats* stats, int64_t footer_bytes,
                                              std::optional<uint32_t> footer_crc32c);

  const ParquetFile& file() const { return *file_; }
  const std::shared_ptr<const ParquetFile>& shared_file() const { return file_; }
  /// Number of the column of times.
  size_t time_leaf() const { return time_leaf_; }
  /// Memory that a row takes on average in the columns as they are read.
  int64_t mean_row_bytes() const;

  /// \retval Invalid  Extents are not ascending and disjoint within the file.
  arrow::Status CheckExtents(std::span<const SeriesExtent> extents) const;
  /// Call `take` for each row group with wanted rows, in order.
  ///
  /// \param extents  Ascending. \param strict  Whether times of a series must differ.
  /// \param ends     Replaced, shape [extents]: where the rows of each end among all that are
  /// taken.
  /// \retval Invalid  Extents are not ascending and disjoint within the file.
  /// \retval kCorrupt Times of a series do not ascend.
  arrow::Status ForEachGroup(std::span<const SeriesExtent> extents, TimeRange range, bool strict,
                             std::vector<size_t>* ends, ReadStats* stats,
                             const std::function<arrow::Status(const GroupRows&)>& take) const;

 private:
  // Rows of one series in one row group.
  struct Piece {
    size_t extent = 0;  // Index of the series in the request.
    size_t count = 0;
  };
  // Wanted rows, and how many each series has of them.
  struct Found {
    GroupRows rows;
    std::vector<Piece> pieces;
  };
  explicit SeriesRowsReader(std::shared_ptr<const ParquetFile> file) : file_(std::move(file)) {}
  arrow::Result<Found> ReadGroup(size_t group, std::span<const Piece> pieces,
                                 std::span<const RowRange> ranges, TimeRange range, bool strict,
                                 ReadStats* stats) const;

  std::shared_ptr<const ParquetFile> file_;
  std::vector<int64_t> group_start_;  // First row of each row group, and the file's rows.
  size_t time_leaf_ = 0;
};

}  // namespace larnax::columns
