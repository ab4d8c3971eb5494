#pragma once

#include <cstdlib>
#include <string>

#include "columns/format/parquet_file.h"
#include "io/file_system.h"

namespace larnax::columns {

/// Tell whether golden files are to be written anew: LARNAX_UPDATE_GOLDEN=1 in the environment. A
/// change of theirs is a change of the format and belongs in docs/format.
inline bool IsUpdatingGolden() { return std::getenv("LARNAX_UPDATE_GOLDEN") != nullptr; }

/// The bytes of a file, the name of the software version in its footer left out.
inline std::string ComparableBytes(io::FileSystem& fs, const std::string& path) {
  const std::string bytes = io::ReadFile(fs, path).ValueOrDie();
  const auto file = ParquetFile::Open(fs.OpenReadable(path).ValueOrDie(), nullptr, 0).ValueOrDie();
  std::string result = bytes.substr(0, bytes.size() - static_cast<size_t>(file->footer_bytes()));
  FileMeta meta = file->meta();
  meta.created_by.clear();
  AppendFileMeta(meta, &result);
  return result;
}

}  // namespace larnax::columns
