#include "columns/read/sample_views.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "columns/read/page_fetcher.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

// A page has up to a million times, mostly the same ones again and again: so many are decoded at
// once, into memory that stays in the cache.
constexpr size_t kTimesAtOnce = 8192;

arrow::Result<std::shared_ptr<const DecodedPage>> DecodeTimes(const PageHeader& header,
                                                              std::string_view body, size_t rows,
                                                              FilePages* file) {
  TimePage::Builder builder(file);
  if (header.encoding == static_cast<int32_t>(Encoding::kDeltaBinaryPacked)) {
    ARROW_ASSIGN_OR_RAISE(DeltaDecoder decoder,
                          DeltaDecoder::Open(body, static_cast<int64_t>(rows)));
    std::vector<int64_t> times(std::min(rows, kTimesAtOnce));
    for (size_t row = 0; row < rows; row += times.size()) {
      times.resize(std::min(times.size(), rows - row));
      ARROW_RETURN_NOT_OK(decoder.Next(times));
      builder.Append(times);
    }
    return builder.Finish();
  }
  if (header.encoding != static_cast<int32_t>(Encoding::kPlain) || body.size() != rows * 8) {
    return MakeError(ErrorKind::kCorrupt, "cannot decode page of times");
  }
  // A buffer of its own begins aligned.
  builder.Append({reinterpret_cast<const int64_t*>(body.data()), rows});
  return builder.Finish();
}

arrow::Result<std::shared_ptr<const DecodedPage>> DecodeValues(const PageHeader& header,
                                                               std::string_view body, size_t rows) {
  ARROW_ASSIGN_OR_RAISE(const DoublePage split, SplitDoublePage(header, body));
  auto page = std::make_shared<ValuePage>(rows);
  DecodeDoubles(split, 0, std::bit_cast<double>(kStaleBits), page->memory());
  return page;
}

arrow::Result<std::shared_ptr<const StartTimes>> StartTimesOf(const PageFetcher& fetcher,
                                                              size_t group, size_t leaf,
                                                              ReadStats* stats) {
  const ParquetFile& file = fetcher.file();
  const int64_t offset = file.meta().row_groups[group].chunks[leaf].begin_offset();
  const int64_t rows = file.meta().row_groups[group].rows;
  FilePages* const kept = fetcher.kept();
  if (kept != nullptr) {
    const auto found = kept->Find(leaf, offset);
    if (found != nullptr && static_cast<int64_t>(found->rows()) == rows) {
      return std::static_pointer_cast<const StartTimes>(found);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const ChunkPages pages, file.ReadChunk(group, leaf, stats));
  const std::string& dictionary = pages.dictionary.body;
  std::vector<Run> runs;
  for (const Page& page : pages.data) {
    ARROW_RETURN_NOT_OK(file.At(
        DecodeCodes(page, true, static_cast<uint32_t>(dictionary.size() / 8), &runs), page.offset));
  }
  std::vector<int64_t> run_ends;
  std::vector<int64_t> start_ms;
  int64_t row = 0;
  for (const Run& run : runs) {
    int64_t start_us = 0;
    if (run.value != kNullRun) {
      std::memcpy(&start_us, dictionary.data() + size_t{run.value} * 8, 8);
    }
    run_ends.push_back(row += run.count);
    start_ms.push_back(start_us / 1000);
  }
  auto starts = std::make_shared<const StartTimes>(std::move(run_ends), std::move(start_ms));
  if (kept != nullptr) kept->Insert(leaf, offset, starts);
  return starts;
}

// Calls take(range, its pieces) for each range.
template <typename Take>
void ForEachRange(std::span<const RowRange> ranges, const PagePlan& plan, Take take) {
  std::span<const PagePlan::Piece> rest = plan.pieces;
  for (size_t i = 0; i < ranges.size(); ++i) {
    size_t pieces = 0;
    for (int64_t left = ranges[i].count; left > 0; ++pieces) {
      left -= static_cast<int64_t>(rest[pieces].count);
    }
    take(i, rest.first(pieces));
    rest = rest.subspan(pieces);
  }
}

}  // namespace

