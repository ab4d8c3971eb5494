#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/format/file_builder.h"
#include "columns/write/writer_options.h"
#include "io/file_system.h"

namespace larnax::columns {

/// Write the index of a data file anew from the data file alone. The result equals, byte for byte,
/// the index that this version would have written with the same options. \return Its end.
///
/// \retval kCorrupt The data file is damaged.
arrow::Result<FooterPlace> RebuildIndex(io::FileSystem& fs, const std::string& data_path,
                                        const std::string& series_path,
                                        const WriterOptions& options);

/// Check a data file and its index: every page checksum, order of series and times, `series_id`,
/// `stale`, statistics, and that the index says what the data file holds.
///
/// \return One sentence per problem, at most 100; empty when all is well. Fails only where the
///         files cannot be opened or read at all by the operating system.
arrow::Result<std::vector<std::string>> VerifyFile(io::FileSystem& fs, const std::string& data_path,
                                                   const std::string& series_path);

/// One column of a file, all row groups together.
struct ColumnReport {
  std::string name;   ///< Path in the schema, parts joined by '.'.
  std::string label;  ///< The label it holds, or empty.
  int64_t compressed_bytes = 0;
  int64_t uncompressed_bytes = 0;
  int64_t pages = 0;  ///< Data and dictionary pages.
  int64_t null_count = 0;
  std::vector<std::string> encodings;  ///< Names as in the Parquet specification, sorted.
};

/// What a file is made of.
struct FileReport {
  std::string path;
  std::string created_by;
  int64_t file_bytes = 0;
  int64_t footer_bytes = 0;
  int64_t rows = 0;
  int64_t row_groups = 0;
  std::vector<ColumnReport> columns;  ///< In schema order.
  std::map<std::string, std::string> key_values;
};

/// Describe any file that this room writes; reads its footer and page headers.
arrow::Result<FileReport> InspectFile(io::FileSystem& fs, const std::string& path);

}  // namespace larnax::columns
