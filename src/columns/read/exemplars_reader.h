#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/read/series_index.h"
#include "columns/schema/exemplar_row.h"
#include "io/file_system.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Exemplars of some series, one series after the other.
struct ExemplarRows {
  std::vector<ExemplarRow> rows;       ///< Labels are borrowed from `memory`.
  std::vector<size_t> ends;            ///< Shape [extents asked]: where each one's rows end.
  std::shared_ptr<const void> memory;  ///< Keeps the labels of `rows` valid.

  std::span<const ExemplarRow> Of(size_t extent) const {
    const size_t begin = extent == 0 ? 0 : ends[extent - 1];
    return std::span(rows).subspan(begin, ends[extent] - begin);
  }
};

/// Reads rows of one data file of the table `exemplars`. Everything else as HistogramsReader.
class ExemplarsReader {
 public:
  static arrow::Result<std::shared_ptr<ExemplarsReader>> Open(
      std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes = 0,
      std::optional<uint32_t> footer_crc32c = std::nullopt);
  ~ExemplarsReader();

  int64_t rows() const;
  const std::string& path() const;
  /// Memory that a row takes on average when read.
  int64_t mean_row_bytes() const;

  /// Read the exemplars of series that lie in `range`, in the order of the file.
  ///
  /// \param extents  As SeriesIndex::Extents gave them, ascending. \param out  Replaced.
  arrow::Status Read(std::span<const SeriesExtent> extents, TimeRange range, ExemplarRows* out,
                     ReadStats* stats) const;

 private:
  class Impl;
  explicit ExemplarsReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
