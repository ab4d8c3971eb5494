#include "columns/read/histograms_reader.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>

#include "columns/format/parquet_file.h"
#include "columns/read/group_columns.h"
#include "columns/read/histogram_block.h"
#include "columns/read/histogram_decoder.h"
#include "columns/read/page_fetcher.h"
#include "columns/read/sample_views.h"
#include "columns/read/series_rows_reader.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

// What is kept are blocks of so many rows of a row group, ...
constexpr int64_t kBlockRows = 1024;
// ... of which so many are read together.
constexpr size_t kTaskBlocks = 16;
// Samples that are worth a task.
constexpr size_t kShareSamples = 2048;

// Rows of one series in one row group.
struct Piece {
  size_t group = 0;
  RowRange rows;  // Within the row group.
  std::span<const int64_t> time_ms;
};

// Rows of a row group that are read together, and what they are kept as.
struct ReadTask {
  size_t group = 0;
  std::vector<RowRange> ranges;
  std::vector<std::shared_ptr<HistogramBlock>> blocks;  // One for each range.
  ReadStats stats;
  arrow::Status status;
};

// Pieces whose samples are made by one task.
struct Share {
  size_t first_piece = 0;
  size_t end_piece = 0;
  size_t first_sample = 0;
};

// Blocks by their first row in the file.
using Blocks = std::vector<std::pair<int64_t, std::shared_ptr<const HistogramBlock>>>;

// The first failure that is not damage.
arrow::Status FailureOf(std::span<const ReadTask> tasks) {
  for (const ReadTask& task : tasks) {
    if (!task.status.ok() && KindOf(task.status) != ErrorKind::kCorrupt) return task.status;
  }
  return arrow::Status::OK();
}

// The last block that begins at a row or before it.
Blocks::const_iterator FindBlock(const Blocks& blocks, int64_t row) {
  return std::prev(
      std::upper_bound(blocks.begin(), blocks.end(), row,
                       [](int64_t wanted, const auto& one) { return wanted < one.first; }));
}

}  // namespace

class HistogramsReader::Impl {
 public:
  Impl(SeriesRowsReader rows, HistogramLeaves leaves, std::shared_ptr<FilePages> kept)
      : rows_(std::move(rows)), leaves_(leaves), pages_(rows_.shared_file(), std::move(kept)) {}

  const SeriesRowsReader& rows() const { return rows_; }
  // Finds the wanted rows by their times, which `views` keeps.
  arrow::Status FindRows(std::span<const SeriesExtent> extents, TimeRange range,
                         const ReadContext& context, std::vector<TimesView>* views,
                         std::vector<Piece>* pieces, std::vector<size_t>* ends) const;
  arrow::Status ReadPieces(std::span<const Piece> pieces, const ReadContext& context, bool make,
                           HistogramRows* out) const;

 private:
  arrow::Status CheckAscending(int64_t row, std::span<const int64_t> time_ms) const;
  int64_t GroupRows(size_t group) const;
  arrow::Result<Blocks> KeptBlocks(std::span<const Piece> pieces, const ReadContext& context) const;
  arrow::Status RunApart(std::vector<ReadTask>* tasks, const ReadContext& context) const;
  arrow::Status FillGaps(std::span<const Piece> pieces, const ReadContext& context,
                         Blocks* blocks) const;
  arrow::Result<Blocks> OwnBlocks(std::span<const Piece> pieces, const ReadContext& context) const;
  void MakeSamples(std::span<const Piece> pieces, const Blocks& blocks, bool make,
                   HistogramSample* out) const;
  arrow::Status Run(std::vector<ReadTask>* tasks, const ReadContext& context) const;
  arrow::Status Decode(ReadTask* task) const;

  const SeriesRowsReader rows_;
  const HistogramLeaves leaves_;
  const PageFetcher pages_;
};

arrow::Status HistogramsReader::Impl::CheckAscending(int64_t row,
                                                     std::span<const int64_t> time_ms) const {
  const auto unordered = std::adjacent_find(time_ms.begin(), time_ms.end(),
                                            [](int64_t a, int64_t b) { return a >= b; });
  if (unordered == time_ms.end()) return arrow::Status::OK();
  const size_t group = pages_.GroupOf(row);
  return GroupColumns(rows_.file(), group, {}, nullptr)
      .Corrupt("times do not ascend", rows_.time_leaf());
}

