#include "columns/write/index_file.h"

#include <string>
#include <utility>
#include <vector>

#include "columns/schema/schema.h"

namespace larnax::columns {
namespace {

void AddValueColumns(const FileSeries& series, const ChunkContext& context,
                     std::vector<EncodedChunk>* chunks) {
  std::vector<uint8_t> present;
  present.reserve(series.values.size());
  for (const SeriesValues& values : series.values) present.push_back(values.has_values ? 1 : 0);
  const auto doubles = [&](double SeriesValues::* member) {
    std::vector<double> column;
    for (const SeriesValues& values : series.values) column.push_back(values.*member);
    chunks->push_back(EncodeDoubles(column, present, context));
  };
  // Integers with NULLs are rare: as runs of a dictionary of one entry per series.
  const auto integers = [&](auto&& get) {
    std::vector<int64_t> column;
    std::vector<Run> runs;
    for (const SeriesValues& values : series.values) {
      if (!values.has_values) {
        AppendRun(kNullCode, 1, &runs);
        continue;
      }
      if (column.empty() || column.back() != get(values)) column.push_back(get(values));
      AppendRun(static_cast<uint32_t>(column.size() - 1), 1, &runs);
    }
    chunks->push_back(EncodeIntRuns(column, runs, /*optional=*/true, context));
  };
  doubles(&SeriesValues::first_value);
  doubles(&SeriesValues::last_value);
  integers([](const SeriesValues& values) { return values.last_time_ms * 1000; });
  doubles(&SeriesValues::sum);
  doubles(&SeriesValues::min);
  doubles(&SeriesValues::max);
  integers([](const SeriesValues& values) { return values.resets; });
}

// Encodes all columns but those of values, and names the label columns among them.
std::vector<EncodedChunk> EncodeColumns(FileSeries* series, const ChunkContext& context,
                                        std::vector<ColumnName>* labels) {
  const int64_t count = series->size();
  std::vector<EncodedChunk> chunks;
  chunks.push_back(EncodeStrings(series->metric.dictionary(), series->metric.SeriesRuns(count),
                                 /*optional=*/false, context));
  for (LabelColumn& column : series->labels) {
    if (!column.used()) continue;
    labels->push_back(column.name());
    chunks.push_back(EncodeStrings(column.dictionary(), column.SeriesRuns(count),
                                   /*optional=*/true, context));
  }
  auto [keys, values] =
      EncodeOtherLabels(series->other_dictionary, series->other_sets, series->other_runs, context);
  chunks.push_back(std::move(keys));
  chunks.push_back(std::move(values));
  chunks.push_back(EncodeInts(series->series_ids, context));
  const auto integers = [&](int64_t SeriesExtent::* member, int64_t factor) {
    std::vector<int64_t> column;
    column.reserve(series->extents.size());
    for (const SeriesExtent& extent : series->extents) column.push_back(extent.*member * factor);
    chunks.push_back(EncodeInts(column, context));
  };
  integers(&SeriesExtent::row_start, 1);
  integers(&SeriesExtent::row_count, 1);
  integers(&SeriesExtent::min_time_ms, 1000);
  integers(&SeriesExtent::max_time_ms, 1000);
  integers(&SeriesExtent::stale_count, 1);
  return chunks;
}

}  // namespace

arrow::Result<FooterPlace> WriteIndexFile(std::unique_ptr<io::WritableFile> file,
                                          FileSeries* series, const WriterOptions& options,
                                          PageCompressor* compressor) {
  const int64_t series_count = series->size();
  const int64_t rows =
      series_count == 0 ? 0 : series->extents.back().row_start + series->extents.back().row_count;
  const bool with_values =
      !series->values.empty() && rows >= options.summary_min_rows * series_count;
  const ChunkContext context = ContextFor(options, compressor, /*series=*/true);
  std::vector<ColumnName> labels;
  std::vector<EncodedChunk> chunks = EncodeColumns(series, context, &labels);
  if (with_values) AddValueColumns(*series, context, &chunks);

  FileBuilder builder(std::move(file));
  FileMeta meta;
  meta.schema = SeriesSchema(labels, with_values);
  meta.rows = series_count;
  meta.key_values = FileKeyValues("series", labels, options.key_values);
  meta.key_values[std::string(kDataRowsKey)] = std::to_string(rows);
  if (series_count > 0) {
    RowGroupMeta group;
    group.rows = series_count;
    for (const EncodedChunk& chunk : chunks) {
      ARROW_ASSIGN_OR_RAISE(ChunkMeta chunk_meta, builder.WriteChunk(chunk));
      group.chunks.push_back(std::move(chunk_meta));
    }
    group.sorting = SortingOf(*series, labels);
    meta.row_groups.push_back(std::move(group));
  }
  return builder.Finish(std::move(meta));
}

}  // namespace larnax::columns
