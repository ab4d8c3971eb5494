#include "columns/write/metadata_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "columns/format/file_builder.h"
#include "columns/format/parquet_file.h"
#include "columns/read/group_columns.h"
#include "columns/read/series_rows_reader.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"
#include "columns/write/chunk_encoder.h"
#include "columns/write/writer_options.h"
#include "larnax/samples.h"

namespace larnax::columns {
namespace {

constexpr size_t kMaxRows = 1 << 20;
constexpr size_t kMaxTextBytes = size_t{512} << 20;

constexpr std::array kTexts = {&MetadataRow::metric, &MetadataRow::type, &MetadataRow::help,
                               &MetadataRow::unit};
constexpr std::array kTextColumns = {kMetricColumn, kTypeColumn, kHelpColumn, kUnitColumn};

/// Compare all but the times.
int CompareTexts(const MetadataRow& a, const MetadataRow& b) {
  for (std::string MetadataRow::* const text : kTexts) {
    if (const int order = (a.*text).compare(b.*text); order != 0) return order;
  }
  return 0;
}

bool IsSeenInOrder(const MetadataRow& row) {
  return row.first_seen_ms >= kMinTimeMs && row.first_seen_ms <= row.last_seen_ms &&
         row.last_seen_ms <= kMaxTimeMs;
}

arrow::Status CheckRows(std::span<const MetadataRow> rows) {
  size_t text_bytes = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (std::string MetadataRow::* const text : kTexts) text_bytes += (rows[i].*text).size();
    if (!IsSeenInOrder(rows[i]) || (i > 0 && CompareTexts(rows[i - 1], rows[i]) >= 0)) {
      return arrow::Status::Invalid("metadata out of order: metric=", rows[i].metric);
    }
  }
  if (rows.size() > kMaxRows || text_bytes > kMaxTextBytes) {
    return arrow::Status::Invalid("too much metadata: rows=", rows.size(), " bytes=", text_bytes);
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<MetadataRow>> ReadMetadata(const ParquetFile& file, ReadStats* stats) {
  const LeafFinder finder(file);
  std::array<size_t, kTexts.size()> text_leaves{};
  for (size_t i = 0; i < kTexts.size(); ++i) {
    ARROW_RETURN_NOT_OK(
        finder.Find(kTextColumns[i], PhysicalType::kBytes, /*optional=*/false, &text_leaves[i]));
  }
  std::array<size_t, 2> time_leaves{};
  ARROW_RETURN_NOT_OK(
      finder.Find(kFirstSeenColumn, PhysicalType::kInt64, /*optional=*/false, &time_leaves[0]));
  ARROW_RETURN_NOT_OK(
      finder.Find(kLastSeenColumn, PhysicalType::kInt64, /*optional=*/false, &time_leaves[1]));
  // Equal strings are in the file once: what they come to in memory has a limit of its own.
  size_t text_bytes = 0;
  std::vector<MetadataRow> rows;
  if (file.meta().rows > static_cast<int64_t>(kMaxRows)) {
    return file.Corrupt("too many rows of metadata", file.file_bytes() - file.footer_bytes());
  }
  for (size_t group = 0; group < file.meta().row_groups.size(); ++group) {
    const RowRange all{0, file.meta().row_groups[group].rows};
    GroupColumns columns(file, group, {&all, 1}, stats);
    const size_t begin = rows.size();
    std::vector<int64_t> first_seen;
    std::vector<int64_t> last_seen;
    ARROW_RETURN_NOT_OK(columns.Ints(time_leaves[0], &first_seen));
    ARROW_RETURN_NOT_OK(columns.Ints(time_leaves[1], &last_seen));
    rows.resize(begin + first_seen.size());
    for (size_t i = 0; i < first_seen.size(); ++i) {
      rows[begin + i].first_seen_ms = first_seen[i] / 1000;
      rows[begin + i].last_seen_ms = last_seen[i] / 1000;
    }
    for (size_t text = 0; text < kTexts.size(); ++text) {
      Strings strings;
      ARROW_RETURN_NOT_OK(columns.Texts(text_leaves[text], &strings));
      for (const std::string_view value : strings.values) text_bytes += value.size();
      if (text_bytes > kMaxTextBytes) return columns.Corrupt("too much text", text_leaves[text]);
      for (size_t i = 0; i < strings.values.size(); ++i) {
        rows[begin + i].*kTexts[text] = strings.values[i];
      }
    }
    for (size_t i = begin; i < rows.size(); ++i) {
      if (!IsSeenInOrder(rows[i]) || (i > 0 && CompareTexts(rows[i - 1], rows[i]) >= 0)) {
        return columns.Corrupt("rows out of order", text_leaves[0]);
      }
    }
  }
  return rows;
}

}  // namespace

arrow::Result<FileSummary> WriteMetadataFile(io::FileSystem& fs, const std::string& path,
                                             std::span<const MetadataRow> rows,
                                             const WriterOptions& options) {
  ARROW_RETURN_NOT_OK(CheckRows(rows));
  ARROW_ASSIGN_OR_RAISE(auto file, fs.Create(path));
  PageCompressor compressor;
  const ChunkContext context = ContextFor(options, &compressor, /*series=*/true);
  FileBuilder builder(std::move(file));
  RowGroupMeta group;
  group.rows = static_cast<int64_t>(rows.size());
  const auto write = [&](const EncodedChunk& chunk) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(ChunkMeta meta, builder.WriteChunk(chunk));
    group.chunks.push_back(std::move(meta));
    return arrow::Status::OK();
  };
  FileSummary summary;
  if (!rows.empty()) {
    for (std::string MetadataRow::* const text : kTexts) {
      StringDictionary dictionary;
      std::vector<Run> runs;
      for (const MetadataRow& row : rows) AppendRun(dictionary.Intern(row.*text), 1, &runs);
      ARROW_RETURN_NOT_OK(write(EncodeStrings(dictionary, runs, /*optional=*/false, context)));
    }
    summary.min_time_ms = rows[0].first_seen_ms;
    for (int64_t MetadataRow::* const time :
         {&MetadataRow::first_seen_ms, &MetadataRow::last_seen_ms}) {
      std::vector<int64_t> times_us;
      for (const MetadataRow& row : rows) times_us.push_back(row.*time * 1000);
      ARROW_RETURN_NOT_OK(write(EncodeInts(times_us, context)));
    }
    for (const MetadataRow& row : rows) {
      summary.min_time_ms = std::min(summary.min_time_ms, row.first_seen_ms);
      summary.max_time_ms = std::max(summary.max_time_ms, row.last_seen_ms);
    }
    summary.min_metric = rows.front().metric;
    summary.max_metric = rows.back().metric;
  }
  FileMeta meta;
  meta.schema = MetadataSchema();
  meta.rows = group.rows;
  meta.key_values = FileKeyValues(TableName(SchemaTable::kMetadata), {}, options.key_values);
  group.sorting = {{0, true}, {1, true}, {2, true}, {3, true}};
  if (group.rows > 0) meta.row_groups.push_back(std::move(group));
  summary.rows = meta.rows;
  ARROW_ASSIGN_OR_RAISE(const FooterPlace place, builder.Finish(std::move(meta)));
  summary.data_bytes = place.file_bytes;
  summary.data_footer_bytes = place.footer_bytes;
  summary.data_footer_crc32c = place.footer_crc32c;
  return summary;
}

arrow::Result<std::vector<MetadataRow>> ReadMetadataFile(std::shared_ptr<io::ReadableFile> file,
                                                         ReadStats* stats, int64_t footer_bytes,
                                                         std::optional<uint32_t> footer_crc32c) {
  ARROW_ASSIGN_OR_RAISE(const auto parquet,
                        ParquetFile::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  return ReadMetadata(*parquet, stats);
}

}  // namespace larnax::columns
