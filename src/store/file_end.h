#pragma once

#include <cstdint>

#include <arrow/status.h>

#include "io/file_system.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/manifest.h"

namespace larnax::store {

/// What the manifest says of a file's end; no page's checksum covers it.
struct FileEnd {
  int64_t bytes = 0;  ///< Of the file.
  int64_t footer_bytes = 0;
  uint32_t footer_crc32c = 0;
};

/// What the manifest says of the rows or of the index.
FileEnd EndOf(const FileEntry& entry, Tree tree);

/// Check size and footer of a file.
///
/// \retval kCorrupt It is not the one that is listed. The message says what differs, not the path.
arrow::Status CheckEnd(const io::ReadableFile& file, const FileEnd& listed);

}  // namespace larnax::store
