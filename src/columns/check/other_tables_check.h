#pragma once

#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/format/file_builder.h"
#include "columns/write/writer_options.h"
#include "io/file_system.h"

namespace larnax::columns {

/// Check a data file of the table `histograms` and its index, as VerifyFile does for `samples`:
/// every page checksum, order of series and times, `series_id`, `stale`, statistics, that lists
/// have the lengths that the spans tell, and that the index says what the data file holds.
///
/// \return One sentence per problem, at most 100; empty when all is well. Fails only where the
///         files cannot be opened or read at all by the operating system.
arrow::Result<std::vector<std::string>> VerifyHistogramsFile(io::FileSystem& fs,
                                                             const std::string& data_path,
                                                             const std::string& series_path);
/// The same for the table `exemplars`.
arrow::Result<std::vector<std::string>> VerifyExemplarsFile(io::FileSystem& fs,
                                                            const std::string& data_path,
                                                            const std::string& series_path);
/// The same for the table `metadata`, which has no index.
arrow::Result<std::vector<std::string>> VerifyMetadataFile(io::FileSystem& fs,
                                                           const std::string& path);

/// Write the index of a data file of the table `histograms` or `exemplars` anew from the data file
/// alone; byte for byte what this version would have written with the same options.
///
/// \retval kCorrupt The data file is damaged.
arrow::Result<FooterPlace> RebuildIndexWithoutValues(io::FileSystem& fs,
                                                     const std::string& data_path,
                                                     const std::string& series_path,
                                                     const WriterOptions& options);

}  // namespace larnax::columns
