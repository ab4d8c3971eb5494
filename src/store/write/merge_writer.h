#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/column_registry.h"
#include "columns/write/samples_writer.h"
#include "io/file_system.h"
#include "store/write/day_folders.h"
#include "store/write/merge_picker.h"
#include "store/write/new_files.h"

namespace larnax::store {

/// How a merge writes.
struct MergeSettings {
  std::vector<columns::ColumnName> columns;
  columns::WriterOptions options;  ///< `tier` is the job's.
  int64_t max_file_bytes = 256 << 20;
  int64_t now_ms = 0;
  const std::atomic<bool>* cancelled = nullptr;  ///< Give up with kCancelled; may be null.
};

/// Write the rows of a job's runs, of all tables, into new files in `staging`, in file order; of
/// equal series and time the highest sequence stays, whether float or histogram; of equal exemplars
/// one. Holds a few million rows in memory, however large the job (but
/// one series of one day whole).
///
/// \param outputs  On failure too, then with nothing but the name.
arrow::Status WriteMerge(io::FileSystem& fs, const DayFolders& folders, FileNames& names,
                         const MergeJob& job, const MergeSettings& settings,
                         std::vector<NewFile>* outputs);

}  // namespace larnax::store
