#include "columns/check/file_check.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "columns/check/chunk_check.h"
#include "columns/check/data_scanner.h"
#include "columns/read/series_index.h"
#include "columns/schema/schema.h"
#include "columns/write/index_file.h"
#include "columns/write/value_summary.h"
#include "model/label_order.h"

namespace larnax::columns {
namespace {

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameValues(const SeriesValues& a, const SeriesValues& b) {
  if (!a.has_values || !b.has_values) return a.has_values == b.has_values;
  return SameBits(a.first_value, b.first_value) && SameBits(a.last_value, b.last_value) &&
         a.last_time_ms == b.last_time_ms && SameBits(a.sum, b.sum) && SameBits(a.min, b.min) &&
         SameBits(a.max, b.max) && a.resets == b.resets;
}

int64_t CountStale(std::span<const double> values) {
  return std::count_if(values.begin(), values.end(),
                       [](double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; });
}

void CheckSeries(const ScannedSeries& series, std::string_view previous, Problems* problems) {
  const LabelsView labels = series.labels();
  problems->Check(previous.empty() || model::CompareForFile(LabelsView(previous), labels) < 0,
                  "series out of order", labels);
  problems->Check(std::adjacent_find(series.time_ms.begin(), series.time_ms.end(),
                                     std::greater_equal<>()) == series.time_ms.end(),
                  "times do not ascend", labels);
  problems->Check(series.time_ms.front() >= kMinTimeMs && series.time_ms.back() <= kMaxTimeMs,
                  "time out of range", labels);
  problems->Check(series.series_ids.size() == 1 &&
                      series.series_ids[0] == static_cast<int64_t>(model::SeriesIdOf(labels)),
                  "wrong series_id", labels);
  for (size_t i = 0; i < series.value.size(); ++i) {
    const bool is_stale = std::bit_cast<uint64_t>(series.value[i]) == kStaleBits;
    if (is_stale != (series.stale[i] != 0)) {
      problems->Check(false, "value and stale disagree", labels);
      break;
    }
  }
}

/// What the index says of all series.
struct IndexRows {
  std::vector<SeriesExtent> extents;
  std::vector<SeriesValues> values;  // Empty when the file has none.
  std::vector<uint64_t> ids;
  LabelSets labels;
};

arrow::Result<IndexRows> ReadIndex(const SeriesIndex& index) {
  std::vector<uint32_t> rows(static_cast<size_t>(index.size()));
  std::iota(rows.begin(), rows.end(), 0u);
  IndexRows all;
  ARROW_ASSIGN_OR_RAISE(all.extents, index.Extents(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(all.ids, index.SeriesIds(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(all.labels, index.LabelsOf(rows, nullptr));
  if (index.has_values()) {
    ARROW_ASSIGN_OR_RAISE(all.values, index.Values(rows, nullptr));
  }
  return all;
}

void CompareWithIndex(const ScannedSeries& series, const IndexRows& index, size_t row,
                      int64_t row_start, Problems* problems) {
  const LabelsView labels = series.labels();
  if (row >= index.extents.size()) {
    problems->Check(false, "index lacks a series", labels);
    return;
  }
  const SeriesExtent want{row_start, static_cast<int64_t>(series.time_ms.size()),
                          series.time_ms.front(), series.time_ms.back(), CountStale(series.value)};
  problems->Check(index.labels[row] == labels, "index has other labels", labels);
  problems->Check(index.extents[row] == want, "index has other rows or times", labels);
  problems->Check(index.ids[row] == model::SeriesIdOf(labels), "index has another series_id",
                  labels);
  if (!index.values.empty()) {
    problems->Check(SameValues(index.values[row], Summarize(series.time_ms, series.value)),
                    "index has other value summaries", labels);
  }
}

arrow::Status CheckData(std::shared_ptr<const ParquetFile> file, const IndexRows& index,
                        int64_t data_rows, Problems* problems) {
  ARROW_ASSIGN_OR_RAISE(const auto scanner, DataScanner::Open(file));
  ScannedSeries series;
  std::string previous;
  size_t row = 0;
  int64_t row_start = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool more, scanner->Next(&series));
    if (!more) break;
    CheckSeries(series, previous, problems);
    CompareWithIndex(series, index, row, row_start, problems);
    previous = series.label_bytes;
    row_start += static_cast<int64_t>(series.time_ms.size());
    ++row;
  }
  if (row < index.extents.size()) {
    problems->Add("index has series that the data file lacks: path=" + file->path());
  }
  if (data_rows != file->meta().rows) {
    problems->Add("index and data file differ in rows: path=" + file->path());
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<FooterPlace> RebuildIndex(io::FileSystem& fs, const std::string& data_path,
                                        const std::string& series_path,
                                        const WriterOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto opened, fs.OpenReadable(data_path));
  ARROW_ASSIGN_OR_RAISE(auto file, ParquetFile::Open(std::move(opened), nullptr, 0));
  ARROW_ASSIGN_OR_RAISE(const auto scanner, DataScanner::Open(file));
  FileSeries file_series(scanner->columns());
  ScannedSeries series;
  int64_t row = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool more, scanner->Next(&series));
    if (!more) break;
    file_series.AddLabels(series.labels());
    file_series.AddSamples(row, series.time_ms, series.value, CountStale(series.value),
                           options.tier != Tier::kFresh);
    row += static_cast<int64_t>(series.time_ms.size());
  }
  PageCompressor compressor;
  ARROW_ASSIGN_OR_RAISE(auto out, fs.Create(series_path));
  return WriteIndexFile(std::move(out), &file_series, options, &compressor);
}

arrow::Result<std::vector<std::string>> VerifyFile(io::FileSystem& fs, const std::string& data_path,
                                                   const std::string& series_path) {
  Problems problems;
  const auto check = [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const FilePair pair, OpenChecked(fs, data_path, series_path, &problems));
    ARROW_ASSIGN_OR_RAISE(const auto index, SeriesIndex::Open(pair.series, nullptr));
    ARROW_ASSIGN_OR_RAISE(const IndexRows rows, ReadIndex(*index));
    return CheckData(pair.data_file, rows, index->data_rows(), &problems);
  };
  return Report(check(), &problems);
}

arrow::Result<FileReport> InspectFile(io::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<io::ReadableFile> opened, fs.OpenReadable(path));
  ARROW_ASSIGN_OR_RAISE(const auto file, ParquetFile::Open(opened, nullptr, 0));
  const FileMeta& meta = file->meta();
  FileReport report;
  report.path = path;
  report.created_by = meta.created_by;
  report.file_bytes = file->file_bytes();
  report.footer_bytes = file->footer_bytes();
  report.rows = meta.rows;
  report.row_groups = static_cast<int64_t>(meta.row_groups.size());
  report.key_values = meta.key_values;
  for (const SchemaLeaf& leaf : file->leaves()) {
    ColumnReport column;
    for (const std::string& part : leaf.path) {
      if (!column.name.empty()) column.name.push_back('.');
      column.name += part;
    }
    report.columns.push_back(std::move(column));
  }
  const auto labels = LabelLeaves(meta, file->leaves());
  if (labels.ok()) {
    for (const auto& [leaf, label] : *labels) report.columns[leaf].label = label;
  }
  for (const RowGroupMeta& group : meta.row_groups) {
    for (size_t i = 0; i < group.chunks.size(); ++i) {
      const ChunkMeta& chunk = group.chunks[i];
      ColumnReport& column = report.columns[i];
      column.compressed_bytes += chunk.compressed_bytes;
      column.uncompressed_bytes += chunk.uncompressed_bytes;
      column.null_count += chunk.bounds.null_count;
      for (const auto& [key, count] : chunk.page_counts) {
        column.pages += count;
        // The encoding of a dictionary's own page says nothing about the column.
        if (key.first == static_cast<int32_t>(PageType::kDictionary)) continue;
        const std::string name = EncodingName(key.second);
        if (std::find(column.encodings.begin(), column.encodings.end(), name) ==
            column.encodings.end()) {
          column.encodings.push_back(name);
        }
      }
      std::sort(column.encodings.begin(), column.encodings.end());
    }
  }
  return report;
}

}  // namespace larnax::columns
