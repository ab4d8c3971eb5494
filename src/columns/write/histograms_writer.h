#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/column_registry.h"
#include "columns/write/samples_writer.h"
#include "io/file_system.h"
#include "larnax/labels.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Writes one data file of the table `histograms` and its index, a `series` file like that of
/// `samples` (read it with SeriesIndex; it has no value summaries).
///
/// Buffers one row group in uncompressed form (at most 64 Ki rows or 2 Mi bucket counts, but one
/// histogram whole) and the dictionaries of the file. Not safe to use from two threads at once.
/// When destroyed before a good Finish, the two files hold garbage and are the caller's to remove.
class HistogramsWriter {
 public:
  /// Create both files.
  ///
  /// \param columns  As for SamplesWriter, in the order of the archive's registry: labels that are
  ///                 called like columns of this table are given other columns by that order.
  /// \param options  Used are `tier`, `wide_compat`, `row_group_rows` (65,536 if larger),
  ///                 `series_page_rows` and `key_values`.
  /// \retval Invalid A column is reserved or occurs twice.
  static arrow::Result<std::unique_ptr<HistogramsWriter>> Open(io::FileSystem& fs,
                                                               std::string data_path,
                                                               std::string series_path,
                                                               std::vector<ColumnName> columns,
                                                               WriterOptions options);
  ~HistogramsWriter();

  /// Write all samples of one series; call once per series, in file order
  /// (model::CompareForFile strictly ascending; checked in debug builds). A series without samples
  /// is left out.
  ///
  /// \param samples  Times strictly ascending, in [kMinTimeMs, kMaxTimeMs]. Every bit is kept.
  /// \retval Invalid    A histogram's spans and buckets differ in length, or it has members that
  ///                    its `is_integer` rules out. Nothing of the series is then written.
  /// \retval kTooLarge  As SamplesWriter::Append.
  arrow::Status Append(LabelsView labels, std::span<const HistogramSample> samples);

  /// Bytes of the data file so far, the buffered ones and the label values estimated: by this a
  /// caller tells when to begin the next file.
  int64_t bytes_written() const;
  /// Rows appended so far.
  int64_t rows_written() const;

  /// Write what is buffered and the footers, then Sync and Close both files.
  arrow::Result<FileSummary> Finish();

 private:
  class Impl;
  explicit HistogramsWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