arrow::Status HistogramsReader::Impl::FindRows(std::span<const SeriesExtent> extents,
                                               TimeRange range, const ReadContext& context,
                                               std::vector<TimesView>* views,
                                               std::vector<Piece>* pieces,
                                               std::vector<size_t>* ends) const {
  ARROW_RETURN_NOT_OK(rows_.CheckExtents(extents));
  std::vector<RowRange> ranges(extents.size());
  for (size_t i = 0; i < extents.size(); ++i) {
    ranges[i] = {extents[i].row_start, extents[i].row_count};
    if (!range.Overlaps({extents[i].min_time_ms, extents[i].max_time_ms})) ranges[i].count = 0;
  }
  ARROW_RETURN_NOT_OK(ViewTimes(pages_, rows_.time_leaf(), ranges, context, views));
  ends->clear();
  size_t taken = 0;
  for (size_t i = 0; i < extents.size(); ++i) {
    const std::span<const int64_t> times = (*views)[i].times();
    ARROW_RETURN_NOT_OK(CheckAscending(ranges[i].first, times));
    const auto begin = std::lower_bound(times.begin(), times.end(), range.start_ms);
    const auto end = std::upper_bound(begin, times.end(), range.end_ms);
    std::span<const int64_t> wanted(begin, end);
    int64_t row = ranges[i].first + (begin - times.begin());
    taken += wanted.size();
    ends->push_back(taken);
    while (!wanted.empty()) {
      const size_t group = pages_.GroupOf(row);
      const int64_t left = pages_.group_starts()[group + 1] - row;
      const size_t count = std::min(wanted.size(), static_cast<size_t>(left));
      pieces->push_back({group,
                         {row - pages_.group_starts()[group], static_cast<int64_t>(count)},
                         wanted.first(count)});
      row += static_cast<int64_t>(count);
      wanted = wanted.subspan(count);
    }
  }
  return arrow::Status::OK();
}

int64_t HistogramsReader::Impl::GroupRows(size_t group) const {
  return pages_.group_starts()[group + 1] - pages_.group_starts()[group];
}

arrow::Status HistogramsReader::Impl::Decode(ReadTask* task) const {
  GroupColumns group(rows_.file(), task->group, task->ranges, &task->stats);
  for (const RowRange& range : task->ranges) {
    task->blocks.push_back(std::make_shared<HistogramBlock>());
    task->blocks.back()->Reserve(static_cast<size_t>(range.count));
  }
  size_t block = 0;
  ARROW_RETURN_NOT_OK(
      DecodeHistograms(&group, leaves_, [&](const NativeHistogram& histogram, int64_t start_ms) {
        if (task->blocks[block]->rows() == static_cast<size_t>(task->ranges[block].count)) ++block;
        task->blocks[block]->Add(histogram, start_ms);
      }));
  for (const auto& made : task->blocks) made->Shrink();
  return arrow::Status::OK();
}

arrow::Status HistogramsReader::Impl::Run(std::vector<ReadTask>* tasks,
                                          const ReadContext& context) const {
  io::RunTasks(context.runner, tasks->size(), [&](size_t i) {
    ReadTask& task = (*tasks)[i];
    try {
      task.status = Decode(&task);
    } catch (const std::exception& error) {
      // Memory ran out: tasks must not throw.
      task.status = arrow::Status::OutOfMemory("cannot read histograms: ", error.what());
    }
  });
  for (const ReadTask& task : *tasks) {
    if (context.stats != nullptr) {
      context.stats->pages_read += task.stats.pages_read;
      context.stats->bytes_read += task.stats.bytes_read;
      context.stats->samples_decoded += task.stats.samples_decoded;
    }
  }
  for (const ReadTask& task : *tasks) ARROW_RETURN_NOT_OK(task.status);
  return arrow::Status::OK();
}

