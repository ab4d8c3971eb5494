#include "columns/samples_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <utility>

#include "columns/parquet_file.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

// Bytes between two wanted pages that are cheaper to read than a second read.
constexpr int64_t kReadGapBytes = 16 << 10;
constexpr int64_t kMaxReadBytes = 8 << 20;
// Pages and ranges that are worth asking for ahead of their reads.
constexpr size_t kMaxPagesAhead = 64;
constexpr size_t kMaxRangesAhead = 64;

/// One page that holds wanted rows, and where they go.
struct PageTask {
  size_t group = 0;
  PageLocation location;
  int64_t rows = 0;  // In the page.
  struct Part {
    int64_t first = 0;  // Within the page.
    int64_t count = 0;
    size_t target = 0;  // Index in the output.
  };
  std::vector<Part> parts;
};

/// The start times of one row group.
struct StartRuns {
  ChunkPages pages;  // Owns the dictionary.
  std::vector<columns::Run> runs;
  std::vector<int64_t> run_ends;  // Row behind each run.

  /// Append those of rows [begin, end).
  void Append(int64_t begin, int64_t end, std::vector<int64_t>* out) const {
    auto at = static_cast<size_t>(std::upper_bound(run_ends.begin(), run_ends.end(), begin) -
                                  run_ends.begin());
    const std::string& dictionary = pages.dictionary.body;
    for (; begin < end; ++at) {
      const int64_t stop = std::min(end, run_ends[at]);
      int64_t start_us = 0;
      if (runs[at].value != kNullRun) {
        std::memcpy(&start_us, dictionary.data() + size_t{runs[at].value} * 8, 8);
      }
      out->insert(out->end(), static_cast<size_t>(stop - begin), start_us / 1000);
      begin = stop;
    }
  }
};

int64_t TotalRows(std::span<const RowRange> ranges) {
  int64_t rows = 0;
  for (const RowRange& range : ranges) rows += range.count;
  return rows;
}

}  // namespace

class SamplesReader::Impl {
 public:
  explicit Impl(std::shared_ptr<const ParquetFile> file) : file_(std::move(file)) {}
  arrow::Status Init();

  const ParquetFile& file() const { return *file_; }
  arrow::Status CheckRanges(std::span<const RowRange> ranges) const;
  arrow::Status WillRead(std::span<const RowRange> ranges, ReadStats* stats) const;
  arrow::Result<std::vector<RowRange>> CutAtPages(RowRange rows, ReadStats* stats) const;
  arrow::Status ReadTimes(std::span<const RowRange> ranges, std::span<int64_t> out,
                          ReadStats* stats) const;
  arrow::Status ReadValues(std::span<const RowRange> ranges, std::span<double> out,
                           ReadStats* stats) const;
  arrow::Status ReadStarts(std::span<const RowRange> ranges, std::vector<int64_t>* out,
                           ReadStats* stats) const;

 private:
  /// Decode one page: (header, body, task).
  using Decode =
      std::function<arrow::Status(const PageHeader&, const std::string&, const PageTask&)>;
  arrow::Result<std::vector<PageTask>> Plan(size_t leaf, std::span<const RowRange> ranges,
                                            ReadStats* stats) const;
  arrow::Status Run(size_t leaf, std::span<const RowRange> ranges, ReadStats* stats,
                    const Decode& decode) const;
  arrow::Result<StartRuns> ReadStartRuns(size_t group, ReadStats* stats) const;
  size_t GroupOf(int64_t row) const;

  std::shared_ptr<const ParquetFile> file_;
  std::vector<int64_t> group_start_;  // First row of each row group, and the file's rows.
  size_t time_leaf_ = 0;
  size_t value_leaf_ = 0;
  size_t start_leaf_ = 0;
};

