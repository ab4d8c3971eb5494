#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/column_registry.h"
#include "columns/write/metadata_file.h"
#include "columns/write/samples_writer.h"
#include "head/head.h"
#include "io/file_system.h"
#include "store/manifest/manifest.h"
#include "store/manifest/version.h"
#include "store/write/day_folders.h"
#include "store/write/new_files.h"

namespace larnax::store {

/// What one flush writes: of each table what a generation has in some days.
struct FlushJob {
  std::shared_ptr<const Version> version;  ///< Files that may hold the same samples already.
  const head::FrozenGeneration* generation = nullptr;
  /// Rows for the table `metadata`, in its order; written by WriteMetadata.
  std::span<const columns::MetadataRow> metadata;
  std::span<const int64_t> days;  ///< As DaysOf gives them: all, or some neighbours.
  std::vector<columns::ColumnName> columns;
  columns::WriterOptions options;
  std::shared_ptr<const KnownLabels> last_labels;  ///< Of an earlier flush, to be shared; or null.
  int64_t sequence = 0;
  int64_t now_ms = 0;
};

/// Write the rows of a job into a file in `staging`. \param file  On failure with nothing but the
/// name.
arrow::Status WriteMetadata(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                            const FlushJob& job, MetadataEntry* file);

/// Days that a generation has anything of, ascending.
std::vector<int64_t> DaysOf(const head::Generation& generation);

/// Write the samples, histograms and exemplars of some days into one sorted file a day and table,
/// in `staging`. Those that files have already, with the same bits, are left out.
///
/// \param files  One a day and table, on failure too, then with nothing but table and name. One
///               without rows stands for a day of which nothing was left; it is to be removed.
arrow::Status WriteFlush(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                         const FlushJob& job, std::vector<NewFile>* files);

}  // namespace larnax::store
