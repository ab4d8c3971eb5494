#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/series_extent.h"
#include "io/file_system.h"
#include "larnax/labels.h"
#include "larnax/samples.h"

namespace larnax::columns {

class FilePages;

/// Label sets in one piece of memory. Cheap to move; views stay valid until it is destroyed.
class LabelSets {
 public:
  size_t size() const { return ends_.size(); }
  LabelsView operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return LabelsView(std::string_view(bytes_).substr(begin, ends_[i] - begin));
  }
  /// Bytes of all label sets, to append to; CloseSet ends the current one.
  std::string* bytes() { return &bytes_; }
  void CloseSet() { ends_.push_back(bytes_.size()); }
  int64_t memory_bytes() const {
    return static_cast<int64_t>(bytes_.capacity() + ends_.capacity() * sizeof(size_t));
  }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

/// The index of one data file: one row per series, in file order. "Row" here is a row of the index.
///
/// Immutable to the eye and safe to use from several threads: columns, and of them only the pages
/// that a question needs, are read and decoded when first asked for, and kept (as dictionary codes
/// of 1 to 4 bytes a row; equal strings once).
///
/// All reading functions fail with kCorrupt (naming file and offset) where bytes do not match their
/// checksum or format, and with IOError where the disk fails. `stats` may be nullptr.
class SeriesIndex {
 public:
  /// Open an index: reads the footer only.
  ///
  /// \param footer_bytes  FileSummary::series_footer_bytes, which saves a read; 0: unknown.
  /// \param footer_crc32c  Of the same place; nullopt: a damaged footer may go unnoticed.
  /// \param kept  Where label sets are kept; nullptr: nowhere.
  static arrow::Result<std::shared_ptr<SeriesIndex>> Open(
      std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes = 0,
      std::optional<uint32_t> footer_crc32c = std::nullopt,
      std::shared_ptr<FilePages> kept = nullptr);
  ~SeriesIndex();

  /// Number of series.
  int64_t size() const;
  /// Rows of the data file.
  int64_t data_rows() const;
  /// Earliest and latest sample; start > end when there are none.
  TimeRange time_range() const;
  /// True names of the labels that have a column, in byte order; `__name__` among them. Labels in
  /// `other_labels` are not (see DistinctNames).
  const std::vector<std::string>& label_names() const;
  /// Tell whether the file holds the value summaries (see Values).
  bool has_values() const;
  /// Bytes of memory in use for what was loaded.
  int64_t memory_bytes() const;

  /// Find the rows whose labels satisfy all matchers and whose samples' times overlap `range`.
  ///
  /// Each matcher is evaluated once per distinct value of its label. Matchers on `__name__` go
  /// first: rows are sorted by metric, so that they bound what is read of the other columns.
  /// \return Rows, ascending.
  arrow::Result<std::vector<uint32_t>> Match(std::span<const Matcher> matchers, TimeRange range,
                                             ReadStats* stats) const;

  /// Give places and times of rows. \param rows Ascending. \return Shape [rows.size()].
  arrow::Result<std::vector<SeriesExtent>> Extents(std::span<const uint32_t> rows,
                                                   ReadStats* stats) const;
  /// Give value summaries of rows (ascending). \retval Invalid when !has_values().
  arrow::Result<std::vector<SeriesValues>> Values(std::span<const uint32_t> rows,
                                                  ReadStats* stats) const;
  /// Give the column `series_id` of rows (ascending).
  arrow::Result<std::vector<uint64_t>> SeriesIds(std::span<const uint32_t> rows,
                                                 ReadStats* stats) const;

  /// Build the label sets of rows (ascending), exactly as they were appended.
  arrow::Result<LabelSets> LabelsOf(std::span<const uint32_t> rows, ReadStats* stats) const;
  /// The same as views, of which those of many rows near each other are kept for the next time.
  ///
  /// \param memory  Replaced by what keeps `labels` valid.
  arrow::Status ViewLabels(std::span<const uint32_t> rows, std::vector<LabelsView>* labels,
                           std::shared_ptr<const void>* memory, ReadStats* stats) const;
  /// Build label sets of rows with only some labels: those in `names` (byte order), or with
  /// `keep == false` all but those. Columns that are not needed are not read.
  arrow::Result<LabelSets> LabelsOf(std::span<const uint32_t> rows,
                                    std::span<const std::string> names, bool keep,
                                    ReadStats* stats) const;

  /// List the distinct values that a label has in `rows` (ascending), absent ones left out; in byte
  /// order.
  arrow::Result<std::vector<std::string>> DistinctValues(std::string_view label,
                                                         std::span<const uint32_t> rows,
                                                         ReadStats* stats) const;
  /// The same over all rows; reads the dictionary only.
  arrow::Result<std::vector<std::string>> DistinctValues(std::string_view label,
                                                         ReadStats* stats) const;
  /// List the names of all labels that occur in `rows` (ascending), in byte order.
  arrow::Result<std::vector<std::string>> DistinctNames(std::span<const uint32_t> rows,
                                                        ReadStats* stats) const;
  /// The same over all rows.
  arrow::Result<std::vector<std::string>> DistinctNames(ReadStats* stats) const;

 private:
  class Impl;
  explicit SeriesIndex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace larnax::columns