arrow::Status SamplesReader::Impl::Init() {
  int64_t row = 0;
  for (const RowGroupMeta& group : file_->meta().row_groups) {
    group_start_.push_back(row);
    row += group.rows;
  }
  group_start_.push_back(row);
  struct Wanted {
    std::string_view name;
    PhysicalType type;
    int max_definition;
    size_t* leaf;
  };
  for (const Wanted& wanted :
       {Wanted{kTimestampColumn, PhysicalType::kInt64, 0, &time_leaf_},
        Wanted{kValueColumn, PhysicalType::kDouble, 1, &value_leaf_},
        Wanted{kStartTimestampColumn, PhysicalType::kInt64, 1, &start_leaf_}}) {
    const int leaf = file_->FindLeaf(wanted.name);
    if (leaf < 0 || file_->leaves()[static_cast<size_t>(leaf)].type != wanted.type ||
        file_->leaves()[static_cast<size_t>(leaf)].max_definition != wanted.max_definition) {
      return file_->Corrupt("no column " + std::string(wanted.name),
                            file_->file_bytes() - file_->footer_bytes());
    }
    *wanted.leaf = static_cast<size_t>(leaf);
  }
  return arrow::Status::OK();
}

arrow::Status SamplesReader::Impl::CheckRanges(std::span<const RowRange> ranges) const {
  int64_t end = 0;
  for (const RowRange& range : ranges) {
    if (range.first < end || range.count < 0 || range.count > file_->meta().rows - range.first) {
      return arrow::Status::Invalid("bad row range: first=", range.first, " count=", range.count,
                                    " rows=", file_->meta().rows);
    }
    end = range.first + range.count;
  }
  return arrow::Status::OK();
}

size_t SamplesReader::Impl::GroupOf(int64_t row) const {
  return static_cast<size_t>(std::upper_bound(group_start_.begin(), group_start_.end(), row) -
                             group_start_.begin()) -
         1;
}

arrow::Result<std::vector<PageTask>> SamplesReader::Impl::Plan(size_t leaf,
                                                               std::span<const RowRange> ranges,
                                                               ReadStats* stats) const {
  std::vector<PageTask> tasks;
  size_t target = 0;
  size_t group = static_cast<size_t>(-1);
  std::shared_ptr<const std::vector<PageLocation>> pages;
  for (const RowRange& range : ranges) {
    for (int64_t row = range.first; row < range.first + range.count;) {
      const size_t row_group = GroupOf(row);
      if (row_group != group) {
        group = row_group;
        ARROW_ASSIGN_OR_RAISE(pages, file_->PagesOf(group, leaf, stats));
      }
      const int64_t in_group = row - group_start_[group];
      const auto page = std::prev(std::upper_bound(
          pages->begin(), pages->end(), in_group, [](int64_t wanted, const PageLocation& location) {
            return wanted < location.first_row;
          }));
      const int64_t page_end = std::next(page) == pages->end()
                                   ? file_->meta().row_groups[group].rows
                                   : std::next(page)->first_row;
      const int64_t count = std::min(page_end - in_group, range.first + range.count - row);
      if (tasks.empty() || tasks.back().group != group ||
          tasks.back().location.offset != page->offset) {
        tasks.push_back({group, *page, page_end - page->first_row, {}});
      }
      tasks.back().parts.push_back({in_group - page->first_row, count, target});
      target += static_cast<size_t>(count);
      row += count;
    }
  }
  return tasks;
}

arrow::Status SamplesReader::Impl::WillRead(std::span<const RowRange> ranges,
                                            ReadStats* stats) const {
  if (ranges.size() > kMaxRangesAhead) return arrow::Status::OK();
  std::vector<ByteRange> wanted;
  for (const size_t leaf : {time_leaf_, value_leaf_}) {
    ARROW_ASSIGN_OR_RAISE(const std::vector<PageTask> tasks, Plan(leaf, ranges, stats));
    for (const PageTask& task : tasks) {
      wanted.push_back({task.location.offset, task.location.size_bytes});
    }
  }
  if (wanted.size() <= kMaxPagesAhead) file_->WillRead(std::move(wanted));
  return arrow::Status::OK();
}

