#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "columns/format/parquet_format.h"
#include "columns/schema/column_registry.h"

namespace larnax::columns {

/// Tables of an archive, and the indexes of three of them.
enum class SchemaTable {
  kSamples,
  kSeries,  ///< The index of `samples`.
  kHistograms,
  kHistogramsSeries,
  kExemplars,
  kExemplarsSeries,
  kMetadata,
};

/// Columns of `histograms` after `timestamp`, in order; `start_timestamp` and `stale` first.
inline constexpr std::string_view kCountColumn = "count";
inline constexpr std::string_view kSchemaColumn = "schema";
inline constexpr std::string_view kZeroThresholdColumn = "zero_threshold";
inline constexpr std::string_view kZeroCountColumn = "zero_count";
inline constexpr std::string_view kPositiveOffsetsColumn = "positive_span_offsets";
inline constexpr std::string_view kPositiveLengthsColumn = "positive_span_lengths";
inline constexpr std::string_view kPositiveBucketsColumn = "positive_buckets";
inline constexpr std::string_view kNegativeOffsetsColumn = "negative_span_offsets";
inline constexpr std::string_view kNegativeLengthsColumn = "negative_span_lengths";
inline constexpr std::string_view kNegativeBucketsColumn = "negative_buckets";
inline constexpr std::string_view kCustomBoundsColumn = "custom_bounds";
inline constexpr std::string_view kCounterResetHintColumn = "counter_reset_hint";
inline constexpr std::string_view kIsIntegerColumn = "is_integer";
inline constexpr std::string_view kCountIntColumn = "count_int";
inline constexpr std::string_view kZeroCountIntColumn = "zero_count_int";
inline constexpr std::string_view kPositiveBucketsIntColumn = "positive_buckets_int";
inline constexpr std::string_view kNegativeBucketsIntColumn = "negative_buckets_int";

/// Columns of `exemplars` after `timestamp` and `value`.
inline constexpr std::string_view kExemplarLabelsColumn = "exemplar_labels";

/// Columns of `metadata` after `metric`.
inline constexpr std::string_view kTypeColumn = "type";
inline constexpr std::string_view kHelpColumn = "help";
inline constexpr std::string_view kUnitColumn = "unit";
inline constexpr std::string_view kFirstSeenColumn = "first_seen";
inline constexpr std::string_view kLastSeenColumn = "last_seen";

/// Build the schema of a file. \param labels In the order in which they shall stand.
std::vector<SchemaNode> HistogramsSchema(std::span<const ColumnName> labels);
std::vector<SchemaNode> ExemplarsSchema(std::span<const ColumnName> labels);
std::vector<SchemaNode> MetadataSchema();

/// Name a table as `larnax.table` does.
std::string_view TableName(SchemaTable table);

/// Give labels the columns that they have in one table: the archive's, but for those that are
/// called (case ignored) like a column of the table itself; they are escaped as a ColumnRegistry
/// does it. What a label gets depends on the entries before it alone.
///
/// \param registry  In the order of their assignment.
std::vector<ColumnName> ColumnsIn(SchemaTable table, std::span<const ColumnName> registry);

/// Tell whether a column of strings is a table's own, not a label's.
bool IsStringColumnOf(std::string_view table_name, std::string_view column);

}  // namespace larnax::columns
