#include "columns/read/page_fetcher.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace larnax::columns {
namespace {

// Bytes between two wanted pages that are cheaper to read than a second read.
constexpr int64_t kReadGapBytes = 16 << 10;
// Where several threads decode, what is read at once is a task.
constexpr int64_t kMaxReadBytes = 8 << 20;
constexpr int64_t kMaxTaskBytes = 128 << 10;

}  // namespace

struct PageFetcher::Read {
  std::vector<size_t> pages;  // Indexes in the plan.
  int64_t offset = 0;
  int64_t end_offset = 0;
  ReadStats stats;
  arrow::Status status;
};

PageFetcher::PageFetcher(std::shared_ptr<const ParquetFile> file, std::shared_ptr<FilePages> kept)
    : file_(std::move(file)), kept_(std::move(kept)) {
  int64_t row = 0;
  for (const RowGroupMeta& group : file_->meta().row_groups) {
    group_starts_.push_back(row);
    row += group.rows;
  }
  group_starts_.push_back(row);
}

size_t PageFetcher::GroupOf(int64_t row) const {
  return static_cast<size_t>(std::upper_bound(group_starts_.begin(), group_starts_.end(), row) -
                             group_starts_.begin()) -
         1;
}

arrow::Status PageFetcher::CheckRanges(std::span<const RowRange> ranges) const {
  const int64_t rows = file_->meta().rows;
  int64_t end = 0;
  for (const RowRange& range : ranges) {
    if (range.first < end || range.count < 0 || range.count > rows - range.first) {
      return arrow::Status::Invalid("bad row range: first=", range.first, " count=", range.count,
                                    " rows=", rows);
    }
    end = range.first + range.count;
  }
  return arrow::Status::OK();
}

arrow::Result<PagePlan> PageFetcher::Plan(size_t leaf, std::span<const RowRange> ranges,
                                          ReadStats* stats) const {
  PagePlan plan;
  plan.pieces.reserve(ranges.size());
  size_t group = 0;
  std::shared_ptr<const std::vector<PageLocation>> locations;
  // Rows of the last page of the plan.
  int64_t begin = 0;
  int64_t end = 0;
  for (const RowRange& range : ranges) {
    int64_t row = range.first;
    for (int64_t left = range.count; left > 0;) {
      if (row < begin || row >= end) {
        const size_t row_group = GroupOf(row);
        if (locations == nullptr || row_group != group) {
          group = row_group;
          ARROW_ASSIGN_OR_RAISE(locations, file_->PagesOf(group, leaf, stats));
        }
        const int64_t group_start = group_starts_[group];
        const auto next = std::upper_bound(locations->begin(), locations->end(), row - group_start,
                                           [](int64_t wanted, const PageLocation& location) {
                                             return wanted < location.first_row;
                                           });
        begin = group_start + std::prev(next)->first_row;
        end = next == locations->end() ? group_starts_[group + 1] : group_start + next->first_row;
        plan.pages.push_back({group, *std::prev(next), end - begin});
      }
      const int64_t count = std::min(end - row, left);
      plan.pieces.push_back(
          {plan.pages.size() - 1, static_cast<size_t>(row - begin), static_cast<size_t>(count)});
      row += count;
      left -= count;
    }
  }
  return plan;
}

void PageFetcher::AppendMissing(size_t leaf, const PagePlan& plan,
                                std::vector<ByteRange>* ranges) const {
  for (const PagePlan::Page& page : plan.pages) {
    if (kept_ != nullptr && kept_->Contains(leaf, page.location.offset)) continue;
    ranges->push_back({page.location.offset, page.location.size_bytes});
  }
}

arrow::Result<PageFetcher::Pages> PageFetcher::Fetch(size_t leaf, const PagePlan& plan,
                                                     const Decode& decode,
                                                     const ReadContext& context) const {
  Pages pages(plan.pages.size());
  std::vector<Read> reads;
  const int64_t most_bytes = context.runner ? kMaxTaskBytes : kMaxReadBytes;
  for (size_t i = 0; i < pages.size(); ++i) {
    const PageLocation& location = plan.pages[i].location;
    if (kept_ != nullptr) pages[i] = kept_->Find(leaf, location.offset);
    // A file of hostile offsets must not bring other rows than its index has there.
    if (pages[i] != nullptr && static_cast<int64_t>(pages[i]->rows()) == plan.pages[i].rows) {
      continue;
    }
    const int64_t end_offset = location.offset + location.size_bytes;
    const bool joins = !reads.empty() && location.offset >= reads.back().end_offset &&
                       location.offset - reads.back().end_offset <= kReadGapBytes &&
                       end_offset - reads.back().offset <= most_bytes;
    if (!joins) {
      reads.emplace_back();
      reads.back().offset = location.offset;
    }
    reads.back().pages.push_back(i);
    reads.back().end_offset = end_offset;
  }
  io::RunTasks(context.runner, reads.size(), [&](size_t i) {
    try {
      reads[i].status = Run(leaf, plan, decode, &reads[i], &pages);
    } catch (const std::exception& error) {
      // Memory ran out: tasks must not throw.
      reads[i].status = arrow::Status::OutOfMemory("cannot read pages: ", error.what());
    }
  });
  for (const Read& read : reads) {
    if (context.stats != nullptr) {
      context.stats->pages_read += read.stats.pages_read;
      context.stats->bytes_read += read.stats.bytes_read;
      context.stats->samples_decoded += read.stats.samples_decoded;
    }
  }
  for (const Read& read : reads) ARROW_RETURN_NOT_OK(read.status);
  return pages;
}

arrow::Status PageFetcher::Run(size_t leaf, const PagePlan& plan, const Decode& decode, Read* read,
                               Pages* pages) const {
  ByteBuffer bytes;
  ByteBuffer body;
  ARROW_RETURN_NOT_OK(file_->ReadBytes(
      read->offset, bytes.Resize(static_cast<size_t>(read->end_offset - read->offset)),
      &read->stats));
  for (const size_t i : read->pages) {
    const PagePlan::Page& page = plan.pages[i];
    const int64_t at = page.location.offset;
    PageHeader header;
    ARROW_RETURN_NOT_OK(
        file_
            ->DecodePage(bytes.view().substr(static_cast<size_t>(at - read->offset),
                                             static_cast<size_t>(page.location.size_bytes)),
                         at, file_->meta().row_groups[page.group].chunks[leaf].codec, &header,
                         &body, &read->stats)
            .status());
    if (header.type != PageType::kData || header.num_values != page.rows) {
      return file_->Corrupt("page and offset index differ", at);
    }
    read->stats.samples_decoded += page.rows;
    auto decoded = decode(header, body.view(), static_cast<size_t>(page.rows));
    if (!decoded.ok()) return file_->At(decoded.status(), at);
    (*pages)[i] = *decoded;
    if (kept_ != nullptr) kept_->Insert(leaf, at, *std::move(decoded));
  }
  return arrow::Status::OK();
}

}  // namespace larnax::columns