arrow::Result<std::vector<RowRange>> SamplesReader::Impl::CutAtPages(RowRange rows,
                                                                     ReadStats* stats) const {
  std::vector<int64_t> starts;
  for (const size_t leaf : {time_leaf_, value_leaf_}) {
    ARROW_ASSIGN_OR_RAISE(const std::vector<PageTask> tasks, Plan(leaf, {&rows, 1}, stats));
    for (const PageTask& task : tasks) {
      starts.push_back(rows.first + static_cast<int64_t>(task.parts.front().target));
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::vector<RowRange> pieces;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t end = i + 1 < starts.size() ? starts[i + 1] : rows.first + rows.count;
    pieces.push_back({.first = starts[i], .count = end - starts[i]});
  }
  return pieces;
}

arrow::Status SamplesReader::Impl::Run(size_t leaf, std::span<const RowRange> ranges,
                                       ReadStats* stats, const Decode& decode) const {
  ARROW_ASSIGN_OR_RAISE(const std::vector<PageTask> tasks, Plan(leaf, ranges, stats));
  std::string body;
  for (size_t begin = 0; begin < tasks.size();) {
    const int64_t offset = tasks[begin].location.offset;
    int64_t end_offset = offset + tasks[begin].location.size_bytes;
    size_t end = begin + 1;
    for (; end < tasks.size(); ++end) {
      const PageLocation& next = tasks[end].location;
      if (next.offset < end_offset || next.offset - end_offset > kReadGapBytes ||
          next.offset + next.size_bytes - offset > kMaxReadBytes) {
        break;
      }
      end_offset = next.offset + next.size_bytes;
    }
    ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                          file_->ReadBytes(offset, end_offset - offset, stats));
    for (; begin < end; ++begin) {
      const PageTask& task = tasks[begin];
      const int64_t at = task.location.offset;
      PageHeader header;
      ARROW_RETURN_NOT_OK(
          file_
              ->DecodePage(
                  std::string_view(bytes).substr(static_cast<size_t>(at - offset),
                                                 static_cast<size_t>(task.location.size_bytes)),
                  at, file_->meta().row_groups[task.group].chunks[leaf].codec, &header, &body,
                  stats)
              .status());
      if (header.type != PageType::kData || header.num_values != task.rows) {
        return file_->Corrupt("page and offset index differ", at);
      }
      if (stats != nullptr) stats->samples_decoded += task.rows;
      ARROW_RETURN_NOT_OK(file_->At(decode(header, body, task), at));
    }
  }
  return arrow::Status::OK();
}

arrow::Status SamplesReader::Impl::ReadTimes(std::span<const RowRange> ranges,
                                             std::span<int64_t> out, ReadStats* stats) const {
  std::vector<int64_t> scratch;
  return Run(time_leaf_, ranges, stats,
             [&](const PageHeader& header, const std::string& body, const PageTask& task) {
               const auto rows = static_cast<size_t>(task.rows);
               const auto* from = reinterpret_cast<const int64_t*>(body.data());
               if (header.encoding == static_cast<int32_t>(Encoding::kDeltaBinaryPacked)) {
                 const PageTask::Part& last = task.parts.back();
                 scratch.resize(static_cast<size_t>(last.first + last.count));
                 ARROW_RETURN_NOT_OK(DecodeDelta(body, task.rows, scratch));
                 from = scratch.data();
               } else if (header.encoding != static_cast<int32_t>(Encoding::kPlain) ||
                          body.size() != rows * 8) {
                 return MakeError(ErrorKind::kCorrupt, "cannot decode page of times");
               }
               for (const PageTask::Part& part : task.parts) {
                 int64_t* to = out.data() + part.target;
                 for (int64_t i = 0; i < part.count; ++i) to[i] = from[part.first + i] / 1000;
               }
               return arrow::Status::OK();
             });
}

arrow::Status SamplesReader::Impl::ReadValues(std::span<const RowRange> ranges,
                                              std::span<double> out, ReadStats* stats) const {
  return Run(value_leaf_, ranges, stats,
             [&](const PageHeader& header, const std::string& body, const PageTask& task) {
               ARROW_ASSIGN_OR_RAISE(const DoublePage page, SplitDoublePage(header, body));
               for (const PageTask::Part& part : task.parts) {
                 DecodeDoubles(page, part.first, std::bit_cast<double>(kStaleBits),
                               out.subspan(part.target, static_cast<size_t>(part.count)));
               }
               return arrow::Status::OK();
             });
}

arrow::Result<StartRuns> SamplesReader::Impl::ReadStartRuns(size_t group, ReadStats* stats) const {
  StartRuns starts;
  ARROW_ASSIGN_OR_RAISE(starts.pages, file_->ReadChunk(group, start_leaf_, stats));
  const auto size = static_cast<uint32_t>(starts.pages.dictionary.body.size() / 8);
  for (const Page& page : starts.pages.data) {
    ARROW_RETURN_NOT_OK(file_->At(DecodeCodes(page, true, size, &starts.runs), page.offset));
  }
  int64_t row = 0;
  for (const columns::Run& run : starts.runs) starts.run_ends.push_back(row += run.count);
  return starts;
}

