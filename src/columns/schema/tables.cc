#include "columns/schema/tables.h"

#include <string>
#include <unordered_set>

#include "columns/schema/schema.h"

namespace larnax::columns {
namespace {

void AppendList(std::string_view name, PhysicalType type, Repetition repetition,
                std::vector<SchemaNode>* schema) {
  schema->push_back({std::string(name), repetition, std::nullopt, LogicalType::kList, 1});
  schema->push_back({"list", Repetition::kRepeated, std::nullopt, LogicalType::kNone, 1});
  schema->push_back(MakeLeaf("element", type, Repetition::kRequired));
}

void AppendMap(std::string_view name, std::vector<SchemaNode>* schema) {
  schema->push_back({std::string(name), Repetition::kOptional, std::nullopt, LogicalType::kMap, 1});
  schema->push_back({"key_value", Repetition::kRepeated, std::nullopt, LogicalType::kNone, 2});
  for (const char* part : {"key", "value"}) {
    schema->push_back(
        MakeLeaf(part, PhysicalType::kBytes, Repetition::kRequired, LogicalType::kString));
  }
}

void AppendTime(std::string_view name, Repetition repetition, std::vector<SchemaNode>* schema) {
  schema->push_back(
      MakeLeaf(name, PhysicalType::kInt64, repetition, LogicalType::kTimestampMicros));
}

/// Top-level columns of a schema but the label columns.
std::vector<std::string> OwnColumns(const std::vector<SchemaNode>& schema) {
  std::vector<std::string> names;
  for (size_t i = 1; i < schema.size(); ++i) {
    names.push_back(schema[i].name);
    // Skip what is below; the trees here are chains that end in leaves.
    if (schema[i].type.has_value()) continue;
    size_t open = static_cast<size_t>(schema[i].num_children);
    while (open > 0) {
      ++i;
      open += static_cast<size_t>(schema[i].num_children);
      --open;
    }
  }
  return names;
}

}  // namespace

std::vector<SchemaNode> HistogramsSchema(std::span<const ColumnName> labels) {
  constexpr auto kRequired = Repetition::kRequired;
  constexpr auto kOptional = Repetition::kOptional;
  std::vector<SchemaNode> schema{MakeRoot(labels.size() + 24)};
  AppendLabelColumns(labels, &schema);
  AppendTime(kTimestampColumn, kRequired, &schema);
  AppendTime(kStartTimestampColumn, kOptional, &schema);
  schema.push_back(MakeLeaf(kStaleColumn, PhysicalType::kBoolean, kRequired));
  schema.push_back(MakeLeaf(kCountColumn, PhysicalType::kDouble, kOptional));
  schema.push_back(MakeLeaf(kSumColumn, PhysicalType::kDouble, kOptional));
  schema.push_back(MakeLeaf(kSchemaColumn, PhysicalType::kInt32, kRequired));
  schema.push_back(MakeLeaf(kZeroThresholdColumn, PhysicalType::kDouble, kOptional));
  schema.push_back(MakeLeaf(kZeroCountColumn, PhysicalType::kDouble, kOptional));
  AppendList(kPositiveOffsetsColumn, PhysicalType::kInt32, kRequired, &schema);
  AppendList(kPositiveLengthsColumn, PhysicalType::kInt32, kRequired, &schema);
  AppendList(kPositiveBucketsColumn, PhysicalType::kDouble, kRequired, &schema);
  AppendList(kNegativeOffsetsColumn, PhysicalType::kInt32, kRequired, &schema);
  AppendList(kNegativeLengthsColumn, PhysicalType::kInt32, kRequired, &schema);
  AppendList(kNegativeBucketsColumn, PhysicalType::kDouble, kRequired, &schema);
  AppendList(kCustomBoundsColumn, PhysicalType::kDouble, kOptional, &schema);
  schema.push_back(
      MakeLeaf(kCounterResetHintColumn, PhysicalType::kBytes, kRequired, LogicalType::kString));
  schema.push_back(MakeLeaf(kIsIntegerColumn, PhysicalType::kBoolean, kRequired));
  schema.push_back(MakeLeaf(kCountIntColumn, PhysicalType::kInt64, kOptional));
  schema.push_back(MakeLeaf(kZeroCountIntColumn, PhysicalType::kInt64, kOptional));
  AppendList(kPositiveBucketsIntColumn, PhysicalType::kInt64, kOptional, &schema);
  AppendList(kNegativeBucketsIntColumn, PhysicalType::kInt64, kOptional, &schema);
  return schema;
}

std::vector<SchemaNode> ExemplarsSchema(std::span<const ColumnName> labels) {
  std::vector<SchemaNode> schema{MakeRoot(labels.size() + 6)};
  AppendLabelColumns(labels, &schema);
  AppendTime(kTimestampColumn, Repetition::kRequired, &schema);
  schema.push_back(MakeLeaf(kValueColumn, PhysicalType::kDouble, Repetition::kOptional));
  AppendMap(kExemplarLabelsColumn, &schema);
  return schema;
}

std::vector<SchemaNode> MetadataSchema() {
  std::vector<SchemaNode> schema{MakeRoot(6)};
  for (const auto name : {kMetricColumn, kTypeColumn, kHelpColumn, kUnitColumn}) {
    schema.push_back(
        MakeLeaf(name, PhysicalType::kBytes, Repetition::kRequired, LogicalType::kString));
  }
  AppendTime(kFirstSeenColumn, Repetition::kRequired, &schema);
  AppendTime(kLastSeenColumn, Repetition::kRequired, &schema);
  return schema;
}

std::string_view TableName(SchemaTable table) {
  switch (table) {
    case SchemaTable::kSamples:
      return "samples";
    case SchemaTable::kHistograms:
      return "histograms";
    case SchemaTable::kExemplars:
      return "exemplars";
    case SchemaTable::kMetadata:
      return "metadata";
    case SchemaTable::kSeries:
    case SchemaTable::kHistogramsSeries:
    case SchemaTable::kExemplarsSeries:
      return "series";
  }
  return {};
}

std::vector<ColumnName> ColumnsIn(SchemaTable table, std::span<const ColumnName> registry) {
  std::vector<ColumnName> columns(registry.begin(), registry.end());
  std::vector<std::string> own;
  if (table == SchemaTable::kHistograms || table == SchemaTable::kHistogramsSeries) {
    own = OwnColumns(HistogramsSchema({}));
  } else if (table == SchemaTable::kExemplars || table == SchemaTable::kExemplarsSeries) {
    own = OwnColumns(ExemplarsSchema({}));
  }
  std::unordered_set<std::string> taken;
  for (const std::string& name : own) taken.insert(FoldColumnName(name));
  for (ColumnName& entry : columns) {
    for (int suffix = 1; taken.contains(FoldColumnName(entry.column)); ++suffix) {
      entry.column = entry.label + "_label";
      if (suffix > 1) entry.column += std::to_string(suffix);
    }
    taken.insert(FoldColumnName(entry.column));
  }
  return columns;
}

bool IsStringColumnOf(std::string_view table_name, std::string_view column) {
  if (table_name == TableName(SchemaTable::kHistograms)) return column == kCounterResetHintColumn;
  return table_name == TableName(SchemaTable::kMetadata);
}

}  // namespace larnax::columns
