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
#include "columns/format/file_builder.h"
#include "columns/schema/schema.h"
#include "columns/schema/typed_schema.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/sample_pages.h"
#include "columns/write/series_table.h"
#include "larnax/error.h"
#include "larnax/samples.h"
#include "model/label_order.h"

namespace larnax::columns {
namespace {

// Times repeat only within a page, but reading one series decodes all before it in its page.
constexpr int64_t kTimePageRows = 1 << 18;
// Files that live for ever: what repeats in them is found in one large page.
constexpr int64_t kDayTimePageRows = int64_t{1} << 20;
constexpr int kTimeWindowLog = 23;
// Files that live for ever: runs of ascending codes repeat three bytes; with values a repeat of
// three takes a fifth more time for half a per cent.
constexpr int kLabelRepeat = 3;
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

arrow::Status CheckColumns(const std::vector<ColumnName>& columns) {
  const auto registry = ColumnRegistry::Restore(columns, static_cast<int>(columns.size()));
  if (registry.ok()) return arrow::Status::OK();
  return arrow::Status::Invalid(registry.status().message());
}

std::vector<ColumnName> InColumnOrder(std::vector<ColumnName> columns) {
  std::sort(columns.begin(), columns.end(),
            [](const ColumnName& a, const ColumnName& b) { return a.column < b.column; });
  return columns;
}

}  // namespace

class SamplesWriter::Impl {
 public:
  Impl(std::unique_ptr<io::WritableFile> data, std::unique_ptr<io::WritableFile> series,
       std::vector<ColumnName> columns, WriterOptions options)
      : options_(std::move(options)),
        series_file_(std::move(series)),
        label_context_(ContextFor(options_, &compressor_, false)),
        time_context_(label_context_),
        value_context_(label_context_),
        table_(std::move(columns)),
        times_(&time_context_),
        values_(&value_context_, options_.long_series_page_rows),
        builder_(std::move(data)) {
    const int64_t time_page_rows = options_.tier == Tier::kDay ? kDayTimePageRows : kTimePageRows;
    time_context_.page_rows =
        options_.time_page_rows > 0 ? options_.time_page_rows : time_page_rows;
    time_context_.zstd.window_log = kTimeWindowLog;
    time_context_.zstd.long_distance = true;
    value_context_.page_rows =
        options_.value_page_rows > 0 ? options_.value_page_rows : ValuePageRows(options_.tier);
    if (options_.tier == Tier::kDay) {
      label_context_.zstd.shortest_repeat = kLabelRepeat;
      value_context_.zstd.shortest_repeat = kValueRepeat;
    }
  }

  arrow::Status Append(LabelsView labels, std::span<const int64_t> time_ms,
                       std::span<const double> value, std::span<const int64_t> start_ms);
  int64_t bytes_written() const {
    return builder_.size_bytes() + times_.size_bytes() + values_.size_bytes() +
           table_.dictionary_bytes();
  }
  int64_t rows_written() const { return rows_before_group_ + group_rows_; }
  arrow::Result<FileSummary> Finish();

 private:
  /// What one row group has, by index into table_.labels.
  struct Group {
    ChunkMeta metric;
    std::vector<std::pair<size_t, ChunkMeta>> labels;
    std::vector<ChunkMeta> rest;  // other_labels (2) .. start_timestamp.
    int64_t rows = 0;
  };

  void AddRows(std::span<const int64_t> time_ms, std::span<const double> value,
               std::span<const int64_t> start_ms);
  void AddStarts(std::span<const int64_t> start_ms, int64_t rows);
  void AddSummary(std::span<const int64_t> time_ms, std::span<const double> value,
                  int64_t stale_count);
  arrow::Status FlushGroup();
  EncodedChunk TakeSeriesIds();
  EncodedChunk TakeStarts();
  arrow::Result<FileMeta> MakeMeta();

  WriterOptions options_;
  std::unique_ptr<io::WritableFile> series_file_;
  PageCompressor compressor_;
  ChunkContext label_context_;
  ChunkContext time_context_;
  ChunkContext value_context_;
  SeriesTable table_;
  const PlacedLabels* placed_ = nullptr;  // Of the series being appended.
  uint32_t last_metric_ = kNullCode;      // Of the series before.
  Labels last_labels_;                    // Debug builds only.

