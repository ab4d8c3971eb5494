#include "columns/schema/schema.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "columns/schema/tables.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "larnax/labels.h"
#include "larnax/version.h"

namespace larnax::columns {
namespace {

bool IsOwnColumn(std::string_view name) {
  static constexpr std::array kOwn = {
      kSeriesIdColumn,   kTimestampColumn, kValueColumn,    kStaleColumn,   kStartTimestampColumn,
      kRowStartColumn,   kRowCountColumn,  kMinTimeColumn,  kMaxTimeColumn, kStaleCountColumn,
      kFirstValueColumn, kLastValueColumn, kLastTimeColumn, kSumColumn,     kMinColumn,
      kMaxColumn,        kResetsColumn};
  return std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end();
}

arrow::Status CorruptSchema(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("bad Parquet schema: ") + what);
}

}  // namespace

void AppendLabelColumns(std::span<const ColumnName> labels, std::vector<SchemaNode>* schema) {
  schema->push_back(
      MakeLeaf(kMetricColumn, PhysicalType::kBytes, Repetition::kRequired, LogicalType::kString));
  for (const ColumnName& label : labels) {
    schema->push_back(
        MakeLeaf(label.column, PhysicalType::kBytes, Repetition::kOptional, LogicalType::kString));
  }
  schema->push_back(
      {std::string(kOtherLabelsColumn), Repetition::kOptional, std::nullopt, LogicalType::kMap, 1});
  schema->push_back({"key_value", Repetition::kRepeated, std::nullopt, LogicalType::kNone, 2});
  schema->push_back(
      MakeLeaf("key", PhysicalType::kBytes, Repetition::kRequired, LogicalType::kString));
  schema->push_back(
      MakeLeaf("value", PhysicalType::kBytes, Repetition::kRequired, LogicalType::kString));
  schema->push_back(MakeLeaf(kSeriesIdColumn, PhysicalType::kInt64, Repetition::kRequired));
}

std::vector<SchemaNode> SamplesSchema(std::span<const ColumnName> labels) {
  std::vector<SchemaNode> schema{MakeRoot(labels.size() + 7)};
  AppendLabelColumns(labels, &schema);
  schema.push_back(MakeLeaf(kTimestampColumn, PhysicalType::kInt64, Repetition::kRequired,
                            LogicalType::kTimestampMicros));
  schema.push_back(MakeLeaf(kValueColumn, PhysicalType::kDouble, Repetition::kOptional));
  schema.push_back(MakeLeaf(kStaleColumn, PhysicalType::kBoolean, Repetition::kRequired));
  schema.push_back(MakeLeaf(kStartTimestampColumn, PhysicalType::kInt64, Repetition::kOptional,
                            LogicalType::kTimestampMicros));
  return schema;
}

std::vector<SchemaNode> SeriesSchema(std::span<const ColumnName> labels, bool with_values) {
  std::vector<SchemaNode> schema{MakeRoot(labels.size() + (with_values ? 15 : 8))};
  AppendLabelColumns(labels, &schema);
  const auto number = [&](std::string_view name, LogicalType logical = LogicalType::kNone) {
    schema.push_back(MakeLeaf(name, PhysicalType::kInt64, Repetition::kRequired, logical));
  };
  number(kRowStartColumn);
  number(kRowCountColumn);
  number(kMinTimeColumn, LogicalType::kTimestampMicros);
  number(kMaxTimeColumn, LogicalType::kTimestampMicros);
  number(kStaleCountColumn);
  if (!with_values) return schema;
  for (const auto name : {kFirstValueColumn, kLastValueColumn}) {
    schema.push_back(MakeLeaf(name, PhysicalType::kDouble, Repetition::kOptional));
  }
  schema.push_back(MakeLeaf(kLastTimeColumn, PhysicalType::kInt64, Repetition::kOptional,
                            LogicalType::kTimestampMicros));
  for (const auto name : {kSumColumn, kMinColumn, kMaxColumn}) {
    schema.push_back(MakeLeaf(name, PhysicalType::kDouble, Repetition::kOptional));
  }
  schema.push_back(MakeLeaf(kResetsColumn, PhysicalType::kInt64, Repetition::kOptional));
  return schema;
}

std::map<std::string, std::string> FileKeyValues(
    std::string_view table, std::span<const ColumnName> labels,
    const std::map<std::string, std::string>& additional) {
  std::map<std::string, std::string> result = additional;
  result[std::string(kFormatKey)] = std::to_string(kFormatVersion);
  result[std::string(kTableKey)] = table;
  std::string json = "{";
  for (const ColumnName& label : labels) {
    if (label.column == label.label) continue;
    if (json.size() > 1) json.push_back(',');
    AppendJsonString(label.column, &json);
    json.push_back(':');
    AppendJsonString(label.label, &json);
  }
  json.push_back('}');
  if (json.size() > 2) result[std::string(kColumnsKey)] = json;
  return result;
}

arrow::Result<std::vector<std::pair<size_t, std::string>>> LabelLeaves(
    const FileMeta& meta, std::span<const SchemaLeaf> leaves) {
  nlohmann::json escaped = nlohmann::json::object();
  if (const auto it = meta.key_values.find(std::string(kColumnsKey)); it != meta.key_values.end()) {
    escaped = nlohmann::json::parse(it->second, nullptr, /*allow_exceptions=*/false);
    if (!escaped.is_object()) return CorruptSchema("larnax.columns");
  }
  const auto table_entry = meta.key_values.find(std::string(kTableKey));
  const std::string_view table =
      table_entry == meta.key_values.end() ? std::string_view() : table_entry->second;
  std::vector<std::pair<size_t, std::string>> labels;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].path.size() != 1 || leaves[i].type != PhysicalType::kBytes) continue;
    const std::string& column = leaves[i].path[0];
    if (IsOwnColumn(column) || IsStringColumnOf(table, column)) continue;
    if (leaves[i].max_definition != (column == kMetricColumn ? 0 : 1)) {
      return CorruptSchema("label column");
    }
    std::string label = column == kMetricColumn ? std::string(kMetricLabel) : column;
    if (const auto it = escaped.find(column); it != escaped.end() && column != kMetricColumn) {
      if (!it->is_string()) return CorruptSchema("larnax.columns");
      label = it->get<std::string>();
    }
    labels.emplace_back(i, std::move(label));
  }
  for (const auto& [leaf, label] : labels) {
    if (!seen.insert(label).second) return CorruptSchema("a label has two columns");
  }
  return labels;
}

}  // namespace larnax::columns
