// Layout of a data file (docs/format/parquet.md has the columns):
//
//     "PAR1"
//     per row group, per leaf: dictionary page (if any), data pages
//     all-NULL chunks of earlier row groups for columns that a later one brought
//     offset indexes, footer, its length, "PAR1"

#include "columns/write/samples_writer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/check.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/sample_pages.h"
#include "columns/write/series_rows.h"
#include "larnax/samples.h"

namespace larnax::columns {
namespace {

// Times repeat only within a page, but reading one series decodes all before it in its page.
constexpr int64_t kTimePageRows = 1 << 18;
// Files that live for ever: what repeats in them is found in one large page.
constexpr int64_t kDayTimePageRows = int64_t{1} << 20;
constexpr int kTimeWindowLog = 23;
// Files that live for ever: with values a repeat of three bytes takes a fifth more time for half a
// per cent.
constexpr int kValueRepeat = 4;

int64_t ValuePageRows(Tier tier) {
  switch (tier) {
    case Tier::kFresh:
      return 1 << 16;
    case Tier::kMerged:
      return 1 << 17;
    case Tier::kDay:
      return 1 << 18;
  }
  return 1 << 17;
}

}  // namespace

class SamplesWriter::Impl {
 public:
  Impl(std::unique_ptr<SeriesRows> rows, const WriterOptions& options)
      : max_group_rows_(options.row_group_rows),
        rows_(std::move(rows)),
        time_context_(rows_->context()),
        value_context_(rows_->context()),
        times_(&time_context_),
        values_(&value_context_, options.long_series_page_rows) {
    const int64_t time_page_rows = options.tier == Tier::kDay ? kDayTimePageRows : kTimePageRows;
    time_context_.page_rows = options.time_page_rows > 0 ? options.time_page_rows : time_page_rows;
    time_context_.zstd.shortest_repeat = 0;
    time_context_.zstd.window_log = kTimeWindowLog;
    time_context_.zstd.long_distance = true;
    value_context_.page_rows =
        options.value_page_rows > 0 ? options.value_page_rows : ValuePageRows(options.tier);
    if (options.tier == Tier::kDay) value_context_.zstd.shortest_repeat = kValueRepeat;
  }

  arrow::Status Append(LabelsView labels, std::span<const int64_t> time_ms,
                       std::span<const double> value, std::span<const int64_t> start_ms);
  int64_t bytes_written() const {
    return rows_->bytes_written() + times_.size_bytes() + values_.size_bytes();
  }
  int64_t rows_written() const { return rows_->rows_written(); }
  arrow::Result<FileSummary> Finish() {
    ARROW_RETURN_NOT_OK(FlushGroup());
    return rows_->Finish(SamplesSchema);
  }

 private:
  void AddRows(std::span<const int64_t> time_ms, std::span<const double> value,
               std::span<const int64_t> start_ms);
  void AddStarts(std::span<const int64_t> start_ms, int64_t rows);
  arrow::Status FlushGroup();
  EncodedChunk TakeStarts();

  const int64_t max_group_rows_;
  std::unique_ptr<SeriesRows> rows_;
  ChunkContext time_context_;
  ChunkContext value_context_;
  uint32_t last_metric_ = kNullCode;  // Of the series before.