  TimePages times_;
  ValuePages values_;
  std::vector<Run> other_rows_;
  std::vector<Run> id_rows_;
  std::vector<int64_t> ids_;
  std::vector<Run> start_rows_;
  std::vector<int64_t> starts_;
  std::vector<int64_t> stale_rows_;
  int64_t group_rows_ = 0;
  int64_t rows_before_group_ = 0;

  FileBuilder builder_;
  std::vector<Group> groups_;
  FileSummary summary_;
};

arrow::Status SamplesWriter::Impl::Append(LabelsView labels, std::span<const int64_t> time_ms,
                                          std::span<const double> value,
                                          std::span<const int64_t> start_ms) {
  if (time_ms.size() != value.size() || (!start_ms.empty() && start_ms.size() != value.size())) {
    return arrow::Status::Invalid("sample columns differ in length: times=", time_ms.size(),
                                  " values=", value.size(), " starts=", start_ms.size());
  }
  if (time_ms.empty()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(table_.CheckRoom(labels, options_.most_label_bytes));
#ifndef NDEBUG
  LARNAX_CHECK(table_.extents.empty() || model::CompareForFile(last_labels_, labels) < 0);
  LARNAX_CHECK(std::adjacent_find(time_ms.begin(), time_ms.end(), std::greater_equal<>()) ==
               time_ms.end());
  LARNAX_CHECK(time_ms.front() >= kMinTimeMs && time_ms.back() <= kMaxTimeMs);
  last_labels_ = Labels(labels);
#endif
  const auto rows = static_cast<int64_t>(time_ms.size());
  // A short series is not worth being in two row groups.
  if (group_rows_ > 0 && group_rows_ + rows > options_.row_group_rows &&
      rows <= options_.row_group_rows / 4) {
    ARROW_RETURN_NOT_OK(FlushGroup());
  }
  placed_ = &table_.AddLabels(labels);
  int64_t stale_count = 0;
  for (int64_t done = 0; done < rows;) {
    if (group_rows_ == options_.row_group_rows) ARROW_RETURN_NOT_OK(FlushGroup());
    const int64_t take = std::min(rows - done, options_.row_group_rows - group_rows_);
    const auto from = static_cast<size_t>(done);
    const auto count = static_cast<size_t>(take);
    const auto stale_before = static_cast<int64_t>(stale_rows_.size());
    AddRows(time_ms.subspan(from, count), value.subspan(from, count),
            start_ms.empty() ? start_ms : start_ms.subspan(from, count));
    stale_count += static_cast<int64_t>(stale_rows_.size()) - stale_before;
    done += take;
  }
  AddSummary(time_ms, value, stale_count);
  return arrow::Status::OK();
}

void SamplesWriter::Impl::AddRows(std::span<const int64_t> time_ms, std::span<const double> value,
                                  std::span<const int64_t> start_ms) {
  const auto rows = static_cast<int64_t>(time_ms.size());
  table_.metric.AddRows(placed_->metric, group_rows_, rows);
  for (const auto& [column, code] : placed_->labels) {
    table_.labels[column].AddRows(code, group_rows_, rows);
  }
  AppendRun(placed_->other, rows, &other_rows_);
  AppendRun(static_cast<uint32_t>(ids_.size()), rows, &id_rows_);
  ids_.push_back(placed_->series_id);
  AddStarts(start_ms, rows);
  times_.Append(time_ms);
  values_.Append(value, placed_->metric != last_metric_, &stale_rows_);
  last_metric_ = placed_->metric;
  group_rows_ += rows;
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

void SamplesWriter::Impl::AddSummary(std::span<const int64_t> time_ms,
                                     std::span<const double> value, int64_t stale_count) {
  const auto rows = static_cast<int64_t>(time_ms.size());
  SeriesExtent extent{rows_written() - rows, rows, time_ms.front(), time_ms.back(), stale_count};
  if (table_.extents.empty()) {
    summary_.min_time_ms = extent.min_time_ms;
    summary_.max_time_ms = extent.max_time_ms;
  }
  summary_.min_time_ms = std::min(summary_.min_time_ms, extent.min_time_ms);
  summary_.max_time_ms = std::max(summary_.max_time_ms, extent.max_time_ms);
  summary_.stale_rows += stale_count;
  table_.AddSamples(extent.row_start, time_ms, value, stale_count, options_.tier != Tier::kFresh);
}

EncodedChunk SamplesWriter::Impl::TakeSeriesIds() {
  EncodedChunk chunk = EncodeIntRuns(ids_, id_rows_, /*optional=*/false, label_context_);
  ids_.clear();
  id_rows_.clear();
  return chunk;
}

EncodedChunk SamplesWriter::Impl::TakeStarts() {
  EncodedChunk chunk = EncodeIntRuns(starts_, start_rows_, /*optional=*/true, label_context_);
  starts_.clear();
  start_rows_.clear();
  return chunk;
}

arrow::Status SamplesWriter::Impl::FlushGroup() {
  if (group_rows_ == 0) return arrow::Status::OK();
  Group group;
  group.rows = group_rows_;
  const EncodedChunk metric = EncodeStrings(
      table_.metric.dictionary(), table_.metric.TakeRows(group_rows_), false, label_context_);
  ARROW_ASSIGN_OR_RAISE(group.metric, builder_.WriteChunk(metric));
  for (size_t i = 0; i < table_.labels.size(); ++i) {
    LabelColumn& column = table_.labels[i];
    if (!column.used()) continue;
    const EncodedChunk chunk =
        EncodeStrings(column.dictionary(), column.TakeRows(group_rows_), true, label_context_);
    ARROW_ASSIGN_OR_RAISE(ChunkMeta meta, builder_.WriteChunk(chunk));
    group.labels.emplace_back(i, std::move(meta));
  }
  std::vector<EncodedChunk> rest;
  auto [keys, values] =
      EncodeOtherLabels(table_.other_dictionary, table_.other_sets, other_rows_, label_context_);
  rest.push_back(std::move(keys));
  rest.push_back(std::move(values));
  rest.push_back(TakeSeriesIds());
  rest.push_back(times_.Finish());
  rest.push_back(values_.Finish());
  rest.push_back(EncodeFlags(group_rows_, stale_rows_, label_context_));
  rest.push_back(TakeStarts());
  for (const EncodedChunk& chunk : rest) {
    ARROW_ASSIGN_OR_RAISE(ChunkMeta meta, builder_.WriteChunk(chunk));
    group.rest.push_back(std::move(meta));
  }
  other_rows_.clear();
  stale_rows_.clear();
  groups_.push_back(std::move(group));
  rows_before_group_ += group_rows_;
  group_rows_ = 0;
  return arrow::Status::OK();
}

arrow::Result<FileMeta> SamplesWriter::Impl::MakeMeta() {
  FileMeta meta;
  const std::vector<ColumnName> labels = table_.UsedColumns();
  meta.schema = SamplesSchema(labels);
  meta.rows = rows_before_group_;
  meta.key_values = FileKeyValues("samples", labels, options_.key_values);
  const std::vector<SortingColumn> sorting = SortingOf(table_, labels);
  for (Group& group : groups_) {
    RowGroupMeta row_group;
    row_group.rows = group.rows;
    row_group.sorting = sorting;
    row_group.chunks.push_back(std::move(group.metric));
    auto next = group.labels.begin();
    for (size_t i = 0; i < table_.labels.size(); ++i) {
      if (!table_.labels[i].used()) continue;
      if (next != group.labels.end() && next->first == i) {
        row_group.chunks.push_back(std::move(next->second));
        ++next;
        continue;
      }
      // The column came with a later row group.
      ARROW_ASSIGN_OR_RAISE(ChunkMeta chunk,
                            builder_.WriteChunk(EncodeNulls(group.rows, label_context_)));
      row_group.chunks.push_back(std::move(chunk));
    }
    for (ChunkMeta& chunk : group.rest) row_group.chunks.push_back(std::move(chunk));
    meta.row_groups.push_back(std::move(row_group));
  }
  return meta;
}

arrow::Result<FileSummary> SamplesWriter::Impl::Finish() {
  ARROW_RETURN_NOT_OK(FlushGroup());
  ARROW_ASSIGN_OR_RAISE(FileMeta meta, MakeMeta());
  ARROW_ASSIGN_OR_RAISE(const FooterPlace data, builder_.Finish(std::move(meta)));
  ARROW_ASSIGN_OR_RAISE(const FooterPlace series,
                        WriteSeriesTable(std::move(series_file_), &table_, options_, &compressor_));
  summary_.rows = rows_before_group_;
  summary_.series = static_cast<int64_t>(table_.extents.size());
  const StringDictionary& metrics = table_.metric.dictionary();
  if (metrics.size() > 0) {
    // Series come sorted by metric, so that the dictionary is too.
    summary_.min_metric = metrics[0];
    summary_.max_metric = metrics[metrics.size() - 1];
  }
  summary_.data_bytes = data.file_bytes;
  summary_.series_bytes = series.file_bytes;
  summary_.data_footer_bytes = data.footer_bytes;
  summary_.series_footer_bytes = series.footer_bytes;
  summary_.data_footer_crc32c = data.footer_crc32c;
  summary_.series_footer_crc32c = series.footer_crc32c;
  return summary_;
}

SamplesWriter::SamplesWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SamplesWriter::~SamplesWriter() = default;

arrow::Result<std::unique_ptr<SamplesWriter>> SamplesWriter::Open(io::FileSystem& fs,
                                                                  std::string data_path,
                                                                  std::string series_path,
                                                                  std::vector<ColumnName> columns,
                                                                  WriterOptions options) {
  ARROW_RETURN_NOT_OK(CheckColumns(columns));
  if (options.row_group_rows < 1 || options.row_group_rows > kMaxRowGroupRows ||
      options.long_series_page_rows < 1 || options.series_page_rows < 1) {
    return arrow::Status::Invalid("bad writer options: row_group_rows=", options.row_group_rows);
  }
  ARROW_ASSIGN_OR_RAISE(auto data, fs.Create(data_path));
  ARROW_ASSIGN_OR_RAISE(auto series, fs.Create(series_path));
  return std::unique_ptr<SamplesWriter>(new SamplesWriter(std::make_unique<Impl>(
      std::move(data), std::move(series), std::move(columns), std::move(options))));
}

arrow::Status SamplesWriter::Append(LabelsView labels, std::span<const int64_t> time_ms,
                                    std::span<const double> value,
                                    std::span<const int64_t> start_ms) {
  return impl_->Append(labels, time_ms, value, start_ms);
}

int64_t SamplesWriter::bytes_written() const { return impl_->bytes_written(); }
int64_t SamplesWriter::rows_written() const { return impl_->rows_written(); }
arrow::Result<FileSummary> SamplesWriter::Finish() { return impl_->Finish(); }

arrow::Status WriteSchemaFile(io::FileSystem& fs, const std::string& path,
                              const std::vector<ColumnName>& columns, SchemaTable table) {
  ARROW_RETURN_NOT_OK(CheckColumns(columns));
  std::vector<ColumnName> labels;
  if (table != SchemaTable::kMetadata) labels = InColumnOrder(ColumnsIn(table, columns));
  ARROW_ASSIGN_OR_RAISE(auto file, fs.Create(path));
  FileBuilder builder(std::move(file));
  FileMeta meta;
  switch (table) {
    case SchemaTable::kSamples:
      meta.schema = SamplesSchema(labels);
      break;
    case SchemaTable::kSeries:
      meta.schema = SeriesSchema(labels, /*with_values=*/true);
      break;
    case SchemaTable::kHistograms:
      meta.schema = HistogramsSchema(labels);
      break;
    case SchemaTable::kExemplars:
      meta.schema = ExemplarsSchema(labels);
      break;
    case SchemaTable::kHistogramsSeries:
    case SchemaTable::kExemplarsSeries:
      meta.schema = SeriesSchema(labels, /*with_values=*/false);
      break;
    case SchemaTable::kMetadata:
      meta.schema = MetadataSchema();
      break;
  }
  meta.key_values = FileKeyValues(TableName(table), labels, {});
  return builder.Finish(std::move(meta)).status();
}

}  // namespace larnax::columns
