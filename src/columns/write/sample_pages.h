#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "columns/format/page_codec.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/page_plan.h"

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
/// page, long ones are cut into small pages. Which series share pages, and in which encoding, is
/// decided when the row group is full, so that its values wait in memory until then.
class ValuePages {
 public:
  /// \param context         Lives longer; `page_rows` is the most rows of a shared page.
  /// \param long_page_rows  Series of so many rows have pages of their own of about so many.
  ValuePages(const ChunkContext* context, int64_t long_page_rows);
  /// Append rows of a series: all that it has in this row group. Rows of stale markers are appended
  /// to `stale_rows`, counted from the start of the row group.
  ///
  /// \param new_metric  The series before, if any, has another metric.
  void Append(std::span<const double> values, bool new_metric, std::vector<int64_t>* stale_rows);
  int64_t size_bytes() const;
  EncodedChunk Finish();

 private:
  /// Series that stay together, as PageUnit counts them.
  struct Unit {
    PageUnit plan;
    std::vector<Run> levels;
    size_t values_begin = 0;  // In pending_; they end where the next unit's begin.
  };

  bool chooses() const { return context_->try_encodings && !context_->wide_compat; }
  void BeginUnit(bool new_metric);
  void CloseUnit();
  void Try(std::span<const double> values, PageUnit* unit);
  void Take(std::span<const double> values, std::vector<int64_t>* stale_rows);
  void FlushPages();
  void WritePlanned(bool keep_last);
  void FlushOwnPage();
  void WritePage(size_t begin, size_t end, Encoding encoding);
  const ChunkContext* context_;
  int64_t long_page_rows_;
  EncodedChunk chunk_;
  std::vector<double> pending_;  // Without the NULLs.
  std::vector<Unit> units_;      // The last one is open.
  int64_t unit_bytes_ = 0;       // What closed units will take, by a guess.
  int64_t next_row_ = 0;         // Of the row group, to be appended.
  int64_t first_row_ = 0;        // Of the row group, to be written.
  size_t tried_ = 0;             // Units up to the one that was tried last; 0: none was.
  int after_tried_ = 0;          // Units since.
  std::unique_ptr<StreamSizer> plain_sizer_;
  std::unique_ptr<StreamSizer> split_sizer_;
  std::string scratch_;
  DoubleBounds bounds_;
};

}  // namespace larnax::columns
