#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/read/series_index.h"
#include "io/file_system.h"
#include "io/task_runner.h"
#include "larnax/samples.h"

namespace larnax::columns {

class FilePages;

/// Histogram samples of some series, one series after the other.
struct HistogramRows {
  std::vector<HistogramSample> samples;
  std::vector<size_t> ends;  ///< Shape [extents asked]: where each one's samples end.
  std::vector<std::shared_ptr<const HistogramSource>> sources;  ///< Of samples that were not made.

  std::span<const HistogramSample> Of(size_t extent) const {
    const size_t begin = extent == 0 ? 0 : ends[extent - 1];
    return std::span(samples).subspan(begin, ends[extent] - begin);
  }
};

/// Reads rows of one data file of the table `histograms`. Which rows a series has is in the file's
/// index, a `series` file (SeriesIndex).
///
/// Only pages that hold wanted rows are read, and each page's checksum is verified. Safe to use
/// from several threads. Fails with kCorrupt (naming file and offset) where bytes do not match
/// their checksum or format, with IOError where the disk fails, with Invalid where extents are not
/// ascending and disjoint within the file. `stats` may be nullptr.
class HistogramsReader {
 public:
  /// Open a data file: reads the footer only.
  ///
  /// \param footer_bytes  FileSummary::data_footer_bytes, which saves a read; 0: unknown.
  /// \param footer_crc32c  Of the same place; nullopt: a damaged footer may go unnoticed.
  /// \param kept  Where decoded pages are kept; nullptr: nowhere.
  static arrow::Result<std::shared_ptr<HistogramsReader>> Open(
      std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes = 0,
      std::optional<uint32_t> footer_crc32c = std::nullopt,
      std::shared_ptr<FilePages> kept = nullptr);
  ~HistogramsReader();

  int64_t rows() const;
  const std::string& path() const;
  /// Memory that a row takes on average when read: by this a caller limits what it reads at once.
  int64_t mean_row_bytes() const;

  /// Read the samples of series that lie in `range`; an ascending part of the extents' rows.
  ///
  /// \param extents  As SeriesIndex::Extents gave them, ascending.
  /// \param out      Replaced. Neighbours with the same bits mostly share one histogram.
  /// \param runner   Reads and decodes pages; empty: the calling thread.
  /// \param make     False: samples come with a source instead of a histogram.
  arrow::Status Read(std::span<const SeriesExtent> extents, TimeRange range, HistogramRows* out,
                     ReadStats* stats, const io::TaskRunner& runner = {}, bool make = true) const;
  /// Read only the times. \param ends  Shape [extents].
  arrow::Status ReadTimes(std::span<const SeriesExtent> extents, TimeRange range,
                          std::vector<int64_t>* time_ms, std::vector<size_t>* ends,
                          ReadStats* stats) const;

 private:
  class Impl;
  explicit HistogramsReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
