#pragma once

#include <memory>
#include <string>

#include <arrow/result.h>

#include "store/version.h"

namespace larnax::db {

/// Read the newest manifest of an archive, whether or not a writer has it open.
///
/// Files of the version may be merged away at any time; see store::DataFile::PathIn.
arrow::Result<std::shared_ptr<const store::Version>> ReadVersion(const std::string& path);

}  // namespace larnax::db