arrow::Status ViewTimes(const PageFetcher& fetcher, size_t leaf, std::span<const RowRange> ranges,
                        const ReadContext& context, std::vector<TimesView>* views) {
  ARROW_ASSIGN_OR_RAISE(const PagePlan plan, fetcher.Plan(leaf, ranges, context.stats));
  ARROW_ASSIGN_OR_RAISE(const PageFetcher::Pages pages,
                        fetcher.Fetch(
                            leaf, plan,
                            [&](const PageHeader& header, std::string_view body, size_t rows) {
                              return DecodeTimes(header, body, rows, fetcher.kept());
                            },
                            context));
  views->assign(ranges.size(), {});
  size_t run = 0;
  ForEachRange(ranges, plan, [&](size_t i, std::span<const PagePlan::Piece> pieces) {
    TimesView& view = (*views)[i];
    TimestampVector joined;
    for (const PagePlan::Piece& piece : pieces) {
      view = static_cast<const TimePage&>(*pages[piece.page]).Rows(piece.first, piece.count, &run);
      if (pieces.size() == 1) return;
      const auto times = view.times();
      joined.insert(joined.end(), times.begin(), times.end());
    }
    const size_t count = joined.size();
    view = {std::make_shared<const TimestampVector>(std::move(joined)), 0, count};
  });
  return arrow::Status::OK();
}

arrow::Status ViewValues(const PageFetcher& fetcher, size_t leaf, std::span<const RowRange> ranges,
                         const ReadContext& context, ValueViews* views) {
  ARROW_ASSIGN_OR_RAISE(const PagePlan plan, fetcher.Plan(leaf, ranges, context.stats));
  ARROW_ASSIGN_OR_RAISE(const PageFetcher::Pages pages,
                        fetcher.Fetch(leaf, plan, DecodeValues, context));
  const auto values_of = [&](const PagePlan::Piece& piece) {
    return static_cast<const ValuePage&>(*pages[piece.page])
        .values()
        .subspan(piece.first, piece.count);
  };
  size_t joined_rows = 0;
  ForEachRange(ranges, plan, [&](size_t, std::span<const PagePlan::Piece> pieces) {
    if (pieces.size() < 2) return;
    for (const PagePlan::Piece& piece : pieces) joined_rows += piece.count;
  });
  std::shared_ptr<double[]> joined;
  if (joined_rows > 0) joined = std::make_shared_for_overwrite<double[]>(joined_rows);
  double* next = joined.get();
  views->values.assign(ranges.size(), {});
  ForEachRange(ranges, plan, [&](size_t i, std::span<const PagePlan::Piece> pieces) {
    std::span<const double>& view = views->values[i];
    if (pieces.size() == 1) view = values_of(pieces[0]);
    if (pieces.size() < 2) return;
    double* const begin = next;
    for (const PagePlan::Piece& piece : pieces) {
      const auto values = values_of(piece);
      next = std::copy(values.begin(), values.end(), next);
    }
    view = {begin, static_cast<size_t>(next - begin)};
  });
  views->memory.assign(pages.begin(), pages.end());
  if (joined != nullptr) views->memory.push_back(std::move(joined));
  return arrow::Status::OK();
}

arrow::Status ReadStartTimes(const PageFetcher& fetcher, size_t leaf,
                             std::span<const RowRange> ranges, ReadStats* stats,
                             std::vector<int64_t>* start_ms) {
  bool any = false;
  for (const RowRange& range : ranges) {
    if (range.count == 0) continue;
    const size_t last = fetcher.GroupOf(range.first + range.count - 1);
    for (size_t group = fetcher.GroupOf(range.first); group <= last; ++group) {
      const ChunkMeta& chunk = fetcher.file().meta().row_groups[group].chunks[leaf];
      any |= chunk.bounds.null_count != chunk.num_values;
    }
  }
  if (!any) return arrow::Status::OK();
  const auto group_starts = fetcher.group_starts();
  size_t group = static_cast<size_t>(-1);
  std::shared_ptr<const StartTimes> starts;
  for (const RowRange& range : ranges) {
    for (int64_t row = range.first; row < range.first + range.count;) {
      if (fetcher.GroupOf(row) != group) {
        group = fetcher.GroupOf(row);
        ARROW_ASSIGN_OR_RAISE(starts, StartTimesOf(fetcher, group, leaf, stats));
      }
      const int64_t end = std::min(range.first + range.count, group_starts[group + 1]);
      starts->Append(row - group_starts[group], end - group_starts[group], start_ms);
      row = end;
    }
  }
  return arrow::Status::OK();
}

}  // namespace larnax::columns
