#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_format.h"
#include "columns/format/schema_tree.h"
#include "columns/schema/column_registry.h"

namespace larnax::columns {

inline constexpr std::string_view kMetricColumn = "metric";
inline constexpr std::string_view kOtherLabelsColumn = "other_labels";
inline constexpr std::string_view kSeriesIdColumn = "series_id";

/// Columns of `samples` after the labels, in order; `other_labels` and `series_id` before them.
inline constexpr std::string_view kTimestampColumn = "timestamp";
inline constexpr std::string_view kValueColumn = "value";
inline constexpr std::string_view kStaleColumn = "stale";
inline constexpr std::string_view kStartTimestampColumn = "start_timestamp";

/// Columns of `series` after the labels; the last seven only in files with value summaries.
inline constexpr std::string_view kRowStartColumn = "row_start";
inline constexpr std::string_view kRowCountColumn = "row_count";
inline constexpr std::string_view kMinTimeColumn = "min_time";
inline constexpr std::string_view kMaxTimeColumn = "max_time";
inline constexpr std::string_view kStaleCountColumn = "stale_count";
inline constexpr std::string_view kFirstValueColumn = "first_value";
inline constexpr std::string_view kLastValueColumn = "last_value";
inline constexpr std::string_view kLastTimeColumn = "last_time";
inline constexpr std::string_view kSumColumn = "sum";
inline constexpr std::string_view kMinColumn = "min";
inline constexpr std::string_view kMaxColumn = "max";
inline constexpr std::string_view kResetsColumn = "resets";

/// Keys of the key-value metadata.
inline constexpr std::string_view kFormatKey = "larnax.format";
inline constexpr std::string_view kTableKey = "larnax.table";
inline constexpr std::string_view kColumnsKey = "larnax.columns";
/// Rows of the data file; in `series` files only.
inline constexpr std::string_view kDataRowsKey = "larnax.data_rows";

/// Longest string that is written as a minimum or maximum.
inline constexpr size_t kMaxBoundBytes = 256;

/// Append the columns that every table of series begins with: `metric`, labels, `other_labels`,
/// `series_id`.
void AppendLabelColumns(std::span<const ColumnName> labels, std::vector<SchemaNode>* schema);

/// Build the schema of a `samples` file. \param labels In the order in which they shall stand.
std::vector<SchemaNode> SamplesSchema(std::span<const ColumnName> labels);
/// Build the schema of a `series` file.
std::vector<SchemaNode> SeriesSchema(std::span<const ColumnName> labels, bool with_values);

/// Make the key-value metadata of a file; `larnax.columns` tells the true names of escaped columns.
std::map<std::string, std::string> FileKeyValues(
    std::string_view table, std::span<const ColumnName> labels,
    const std::map<std::string, std::string>& additional);

/// Find which leaves hold labels, and the labels' true names: pairs of leaf index and label, in
/// schema order; `metric` (as `__name__`) among them, `other_labels` not.
///
/// \retval kCorrupt `larnax.columns` is no JSON object of strings, or a label occurs twice.
arrow::Result<std::vector<std::pair<size_t, std::string>>> LabelLeaves(
    const FileMeta& meta, std::span<const SchemaLeaf> leaves);

}  // namespace larnax::columns