arrow::Status SamplesReader::Impl::ReadStarts(std::span<const RowRange> ranges,
                                              std::vector<int64_t>* out, ReadStats* stats) const {
  bool any = false;
  for (const RowRange& range : ranges) {
    if (range.count == 0) continue;
    for (size_t group = GroupOf(range.first); group <= GroupOf(range.first + range.count - 1);
         ++group) {
      const ChunkMeta& chunk = file_->meta().row_groups[group].chunks[start_leaf_];
      any |= chunk.bounds.null_count != chunk.num_values;
    }
  }
  if (!any) return arrow::Status::OK();
  size_t group = static_cast<size_t>(-1);
  StartRuns starts;
  for (const RowRange& range : ranges) {
    for (int64_t row = range.first; row < range.first + range.count;) {
      if (GroupOf(row) != group) {
        group = GroupOf(row);
        ARROW_ASSIGN_OR_RAISE(starts, ReadStartRuns(group, stats));
      }
      const int64_t end = std::min(range.first + range.count, group_start_[group + 1]);
      starts.Append(row - group_start_[group], end - group_start_[group], out);
      row = end;
    }
  }
  return arrow::Status::OK();
}

SamplesReader::SamplesReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SamplesReader::~SamplesReader() = default;

arrow::Result<std::shared_ptr<SamplesReader>> SamplesReader::Open(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
    std::optional<uint32_t> footer_crc32c) {
  ARROW_ASSIGN_OR_RAISE(auto parquet,
                        ParquetFile::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  auto impl = std::make_unique<Impl>(std::move(parquet));
  ARROW_RETURN_NOT_OK(impl->Init());
  return std::shared_ptr<SamplesReader>(new SamplesReader(std::move(impl)));
}

int64_t SamplesReader::rows() const { return impl_->file().meta().rows; }
const std::string& SamplesReader::path() const { return impl_->file().path(); }

arrow::Status SamplesReader::WillRead(std::span<const RowRange> ranges, ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges(ranges));
  return impl_->WillRead(ranges, stats);
}

arrow::Result<std::vector<RowRange>> SamplesReader::CutAtPages(RowRange rows,
                                                               ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges({&rows, 1}));
  return impl_->CutAtPages(rows, stats);
}

arrow::Status SamplesReader::ReadTimes(std::span<const RowRange> ranges, std::span<int64_t> out,
                                       ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges(ranges));
  if (TotalRows(ranges) != static_cast<int64_t>(out.size())) {
    return arrow::Status::Invalid("output and ranges differ in rows");
  }
  return impl_->ReadTimes(ranges, out, stats);
}

arrow::Status SamplesReader::ReadValues(std::span<const RowRange> ranges, std::span<double> out,
                                        ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges(ranges));
  if (TotalRows(ranges) != static_cast<int64_t>(out.size())) {
    return arrow::Status::Invalid("output and ranges differ in rows");
  }
  return impl_->ReadValues(ranges, out, stats);
}

arrow::Status SamplesReader::ReadTimes(std::span<const RowRange> ranges,
                                       std::vector<int64_t>* time_ms, ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges(ranges));
  const size_t begin = time_ms->size();
  time_ms->resize(begin + static_cast<size_t>(TotalRows(ranges)));
  return impl_->ReadTimes(ranges, std::span(*time_ms).subspan(begin), stats);
}

arrow::Status SamplesReader::ReadValues(std::span<const RowRange> ranges,
                                        std::vector<double>* value, ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges(ranges));
  const size_t begin = value->size();
  value->resize(begin + static_cast<size_t>(TotalRows(ranges)));
  return impl_->ReadValues(ranges, std::span(*value).subspan(begin), stats);
}

arrow::Status SamplesReader::ReadStarts(std::span<const RowRange> ranges,
                                        std::vector<int64_t>* start_ms, ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->CheckRanges(ranges));
  return impl_->ReadStarts(ranges, start_ms, stats);
}

}  // namespace larnax::columns
