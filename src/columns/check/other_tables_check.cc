#include "columns/check/other_tables_check.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "columns/check/chunk_check.h"
#include "columns/format/parquet_file.h"
#include "columns/read/exemplars_reader.h"
#include "columns/read/group_columns.h"
#include "columns/read/group_labels.h"
#include "columns/read/histograms_reader.h"
#include "columns/read/series_index.h"
#include "columns/read/series_rows_reader.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"
#include "columns/write/index_file.h"
#include "columns/write/metadata_file.h"
#include "model/label_order.h"

namespace larnax::columns {
namespace {

// What is read at a time.
constexpr int64_t kChunkBytes = int64_t{32} << 20;

/// One series as the data file's label columns, `series_id` and `timestamp` have it.
struct FoundSeries {
  std::string label_bytes;
  SeriesExtent extent;  // Without stale_count.
  bool has_own_id = true;

  LabelsView labels() const { return LabelsView(label_bytes); }
};

struct FoundTable {
  std::vector<ColumnName> columns;
  std::vector<FoundSeries> series;
};

/// Read the columns that tables of series have in common.
arrow::Result<FoundTable> ScanSeries(const std::shared_ptr<const ParquetFile>& file) {
  GroupLabels labels(file);
  ARROW_RETURN_NOT_OK(labels.Init());
  const LeafFinder finder(*file);
  size_t id_leaf = 0;
  size_t time_leaf = 0;
  ARROW_RETURN_NOT_OK(finder.Find(kSeriesIdColumn, PhysicalType::kInt64, false, &id_leaf));
  ARROW_RETURN_NOT_OK(finder.Find(kTimestampColumn, PhysicalType::kInt64, false, &time_leaf));
  FoundTable table{labels.columns(), {}};
  int64_t group_begin = 0;
  std::string label_bytes;
  for (size_t group = 0; group < file->meta().row_groups.size(); ++group) {
    ARROW_RETURN_NOT_OK(labels.Load(group));
    const RowRange all{0, labels.rows()};
    GroupColumns columns(*file, group, {&all, 1}, nullptr);
    std::vector<int64_t> ids;
    std::vector<int64_t> times_us;
    ARROW_RETURN_NOT_OK(columns.Ints(id_leaf, &ids));
    ARROW_RETURN_NOT_OK(columns.Ints(time_leaf, &times_us));
    while (labels.row() < labels.rows()) {
      const auto begin = static_cast<size_t>(labels.row());
      const int64_t rows = labels.NextStretch(&label_bytes);
      const auto end = static_cast<size_t>(labels.row());
      if (table.series.empty() || table.series.back().label_bytes != label_bytes) {
        table.series.push_back({label_bytes, {}, true});
        table.series.back().extent.row_start = group_begin + static_cast<int64_t>(begin);
        table.series.back().extent.min_time_ms = times_us[begin] / 1000;
      }
      FoundSeries& series = table.series.back();
      series.extent.row_count += rows;
      series.extent.max_time_ms = times_us[end - 1] / 1000;
      const auto id = static_cast<int64_t>(model::SeriesIdOf(series.labels()));
      for (size_t row = begin; row < end; ++row) series.has_own_id &= ids[row] == id;
    }
    group_begin += labels.rows();
  }
  return table;
}

/// Read all rows, some series at a time: take(first series, extents, rows).
template <typename Reader, typename Rows, typename Take>
arrow::Status ReadAll(const Reader& reader, const FoundTable& table, Take&& take) {
  const int64_t chunk_rows =
      std::max<int64_t>(1, kChunkBytes / std::max<int64_t>(1, reader.mean_row_bytes()));
  std::vector<SeriesExtent> extents;
  Rows rows;
  for (size_t first = 0; first < table.series.size(); first += extents.size()) {
    extents.clear();
    int64_t count = 0;
    for (size_t i = first; i < table.series.size() && (i == first || count < chunk_rows); ++i) {
      extents.push_back(table.series[i].extent);
      // Times may be in any order in a damaged file: read whatever they are.
      extents.back().min_time_ms = std::numeric_limits<int64_t>::min();
      extents.back().max_time_ms = std::numeric_limits<int64_t>::max();
      count += extents.back().row_count;
    }
    ARROW_RETURN_NOT_OK(reader.Read(extents, TimeRange(), &rows, nullptr));
    for (size_t i = 0; i < extents.size(); ++i) take(first + i, rows.Of(i));
  }
  return arrow::Status::OK();
}

bool IsStale(const HistogramSample& sample) {
  return std::bit_cast<uint64_t>(sample.histogram->sum) == kStaleBits;
}

/// Count the stale markers of each series, and check what the reader does not.
arrow::Result<std::vector<int64_t>> ReadContent(const HistogramsReader& reader,
                                                const FoundTable& table, Problems*) {
  std::vector<int64_t> stale(table.series.size());
  ARROW_RETURN_NOT_OK((ReadAll<HistogramsReader, HistogramRows>(
      reader, table, [&](size_t series, std::span<const HistogramSample> samples) {
        stale[series] = std::count_if(samples.begin(), samples.end(), IsStale);
      })));
  return stale;
}

arrow::Result<std::vector<int64_t>> ReadContent(const ExemplarsReader& reader,
                                                const FoundTable& table, Problems* problems) {
  ARROW_RETURN_NOT_OK((ReadAll<ExemplarsReader, ExemplarRows>(
      reader, table, [&](size_t series, std::span<const ExemplarRow> rows) {
        const auto unordered = std::adjacent_find(
            rows.begin(), rows.end(),
            [](const ExemplarRow& a, const ExemplarRow& b) { return CompareExemplars(a, b) >= 0; });
        problems->Check(unordered == rows.end(), "exemplars out of order",
                        table.series[series].labels());
      })));
  return std::vector<int64_t>(table.series.size());
}

void CheckSeries(const FoundTable& table, size_t i, Problems* problems) {
  const FoundSeries& series = table.series[i];
  const LabelsView labels = series.labels();
  problems->Check(i == 0 || model::CompareForFile(table.series[i - 1].labels(), labels) < 0,
                  "series out of order", labels);
  problems->Check(
      series.extent.min_time_ms >= kMinTimeMs && series.extent.max_time_ms <= kMaxTimeMs,
      "time out of range", labels);
  problems->Check(series.has_own_id, "wrong series_id", labels);
}

arrow::Status CompareWithIndex(const FoundTable& table, std::span<const int64_t> stale,
                               const SeriesIndex& index, Problems* problems) {
  std::vector<uint32_t> rows(static_cast<size_t>(index.size()));
  std::iota(rows.begin(), rows.end(), 0u);
  ARROW_ASSIGN_OR_RAISE(const auto extents, index.Extents(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto ids, index.SeriesIds(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(const LabelSets label_sets, index.LabelsOf(rows, nullptr));
  if (extents.size() != table.series.size()) {
    problems->Add("index and data file differ in series: index=" + std::to_string(extents.size()) +
                  " data=" + std::to_string(table.series.size()));
  }
  for (size_t i = 0; i < std::min(extents.size(), table.series.size()); ++i) {
    const LabelsView labels = table.series[i].labels();
    SeriesExtent want = table.series[i].extent;
    want.stale_count = stale[i];
    problems->Check(label_sets[i] == labels, "index has other labels", labels);
    problems->Check(extents[i] == want, "index has other rows or times", labels);
    problems->Check(ids[i] == model::SeriesIdOf(labels), "index has another series_id", labels);
  }
  return arrow::Status::OK();
}

template <typename Reader>
arrow::Result<std::vector<std::string>> Verify(io::FileSystem& fs, const std::string& data_path,
                                               const std::string& series_path) {
  Problems problems;
  const auto check = [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const FilePair pair, OpenChecked(fs, data_path, series_path, &problems));
    ARROW_ASSIGN_OR_RAISE(const auto reader, Reader::Open(pair.data, nullptr));
    ARROW_ASSIGN_OR_RAISE(const auto index, SeriesIndex::Open(pair.series, nullptr));
    ARROW_ASSIGN_OR_RAISE(const FoundTable table, ScanSeries(pair.data_file));
    for (size_t i = 0; i < table.series.size(); ++i) CheckSeries(table, i, &problems);
    ARROW_ASSIGN_OR_RAISE(const auto stale, ReadContent(*reader, table, &problems));
    ARROW_RETURN_NOT_OK(CompareWithIndex(table, stale, *index, &problems));
    if (index->data_rows() != reader->rows()) {
      problems.Add("index and data file differ in rows: path=" + data_path);
    }
    return arrow::Status::OK();
  };
  return Report(check(), &problems);
}

}  // namespace

arrow::Result<std::vector<std::string>> VerifyHistogramsFile(io::FileSystem& fs,
                                                             const std::string& data_path,
                                                             const std::string& series_path) {
  return Verify<HistogramsReader>(fs, data_path, series_path);
}

arrow::Result<std::vector<std::string>> VerifyExemplarsFile(io::FileSystem& fs,
                                                            const std::string& data_path,
                                                            const std::string& series_path) {
  return Verify<ExemplarsReader>(fs, data_path, series_path);
}

arrow::Result<std::vector<std::string>> VerifyMetadataFile(io::FileSystem& fs,
                                                           const std::string& path) {
  Problems problems;
  const auto check = [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<io::ReadableFile> opened, fs.OpenReadable(path));
    ARROW_ASSIGN_OR_RAISE(const auto file, ParquetFile::Open(opened, nullptr, 0));
    ARROW_RETURN_NOT_OK(CheckChunks(*file, &problems));
    return ReadMetadataFile(opened, nullptr).status();
  };
  return Report(check(), &problems);
}

arrow::Result<FooterPlace> RebuildIndexWithoutValues(io::FileSystem& fs,
                                                     const std::string& data_path,
                                                     const std::string& series_path,
                                                     const WriterOptions& options) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<io::ReadableFile> data, fs.OpenReadable(data_path));
  ARROW_ASSIGN_OR_RAISE(const auto file, ParquetFile::Open(data, nullptr, 0));
  ARROW_ASSIGN_OR_RAISE(const FoundTable found, ScanSeries(file));
  std::vector<int64_t> stale(found.series.size());
  const auto table_name = file->meta().key_values.find(std::string(kTableKey));
  if (table_name != file->meta().key_values.end() &&
      table_name->second == TableName(SchemaTable::kHistograms)) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, HistogramsReader::Open(data, nullptr));
    ARROW_ASSIGN_OR_RAISE(stale, ReadContent(*reader, found, nullptr));
  }
  FileSeries file_series(found.columns);
  for (size_t i = 0; i < found.series.size(); ++i) {
    file_series.AddLabels(found.series[i].labels());
    file_series.extents.push_back(found.series[i].extent);
    file_series.extents.back().stale_count = stale[i];
  }
  PageCompressor compressor;
  ARROW_ASSIGN_OR_RAISE(auto out, fs.Create(series_path));
  return WriteIndexFile(std::move(out), &file_series, options, &compressor);
}

}  // namespace larnax::columns