arrow::Result<Blocks> HistogramsReader::Impl::KeptBlocks(std::span<const Piece> pieces,
                                                         const ReadContext& context) const {
  // Above the numbers of leaves.
  const size_t column = rows_.file().leaves().size();
  Blocks blocks;
  std::vector<ReadTask> tasks;
  for (const Piece& piece : pieces) {
    const int64_t group_start = pages_.group_starts()[piece.group];
    const int64_t end = piece.rows.first + piece.rows.count;
    for (int64_t first = piece.rows.first / kBlockRows * kBlockRows; first < end;
         first += kBlockRows) {
      const int64_t row = group_start + first;
      if (!blocks.empty() && blocks.back().first == row) continue;
      const int64_t count = std::min(kBlockRows, GroupRows(piece.group) - first);
      auto found = std::static_pointer_cast<const HistogramBlock>(pages_.kept()->Find(column, row));
      if (found == nullptr) {
        if (tasks.empty() || tasks.back().group != piece.group ||
            tasks.back().ranges.size() == kTaskBlocks) {
          tasks.emplace_back().group = piece.group;
        }
        tasks.back().ranges.push_back({first, count});
      }
      blocks.emplace_back(row, std::move(found));
    }
  }
  const bool is_whole = Run(&tasks, context).ok();
  if (!is_whole) ARROW_RETURN_NOT_OK(RunApart(&tasks, context));
  for (ReadTask& task : tasks) {
    if (!task.status.ok()) continue;
    for (size_t i = 0; i < task.ranges.size(); ++i) {
      const int64_t row = pages_.group_starts()[task.group] + task.ranges[i].first;
      pages_.kept()->Insert(column, row, task.blocks[i]);
      const auto at = FindBlock(blocks, row) - blocks.cbegin();
      blocks[static_cast<size_t>(at)].second = std::move(task.blocks[i]);
    }
  }
  if (!is_whole) ARROW_RETURN_NOT_OK(FillGaps(pieces, context, &blocks));
  return blocks;
}

// Reads blocks of tasks that met damage once more, each alone: those beside a damaged page are
// whole. What else failed fails the read.
arrow::Status HistogramsReader::Impl::RunApart(std::vector<ReadTask>* tasks,
                                               const ReadContext& context) const {
  ARROW_RETURN_NOT_OK(FailureOf(*tasks));
  std::vector<ReadTask> single;
  for (const ReadTask& task : *tasks) {
    if (task.status.ok() || task.ranges.size() == 1) continue;
    for (const RowRange& range : task.ranges) {
      single.emplace_back().group = task.group;
      single.back().ranges.push_back(range);
    }
  }
  (void)Run(&single, context);
  ARROW_RETURN_NOT_OK(FailureOf(single));
  std::move(single.begin(), single.end(), std::back_inserter(*tasks));
  return arrow::Status::OK();
}

// Reads wanted rows of blocks that could not be read whole: a damaged page may hold rows that
// nobody wants.
arrow::Status HistogramsReader::Impl::FillGaps(std::span<const Piece> pieces,
                                               const ReadContext& context, Blocks* blocks) const {
  std::vector<Piece> wanted;
  for (const Piece& piece : pieces) {
    const int64_t group_start = pages_.group_starts()[piece.group];
    const int64_t end = piece.rows.first + piece.rows.count;
    for (int64_t first = piece.rows.first; first < end;) {
      const int64_t next = std::min(end, (first / kBlockRows + 1) * kBlockRows);
      if (FindBlock(*blocks, group_start + first)->second == nullptr) {
        wanted.push_back({piece.group, {first, next - first}, {}});
      }
      first = next;
    }
  }
  ARROW_ASSIGN_OR_RAISE(Blocks own, OwnBlocks(wanted, context));
  std::erase_if(*blocks, [](const auto& block) { return block.second == nullptr; });
  blocks->insert(blocks->end(), std::make_move_iterator(own.begin()),
                 std::make_move_iterator(own.end()));
  std::sort(blocks->begin(), blocks->end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return arrow::Status::OK();
}

arrow::Result<Blocks> HistogramsReader::Impl::OwnBlocks(std::span<const Piece> pieces,
                                                        const ReadContext& context) const {
  std::vector<ReadTask> tasks;
  for (const Piece& piece : pieces) {
    if (tasks.empty() || tasks.back().group != piece.group) {
      tasks.emplace_back().group = piece.group;
    }
    tasks.back().ranges.push_back(piece.rows);
  }
  ARROW_RETURN_NOT_OK(Run(&tasks, context));
  Blocks blocks;
  for (ReadTask& task : tasks) {
    for (size_t i = 0; i < task.ranges.size(); ++i) {
      blocks.emplace_back(pages_.group_starts()[task.group] + task.ranges[i].first,
                          std::move(task.blocks[i]));
    }
  }
  return blocks;
}

arrow::Status HistogramsReader::Impl::ReadPieces(std::span<const Piece> pieces,
                                                 const ReadContext& context, bool make,
                                                 HistogramRows* out) const {
  ARROW_ASSIGN_OR_RAISE(const Blocks blocks, pages_.kept() == nullptr
                                                 ? OwnBlocks(pieces, context)
                                                 : KeptBlocks(pieces, context));
  size_t samples = 0;
  std::vector<Share> shares;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (shares.empty() || samples - shares.back().first_sample >= kShareSamples) {
      shares.push_back({i, i, samples});
    }
    ++shares.back().end_piece;
    samples += pieces[i].time_ms.size();
  }
  out->samples.resize(samples);
  if (!make) {
    for (const auto& [row, block] : blocks) out->sources.push_back(block);
    MakeSamples(pieces, blocks, make, out->samples.data());
    return arrow::Status::OK();
  }
  arrow::Status status;
  std::mutex mutex;  // Guards status.
  io::RunTasks(context.runner, shares.size(), [&](size_t i) {
    const Share& share = shares[i];
    try {
      MakeSamples(pieces.subspan(share.first_piece, share.end_piece - share.first_piece), blocks,
                  make, out->samples.data() + share.first_sample);
    } catch (const std::exception& error) {
      // Memory ran out: tasks must not throw.
      const std::lock_guard lock(mutex);
      status = arrow::Status::OutOfMemory("cannot read histograms: ", error.what());
    }
  });
  return status;
}

