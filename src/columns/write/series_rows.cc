#include "columns/write/series_rows.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"
#include "columns/write/index_file.h"
#include "model/label_order.h"

namespace larnax::columns {
namespace {

// Files that live for ever: runs of ascending codes repeat three bytes.
constexpr int kLabelRepeat = 3;

}  // namespace

EncodedChunk EncodeTimes(std::span<const int64_t> times_us, const ChunkContext& context) {
  // In one page: series that are scraped together repeat each other's times.
  const std::string_view plain(reinterpret_cast<const char*>(times_us.data()),
                               times_us.size_bytes());
  std::string delta;
  AppendDelta(times_us, &delta);
  std::string small_plain;
  std::string small_delta;
  context.compressor->Compress(plain, context.zstd, &small_plain);
  context.compressor->Compress(delta, context.zstd, &small_delta);
  const auto rows = static_cast<int64_t>(times_us.size());
  EncodedChunk chunk;
  if (small_delta.size() < small_plain.size()) {
    AddCompressedPage(small_delta, delta.size(), Encoding::kDeltaBinaryPacked, rows, 0, &chunk);
  } else {
    AddCompressedPage(small_plain, plain.size(), Encoding::kPlain, rows, 0, &chunk);
  }
  const auto [min, max] = std::minmax_element(times_us.begin(), times_us.end());
  PutIntBounds(*min, *max, &chunk.bounds);
  return chunk;
}

arrow::Result<std::unique_ptr<SeriesRows>> SeriesRows::Open(
    io::FileSystem& fs, const std::string& data_path, const std::string& series_path,
    std::vector<ColumnName> columns, SchemaTable table, WriterOptions options) {
  const auto registry = ColumnRegistry::Restore(columns, static_cast<int>(columns.size()));
  if (!registry.ok()) return arrow::Status::Invalid(registry.status().message());
  if (options.row_group_rows < 1 || options.row_group_rows > kMaxRowGroupRows ||
      options.long_series_page_rows < 1 || options.series_page_rows < 1) {
    return arrow::Status::Invalid("bad writer options: row_group_rows=", options.row_group_rows);
  }
  ARROW_ASSIGN_OR_RAISE(auto data, fs.Create(data_path));
  ARROW_ASSIGN_OR_RAISE(auto series, fs.Create(series_path));
  return std::unique_ptr<SeriesRows>(new SeriesRows(
      std::move(data), std::move(series), ColumnsIn(table, columns), table, std::move(options)));
}

SeriesRows::SeriesRows(std::unique_ptr<io::WritableFile> data,
                       std::unique_ptr<io::WritableFile> series, std::vector<ColumnName> columns,
                       SchemaTable table, WriterOptions options)
    : options_(std::move(options)),
      schema_table_(table),
      series_file_(std::move(series)),
      context_(ContextFor(options_, &compressor_, /*series=*/false)),
      series_(std::move(columns)),
      builder_(std::move(data)) {
  if (table == SchemaTable::kSamples && options_.tier == Tier::kDay) {
    context_.zstd.shortest_repeat = kLabelRepeat;
  }
}

arrow::Status SeriesRows::Begin(LabelsView labels) {
  ARROW_RETURN_NOT_OK(series_.CheckRoom(labels, options_.most_label_bytes));
#ifndef NDEBUG
  LARNAX_CHECK(series_.extents.empty() || model::CompareForFile(last_labels_, labels) < 0);
  last_labels_ = Labels(labels);
#endif
  placed_ = &series_.AddLabels(labels);
  extent_ = {.row_start = rows_written()};
  return arrow::Status::OK();
}

void SeriesRows::AddRows(int64_t rows, int64_t first_ms, int64_t last_ms) {
  series_.metric.AddRows(placed_->metric, group_rows_, rows);
  for (const auto& [column, code] : placed_->labels) {
    series_.labels[column].AddRows(code, group_rows_, rows);
  }
  AppendRun(placed_->other, rows, &other_rows_);
  AppendRun(static_cast<uint32_t>(ids_.size()), rows, &id_rows_);
  ids_.push_back(placed_->series_id);
  group_rows_ += rows;
  if (extent_.row_count == 0) extent_.min_time_ms = first_ms;
  extent_.max_time_ms = last_ms;
  extent_.row_count += rows;
}

void SeriesRows::NoteEnd(int64_t stale_count) {
  LARNAX_CHECK(extent_.row_count > 0);
  extent_.stale_count = stale_count;
  if (series_.extents.empty()) {
    summary_.min_time_ms = extent_.min_time_ms;
    summary_.max_time_ms = extent_.max_time_ms;
  }
  summary_.min_time_ms = std::min(summary_.min_time_ms, extent_.min_time_ms);
  summary_.max_time_ms = std::max(summary_.max_time_ms, extent_.max_time_ms);
  summary_.stale_rows += stale_count;
}

void SeriesRows::End(int64_t stale_count) {
  NoteEnd(stale_count);
  series_.extents.push_back(extent_);
}

void SeriesRows::End(int64_t stale_count, std::span<const int64_t> time_ms,
                     std::span<const double> value) {
  NoteEnd(stale_count);
  series_.AddSamples(extent_.row_start, time_ms, value, stale_count, options_.tier != Tier::kFresh);
}

arrow::Status SeriesRows::FlushGroup(std::span<const EncodedChunk> rest) {
  if (group_rows_ == 0) return arrow::Status::OK();
  Group group;
  group.rows = group_rows_;
  const EncodedChunk metric = EncodeStrings(series_.metric.dictionary(),
                                            series_.metric.TakeRows(group_rows_), false, context_);
  ARROW_ASSIGN_OR_RAISE(group.metric, builder_.WriteChunk(metric));
  for (size_t i = 0; i < series_.labels.size(); ++i) {
    LabelColumn& column = series_.labels[i];
    if (!column.used()) continue;
    const EncodedChunk chunk =
        EncodeStrings(column.dictionary(), column.TakeRows(group_rows_), true, context_);
    ARROW_ASSIGN_OR_RAISE(ChunkMeta meta, builder_.WriteChunk(chunk));
    group.labels.emplace_back(i, std::move(meta));
  }
  const auto write = [&](const EncodedChunk& chunk) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(ChunkMeta meta, builder_.WriteChunk(chunk));
    group.rest.push_back(std::move(meta));
    return arrow::Status::OK();
  };
  const auto [keys, values] =
      EncodeOtherLabels(series_.other_dictionary, series_.other_sets, other_rows_, context_);
  ARROW_RETURN_NOT_OK(write(keys));
  ARROW_RETURN_NOT_OK(write(values));
  ARROW_RETURN_NOT_OK(write(EncodeIntRuns(ids_, id_rows_, /*optional=*/false, context_)));
  for (const EncodedChunk& chunk : rest) ARROW_RETURN_NOT_OK(write(chunk));
  other_rows_.clear();
  ids_.clear();
  id_rows_.clear();
  groups_.push_back(std::move(group));
  rows_before_group_ += group_rows_;
  group_rows_ = 0;
  return arrow::Status::OK();
}

