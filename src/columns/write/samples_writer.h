#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/column_registry.h"
#include "columns/write/writer_options.h"
#include "io/file_system.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// What a finished data file and its index hold.
struct FileSummary {
  int64_t rows = 0;
  int64_t series = 0;
  int64_t min_time_ms = 0;  ///< 0 when there are no rows.
  int64_t max_time_ms = 0;
  std::string min_metric;  ///< First and last metric name in byte order.
  std::string max_metric;
  int64_t stale_rows = 0;
  int64_t data_bytes = 0;  ///< Sizes of the two files.
  int64_t series_bytes = 0;
  int64_t data_footer_bytes = 0;  ///< Parquet metadata plus its 8 trailing bytes.
  int64_t series_footer_bytes = 0;
  uint32_t data_footer_crc32c = 0;  ///< Of those bytes.
  uint32_t series_footer_crc32c = 0;
};

/// Writes one data file of the table `samples` and its `series` index.
///
/// Buffers one row group in compressed form and the dictionaries of the file: about 2 bytes a
/// sample of a row group plus 200 bytes a series. Not safe to use from two threads at once. When
/// destroyed before a good Finish, the two files hold garbage and are the caller's to remove.
class SamplesWriter {
 public:
  /// Create both files.
  ///
  /// \param columns  Label columns that the files may have, any order (each label once, column
  ///                 names as a ColumnRegistry gives them). A column that no series uses is left
  ///                 out; labels without a column here go to `other_labels`.
  /// \retval Invalid A column is reserved or occurs twice.
  static arrow::Result<std::unique_ptr<SamplesWriter>> Open(io::FileSystem& fs,
                                                            std::string data_path,
                                                            std::string series_path,
                                                            std::vector<ColumnName> columns,
                                                            WriterOptions options);
  ~SamplesWriter();

  /// Write all samples of one series; call once per series, in file order
  /// (model::CompareForFile strictly ascending; checked in debug builds). A series without samples
  /// is left out.
  ///
  /// \param time_ms   Shape [n], strictly ascending, in [kMinTimeMs, kMaxTimeMs].
  /// \param value     Shape [n]; every bit is kept; kStaleBits is stored as NULL with `stale`.
  /// \param start_ms  Shape [n], 0 = unknown; or empty: none known.
  /// \retval Invalid    The lengths differ.
  /// \retval kTooLarge  The file has 16 Mi series or about 512 MiB of distinct label values: finish
  ///                    it (what was appended before is good) and begin another.
  arrow::Status Append(LabelsView labels, std::span<const int64_t> time_ms,
                       std::span<const double> value, std::span<const int64_t> start_ms = {});

  /// Bytes of the data file so far, the buffered ones and the label values estimated: by this a
  /// caller tells when to begin the next file.
  int64_t bytes_written() const;
  /// Rows appended so far.
  int64_t rows_written() const;

  /// Write what is buffered and the footers, then Sync and Close both files.
  arrow::Result<FileSummary> Finish();

 private:
  class Impl;
  explicit SamplesWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
