#pragma once

#include <memory>
#include <string>

#include <arrow/result.h>

#include "store/data_file.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/version.h"

namespace larnax::db {

/// Read the newest manifest of an archive, whether or not a writer has it open.
///
/// Files of the version may be merged away at any time; see store::DataFile::PathIn.
arrow::Result<std::shared_ptr<const store::Version>> ReadVersion(const std::string& path);

/// Find where a file of a version is: in its day's folder, or in `retired` while a writer swaps
/// that folder (also where the writer died before it committed the swap: the next opening swaps it
/// back).
///
/// \retval kNotFound In neither place; if a writer has the archive open, it was merged away.
arrow::Result<std::string> FindFile(const store::DataFile& file, store::Tree tree);

}  // namespace larnax::db