arrow::Result<FileMeta> SeriesRows::MakeMeta(
    const std::function<std::vector<SchemaNode>(std::span<const ColumnName>)>& schema) {
  FileMeta meta;
  const std::vector<ColumnName> labels = series_.UsedColumns();
  meta.schema = schema(labels);
  meta.rows = rows_before_group_;
  meta.key_values = FileKeyValues(TableName(schema_table_), labels, options_.key_values);
  const std::vector<SortingColumn> sorting = SortingOf(series_, labels);
  for (Group& group : groups_) {
    RowGroupMeta row_group;
    row_group.rows = group.rows;
    row_group.sorting = sorting;
    row_group.chunks.push_back(std::move(group.metric));
    auto next = group.labels.begin();
    for (size_t i = 0; i < series_.labels.size(); ++i) {
      if (!series_.labels[i].used()) continue;
      if (next != group.labels.end() && next->first == i) {
        row_group.chunks.push_back(std::move(next->second));
        ++next;
        continue;
      }
      // The column came with a later row group.
      ARROW_ASSIGN_OR_RAISE(ChunkMeta chunk,
                            builder_.WriteChunk(EncodeNulls(group.rows, context_)));
      row_group.chunks.push_back(std::move(chunk));
    }
    for (ChunkMeta& chunk : group.rest) row_group.chunks.push_back(std::move(chunk));
    meta.row_groups.push_back(std::move(row_group));
  }
  return meta;
}

arrow::Result<FileSummary> SeriesRows::Finish(
    const std::function<std::vector<SchemaNode>(std::span<const ColumnName>)>& schema) {
  LARNAX_CHECK(group_rows_ == 0);
  ARROW_ASSIGN_OR_RAISE(FileMeta meta, MakeMeta(schema));
  ARROW_ASSIGN_OR_RAISE(const FooterPlace data, builder_.Finish(std::move(meta)));
  ARROW_ASSIGN_OR_RAISE(const FooterPlace series,
                        WriteIndexFile(std::move(series_file_), &series_, options_, &compressor_));
  summary_.rows = rows_before_group_;
  summary_.series = static_cast<int64_t>(series_.extents.size());
  const StringDictionary& metrics = series_.metric.dictionary();
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

}  // namespace larnax::columns
