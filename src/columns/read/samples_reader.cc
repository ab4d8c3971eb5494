#include "columns/read/samples_reader.h"

#include <algorithm>
#include <utility>

#include "columns/format/parquet_file.h"
#include "columns/read/page_fetcher.h"
#include "columns/schema/schema.h"

namespace larnax::columns {
namespace {

// Pages and ranges that are worth asking for ahead of their reads.
constexpr size_t kMaxPagesAhead = 64;
constexpr size_t kMaxRangesAhead = 64;

}  // namespace

class SamplesReader::Impl {
 public:
  Impl(std::shared_ptr<const ParquetFile> file, std::shared_ptr<FilePages> kept)
      : pages(std::move(file), std::move(kept)) {}
  arrow::Status Init();

  PageFetcher pages;
  size_t time_leaf = 0;
  size_t value_leaf = 0;
  size_t start_leaf = 0;
};

arrow::Status SamplesReader::Impl::Init() {
  struct Wanted {
    std::string_view name;
    PhysicalType type;
    int max_definition;
    size_t* leaf;
  };
  const ParquetFile& file = pages.file();
  for (const Wanted& wanted :
       {Wanted{kTimestampColumn, PhysicalType::kInt64, 0, &time_leaf},
        Wanted{kValueColumn, PhysicalType::kDouble, 1, &value_leaf},
        Wanted{kStartTimestampColumn, PhysicalType::kInt64, 1, &start_leaf}}) {
    const int leaf = file.FindLeaf(wanted.name);
    if (leaf < 0 || file.leaves()[static_cast<size_t>(leaf)].type != wanted.type ||
        file.leaves()[static_cast<size_t>(leaf)].max_definition != wanted.max_definition) {
      return file.Corrupt("no column " + std::string(wanted.name),
                          file.file_bytes() - file.footer_bytes());
    }
    *wanted.leaf = static_cast<size_t>(leaf);
  }
  return arrow::Status::OK();
}

SamplesReader::SamplesReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SamplesReader::~SamplesReader() = default;

arrow::Result<std::shared_ptr<SamplesReader>> SamplesReader::Open(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
    std::optional<uint32_t> footer_crc32c, std::shared_ptr<FilePages> kept) {
  ARROW_ASSIGN_OR_RAISE(auto parquet,
                        ParquetFile::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  auto impl = std::make_unique<Impl>(std::move(parquet), std::move(kept));
  ARROW_RETURN_NOT_OK(impl->Init());
  return std::shared_ptr<SamplesReader>(new SamplesReader(std::move(impl)));
}

int64_t SamplesReader::rows() const { return impl_->pages.file().meta().rows; }
const std::string& SamplesReader::path() const { return impl_->pages.file().path(); }

arrow::Status SamplesReader::WillRead(std::span<const RowRange> ranges, ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->pages.CheckRanges(ranges));
  if (ranges.size() > kMaxRangesAhead) return arrow::Status::OK();
  std::vector<ByteRange> missing;
  for (const size_t leaf : {impl_->time_leaf, impl_->value_leaf}) {
    ARROW_ASSIGN_OR_RAISE(const PagePlan plan, impl_->pages.Plan(leaf, ranges, stats));
    impl_->pages.AppendMissing(leaf, plan, &missing);
  }
  if (missing.size() <= kMaxPagesAhead) impl_->pages.file().WillRead(std::move(missing));
  return arrow::Status::OK();
}

arrow::Result<std::vector<RowRange>> SamplesReader::CutAtPages(RowRange rows,
                                                               ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->pages.CheckRanges({&rows, 1}));
  std::vector<int64_t> starts;
  for (const size_t leaf : {impl_->time_leaf, impl_->value_leaf}) {
    ARROW_ASSIGN_OR_RAISE(const PagePlan plan, impl_->pages.Plan(leaf, {&rows, 1}, stats));
    int64_t row = rows.first;
    for (const PagePlan::Piece& piece : plan.pieces) {
      starts.push_back(row);
      row += static_cast<int64_t>(piece.count);
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

arrow::Status SamplesReader::ViewTimes(std::span<const RowRange> ranges, const ReadContext& context,
                                       std::vector<TimesView>* views) const {
  ARROW_RETURN_NOT_OK(impl_->pages.CheckRanges(ranges));
  return columns::ViewTimes(impl_->pages, impl_->time_leaf, ranges, context, views);
}

arrow::Status SamplesReader::ViewValues(std::span<const RowRange> ranges,
                                        const ReadContext& context, ValueViews* views) const {
  ARROW_RETURN_NOT_OK(impl_->pages.CheckRanges(ranges));
  return columns::ViewValues(impl_->pages, impl_->value_leaf, ranges, context, views);
}

arrow::Status SamplesReader::ReadTimes(std::span<const RowRange> ranges,
                                       std::vector<int64_t>* time_ms, ReadStats* stats) const {
  std::vector<TimesView> views;
  ARROW_RETURN_NOT_OK(ViewTimes(ranges, {.stats = stats}, &views));
  for (const TimesView& view : views) {
    const auto times = view.times();
    time_ms->insert(time_ms->end(), times.begin(), times.end());
  }
  return arrow::Status::OK();
}

arrow::Status SamplesReader::ReadValues(std::span<const RowRange> ranges,
                                        std::vector<double>* value, ReadStats* stats) const {
  ValueViews views;
  ARROW_RETURN_NOT_OK(ViewValues(ranges, {.stats = stats}, &views));
  for (const auto values : views.values) {
    value->insert(value->end(), values.begin(), values.end());
  }
  return arrow::Status::OK();
}

arrow::Status SamplesReader::ReadStarts(std::span<const RowRange> ranges,
                                        std::vector<int64_t>* start_ms, ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(impl_->pages.CheckRanges(ranges));
  return ReadStartTimes(impl_->pages, impl_->start_leaf, ranges, stats, start_ms);
}

}  // namespace larnax::columns
