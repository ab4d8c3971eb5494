#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/read/row_range.h"
#include "columns/read/sample_views.h"
#include "io/file_system.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Reads rows of one data file of the table `samples` by their numbers.
///
/// Only the pages that hold the asked rows are read, neighbouring ones in one read; each page's
/// checksum is verified. Safe to use from several threads. Functions fail with kCorrupt (naming
/// file and offset) where bytes do not match their checksum or format, with IOError where the disk
/// fails, with Invalid where ranges are not ascending and disjoint within the file; what was
/// appended to the output is then unspecified. `stats` may be nullptr.
class SamplesReader {
 public:
  /// Open a data file: reads the footer only.
  ///
  /// \param footer_bytes  FileSummary::data_footer_bytes, which saves a read; 0: unknown.
  /// \param footer_crc32c  Of the same place; nullopt: a damaged footer may go unnoticed.
  /// \param kept  Where decoded pages are kept; nullptr: nowhere.
  static arrow::Result<std::shared_ptr<SamplesReader>> Open(
      std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes = 0,
      std::optional<uint32_t> footer_crc32c = std::nullopt,
      std::shared_ptr<FilePages> kept = nullptr);
  ~SamplesReader();

  int64_t rows() const;
  const std::string& path() const;

  /// Let the disk begin with what reading times and values of `ranges` takes, unless that is so
  /// much that waiting for its beginning does not matter.
  arrow::Status WillRead(std::span<const RowRange> ranges, ReadStats* stats) const;

  /// Cut rows at the ends of pages of times and values: those of a damaged page are then some of
  /// the pieces.
  arrow::Result<std::vector<RowRange>> CutAtPages(RowRange rows, ReadStats* stats) const;

  /// Find the times of each range, and the values; a stale marker reads as kStaleBits. `views` is
  /// replaced. What lies in one page is not copied.
  arrow::Status ViewTimes(std::span<const RowRange> ranges, const ReadContext& context,
                          std::vector<TimesView>* views) const;
  arrow::Status ViewValues(std::span<const RowRange> ranges, const ReadContext& context,
                           ValueViews* views) const;

  /// Append the times of all rows of `ranges`, one range after the other.
  arrow::Status ReadTimes(std::span<const RowRange> ranges, std::vector<int64_t>* time_ms,
                          ReadStats* stats) const;
  /// Append the values of all rows of `ranges`.
  arrow::Status ReadValues(std::span<const RowRange> ranges, std::vector<double>* value,
                           ReadStats* stats) const;
  /// Append the start times of all rows of `ranges`, 0 = unknown; append nothing where none of the
  /// row groups touched has any (known from the footer, at no cost).
  arrow::Status ReadStarts(std::span<const RowRange> ranges, std::vector<int64_t>* start_ms,
                           ReadStats* stats) const;

 private:
  class Impl;
  explicit SamplesReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