void HistogramsReader::Impl::MakeSamples(std::span<const Piece> pieces, const Blocks& blocks,
                                         bool make, HistogramSample* out) const {
  for (const Piece& piece : pieces) {
    int64_t row = pages_.group_starts()[piece.group] + piece.rows.first;
    std::span<const int64_t> times = piece.time_ms;
    auto block = FindBlock(blocks, row);
    for (; !times.empty(); ++block) {
      const HistogramBlock& from = *block->second;
      const auto first = static_cast<size_t>(row - block->first);
      const size_t count = std::min(times.size(), from.rows() - first);
      if (make) {
        from.MakeSamples(first, times.first(count), out);
      } else {
        from.LendSamples(first, times.first(count), out);
      }
      out += count;
      times = times.subspan(count);
      row += static_cast<int64_t>(count);
    }
  }
}

HistogramsReader::HistogramsReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HistogramsReader::~HistogramsReader() = default;

arrow::Result<std::shared_ptr<HistogramsReader>> HistogramsReader::Open(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
    std::optional<uint32_t> footer_crc32c, std::shared_ptr<FilePages> kept) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows, SeriesRowsReader::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  ARROW_ASSIGN_OR_RAISE(const HistogramLeaves leaves, FindHistogramLeaves(rows.file()));
  return std::shared_ptr<HistogramsReader>(
      new HistogramsReader(std::make_unique<Impl>(std::move(rows), leaves, std::move(kept))));
}

int64_t HistogramsReader::rows() const { return impl_->rows().file().meta().rows; }
const std::string& HistogramsReader::path() const { return impl_->rows().file().path(); }

int64_t HistogramsReader::mean_row_bytes() const {
  return impl_->rows().mean_row_bytes() +
         static_cast<int64_t>(sizeof(HistogramSample) + sizeof(NativeHistogram));
}

arrow::Status HistogramsReader::Read(std::span<const SeriesExtent> extents, TimeRange range,
                                     HistogramRows* out, ReadStats* stats,
                                     const io::TaskRunner& runner, bool make) const {
  out->samples.clear();
  out->sources.clear();
  const ReadContext context{stats, runner};
  std::vector<TimesView> views;
  std::vector<Piece> pieces;
  ARROW_RETURN_NOT_OK(impl_->FindRows(extents, range, context, &views, &pieces, &out->ends));
  return impl_->ReadPieces(pieces, context, make, out);
}

arrow::Status HistogramsReader::ReadTimes(std::span<const SeriesExtent> extents, TimeRange range,
                                          std::vector<int64_t>* time_ms, std::vector<size_t>* ends,
                                          ReadStats* stats) const {
  time_ms->clear();
  std::vector<TimesView> views;
  std::vector<Piece> pieces;
  ARROW_RETURN_NOT_OK(impl_->FindRows(extents, range, {.stats = stats}, &views, &pieces, ends));
  for (const Piece& piece : pieces) {
    time_ms->insert(time_ms->end(), piece.time_ms.begin(), piece.time_ms.end());
  }
  return arrow::Status::OK();
}

}  // namespace larnax::columns