  TimePages times_;
  ValuePages values_;
  std::vector<Run> start_rows_;
  std::vector<int64_t> starts_;
  std::vector<int64_t> stale_rows_;
};

arrow::Status SamplesWriter::Impl::Append(LabelsView labels, std::span<const int64_t> time_ms,
                                          std::span<const double> value,
                                          std::span<const int64_t> start_ms) {
  if (time_ms.size() != value.size() || (!start_ms.empty() && start_ms.size() != value.size())) {
    return arrow::Status::Invalid("sample columns differ in length: times=", time_ms.size(),
                                  " values=", value.size(), " starts=", start_ms.size());
  }
  if (time_ms.empty()) return arrow::Status::OK();
  LARNAX_DCHECK(std::adjacent_find(time_ms.begin(), time_ms.end(), std::greater_equal<>()) ==
                time_ms.end());
  LARNAX_DCHECK(time_ms.front() >= kMinTimeMs && time_ms.back() <= kMaxTimeMs);
  const auto rows = static_cast<int64_t>(time_ms.size());
  // A short series is not worth being in two row groups.
  if (rows_->group_rows() > 0 && rows_->group_rows() + rows > max_group_rows_ &&
      rows <= max_group_rows_ / 4) {
    ARROW_RETURN_NOT_OK(FlushGroup());
  }
  ARROW_RETURN_NOT_OK(rows_->Begin(labels));
  int64_t stale_count = 0;
  for (int64_t done = 0; done < rows;) {
    if (rows_->group_rows() == max_group_rows_) ARROW_RETURN_NOT_OK(FlushGroup());
    const int64_t take = std::min(rows - done, max_group_rows_ - rows_->group_rows());
    const auto from = static_cast<size_t>(done);
    const auto count = static_cast<size_t>(take);
    const auto stale_before = static_cast<int64_t>(stale_rows_.size());
    AddRows(time_ms.subspan(from, count), value.subspan(from, count),
            start_ms.empty() ? start_ms : start_ms.subspan(from, count));
    stale_count += static_cast<int64_t>(stale_rows_.size()) - stale_before;
    done += take;
  }
  rows_->End(stale_count, time_ms, value);
  return arrow::Status::OK();
}

void SamplesWriter::Impl::AddRows(std::span<const int64_t> time_ms, std::span<const double> value,
                                  std::span<const int64_t> start_ms) {
  const auto rows = static_cast<int64_t>(time_ms.size());
  AddStarts(start_ms, rows);
  times_.Append(time_ms);
  values_.Append(value, rows_->metric_code() != last_metric_, &stale_rows_);
  last_metric_ = rows_->metric_code();
  rows_->AddRows(rows, time_ms.front(), time_ms.back());
}

void SamplesWriter::Impl::AddStarts(std::span<const int64_t> start_ms, int64_t rows) {
  if (start_ms.empty()) {
    AppendRun(kNullCode, rows, &start_rows_);
    return;
  }
  for (const int64_t start : start_ms) {
    if (start == 0) {
      AppendRun(kNullCode, 1, &start_rows_);
      continue;
    }
    // Start times change seldom: equal neighbours share an entry.
    if (starts_.empty() || starts_.back() != start * 1000) starts_.push_back(start * 1000);
    AppendRun(static_cast<uint32_t>(starts_.size() - 1), 1, &start_rows_);
  }
}

EncodedChunk SamplesWriter::Impl::TakeStarts() {
  EncodedChunk chunk = EncodeIntRuns(starts_, start_rows_, /*optional=*/true, rows_->context());
  starts_.clear();
  start_rows_.clear();
  return chunk;
}

arrow::Status SamplesWriter::Impl::FlushGroup() {
  const int64_t rows = rows_->group_rows();
  if (rows == 0) return arrow::Status::OK();
  std::vector<EncodedChunk> chunks;
  chunks.push_back(times_.Finish());
  chunks.push_back(values_.Finish());
  chunks.push_back(EncodeFlags(rows, stale_rows_, rows_->context()));
  chunks.push_back(TakeStarts());
  stale_rows_.clear();
  return rows_->FlushGroup(chunks);
}

SamplesWriter::SamplesWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SamplesWriter::~SamplesWriter() = default;

arrow::Result<std::unique_ptr<SamplesWriter>> SamplesWriter::Open(io::FileSystem& fs,
                                                                  std::string data_path,
                                                                  std::string series_path,
                                                                  std::vector<ColumnName> columns,
                                                                  WriterOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto rows, SeriesRows::Open(fs, data_path, series_path, std::move(columns),
                                                    SchemaTable::kSamples, options));
  return std::unique_ptr<SamplesWriter>(
      new SamplesWriter(std::make_unique<Impl>(std::move(rows), options)));
}

arrow::Status SamplesWriter::Append(LabelsView labels, std::span<const int64_t> time_ms,
                                    std::span<const double> value,
                                    std::span<const int64_t> start_ms) {
  return impl_->Append(labels, time_ms, value, start_ms);
}

int64_t SamplesWriter::bytes_written() const { return impl_->bytes_written(); }
int64_t SamplesWriter::rows_written() const { return impl_->rows_written(); }
arrow::Result<FileSummary> SamplesWriter::Finish() { return impl_->Finish(); }

}  // namespace larnax::columns
