#pragma once

#include <string>
#include <vector>

#include <arrow/status.h>

#include "columns/schema/column_registry.h"
#include "columns/schema/tables.h"
#include "io/file_system.h"

namespace larnax::columns {

/// Write the zero-row file `00-schema.parquet`, whose columns are the union of a folder's: a reader
/// that takes the first file's columns then sees all. Syncs and closes the file.
///
/// \param columns  Of the archive's registry, in its order.
arrow::Status WriteSchemaFile(io::FileSystem& fs, const std::string& path,
                              const std::vector<ColumnName>& columns,
                              SchemaTable table = SchemaTable::kSamples);

}  // namespace larnax::columns
