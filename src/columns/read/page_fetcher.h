#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/page_cache.h"
#include "columns/read/row_range.h"

namespace larnax::columns {

/// The pages of a column that hold wanted rows, and which of their rows are wanted.
struct PagePlan {
  struct Page {
    size_t group = 0;
    PageLocation location;
    int64_t rows = 0;  // In the page.
  };
  struct Piece {
    size_t page = 0;   // Index in `pages`.
    size_t first = 0;  // Row within the page.
    size_t count = 0;
  };
  std::vector<Page> pages;
  std::vector<Piece> pieces;  // Of all ranges, one after the other; each in as many as it needs.
};

/// Brings pages of one data file, decoded: from those that are kept, or else from the file,
/// neighbours with one read. Immutable; safe to use from several threads.
class PageFetcher {
 public:
  /// Make of a page's body what it is kept as. Called from any thread.
  using Decode = std::function<arrow::Result<std::shared_ptr<const DecodedPage>>(
      const PageHeader& header, std::string_view body, size_t rows)>;
  using Pages = std::vector<std::shared_ptr<const DecodedPage>>;

  /// \param kept  May be null: nothing is kept.
  PageFetcher(std::shared_ptr<const ParquetFile> file, std::shared_ptr<FilePages> kept);

  const ParquetFile& file() const { return *file_; }
  FilePages* kept() const { return kept_.get(); }
  /// First row of each row group, and the file's rows.
  std::span<const int64_t> group_starts() const { return group_starts_; }
  /// Row group of a row.
  size_t GroupOf(int64_t row) const;
  /// \retval Invalid  Ranges are not ascending and disjoint within the file.
  arrow::Status CheckRanges(std::span<const RowRange> ranges) const;

  arrow::Result<PagePlan> Plan(size_t leaf, std::span<const RowRange> ranges,
                               ReadStats* stats) const;
  /// Append where those pages are that Fetch would read.
  void AppendMissing(size_t leaf, const PagePlan& plan, std::vector<ByteRange>* ranges) const;
  /// \return Shape [plan.pages.size()].
  arrow::Result<Pages> Fetch(size_t leaf, const PagePlan& plan, const Decode& decode,
                             const ReadContext& context) const;

 private:
  // Neighbouring pages that are read at once.
  struct Read;
  arrow::Status Run(size_t leaf, const PagePlan& plan, const Decode& decode, Read* read,
                    Pages* pages) const;

  std::shared_ptr<const ParquetFile> file_;
  std::shared_ptr<FilePages> kept_;
  std::vector<int64_t> group_starts_;
};

}  // namespace larnax::columns
