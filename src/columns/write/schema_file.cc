#include "columns/write/schema_file.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "columns/format/file_builder.h"
#include "columns/schema/schema.h"

namespace larnax::columns {
namespace {

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
