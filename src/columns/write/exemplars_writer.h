#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/column_registry.h"
#include "columns/schema/exemplar_row.h"
#include "columns/write/samples_writer.h"
#include "io/file_system.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// Writes one data file of the table `exemplars` and its index, a `series` file like that of
/// `samples` (read it with SeriesIndex; it has no value summaries, `stale_count` is 0).
///
/// Buffers one row group (at most 64 Ki rows or 64 MiB of labels) and the dictionaries of the file.
/// Not safe to use from two threads at once. When destroyed before a good Finish, the two files
/// hold garbage and are the caller's to remove.
class ExemplarsWriter {
 public:
  /// Create both files. Parameters as HistogramsWriter::Open.
  static arrow::Result<std::unique_ptr<ExemplarsWriter>> Open(io::FileSystem& fs,
                                                              std::string data_path,
                                                              std::string series_path,
                                                              std::vector<ColumnName> columns,
                                                              WriterOptions options);
  ~ExemplarsWriter();

  /// Write all exemplars of one series; call once per series, in file order (checked in debug
  /// builds). A series without exemplars is left out.
  ///
  /// \param exemplars  Strictly ascending by CompareExemplars (checked in debug builds): several
  ///                   may have one time. Times in [kMinTimeMs, kMaxTimeMs].
  /// \retval kTooLarge  As SamplesWriter::Append.
  arrow::Status Append(LabelsView labels, std::span<const ExemplarRow> exemplars);

  /// As SamplesWriter.
  int64_t bytes_written() const;
  int64_t rows_written() const;
  arrow::Result<FileSummary> Finish();

 private:
  class Impl;
  explicit ExemplarsWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
