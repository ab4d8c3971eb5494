#pragma once

#include <arrow/result.h>

#include "columns/write/samples_writer.h"
#include "io/file_system.h"
#include "store/data_file.h"
#include "store/write/day_folders.h"

namespace larnax::store {

/// Write the index of a live file anew from its rows, and put it into the place of what is there of
/// the old one. Reads all rows.
///
/// \param options  Of the archive's files; `tier` is the file's.
/// \return What the manifest is to say of the file from then on: another version's index differs in
///         its footer at least. Until that is committed, the next opening does this again.
/// \retval kOverloaded  No room; of other errors, most are of the rows. In most of them nothing was
///                      changed.
arrow::Result<FileEntry> RebuildIndexOf(io::FileSystem& fs, const DayFolders& folders,
                                        const DataFile& file, columns::WriterOptions options);

}  // namespace larnax::store
