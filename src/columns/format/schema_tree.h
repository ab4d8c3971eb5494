#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_format.h"

namespace larnax::columns {

/// Most rows of a row group, and so most series of a file.
inline constexpr int64_t kMaxRowGroupRows = int64_t{1} << 24;

/// One leaf of a schema with its levels.
struct SchemaLeaf {
  std::vector<std::string> path;
  PhysicalType type = PhysicalType::kInt64;
  LogicalType logical = LogicalType::kNone;
  int max_definition = 0;
  int max_repetition = 0;
};

/// List the leaves of a flattened schema.
///
/// \retval kCorrupt The nodes are no tree of at most 16 levels.
arrow::Result<std::vector<SchemaLeaf>> LeavesOf(std::span<const SchemaNode> schema);

/// Make a leaf of a schema.
SchemaNode MakeLeaf(std::string_view name, PhysicalType type, Repetition repetition,
                    LogicalType logical = LogicalType::kNone);
/// Make the root of a schema with so many top-level columns.
SchemaNode MakeRoot(size_t num_children);

/// `created_by` of the files: `larnax version <v> (build <revision>)`.
std::string CreatedBy();

}  // namespace larnax::columns
