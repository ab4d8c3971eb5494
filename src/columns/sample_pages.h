#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "columns/chunk_encoder.h"

namespace larnax::columns {

/// Encodes the column `timestamp` of one row group, page by page as rows arrive.
class TimePages {
 public:
  /// \param context  Lives longer; `page_rows` is the most rows of a page.
  explicit TimePages(const ChunkContext* context) : context_(context) {}
  void Append(std::span<const int64_t> time_ms);
  /// Bytes encoded so far, the pending ones by a guess.
  int64_t size_bytes() const;
  /// Give the chunk; ready for the next row group.
  EncodedChunk Finish();

 private:
  void FlushPage();
  const ChunkContext* context_;
  EncodedChunk chunk_;
  std::vector<int64_t> pending_us_;
  int64_t first_row_ = 0;
  int64_t min_us_ = 0;
  int64_t max_us_ = 0;
};

/// Encodes the column `value` of one row group. Pages start at series starts; short series share a
/// page, long ones are cut into small pages.
class ValuePages {
 public:
  /// \param context         Lives longer; `page_rows` is the most rows of a shared page.
  /// \param long_page_rows  Series of so many rows have pages of their own of about so many.
  ValuePages(const ChunkContext* context, int64_t long_page_rows)
      : context_(context), long_page_rows_(long_page_rows) {}
  /// Append rows of one series; the first call for a series in this row group has `series_start`.
  /// Rows of stale markers are appended to `stale_rows`, counted from the start of the row group.
  void Append(std::span<const double> values, bool series_start, std::vector<int64_t>* stale_rows);
  int64_t size_bytes() const;
  EncodedChunk Finish();

 private:
  void Take(std::span<const double> values, std::vector<int64_t>* stale_rows);
  void FlushPage();
  const ChunkContext* context_;
  int64_t long_page_rows_;
  EncodedChunk chunk_;
  std::vector<double> pending_;  // Without the NULLs.
  std::vector<Run> levels_;
  int64_t pending_rows_ = 0;
  int64_t first_row_ = 0;
  DoubleBounds bounds_;
};

}  // namespace larnax::columns
