#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <arrow/status.h>

namespace larnax::io {

/// Turn an errno into the Status that every FileSystem returns for it.
///
/// \param error   An errno, not 0.
/// \param action  What was tried, as in "read a file".
/// \return  kNotFound for ENOENT, kOverloaded for a full disk or quota, kUnsupported where the
///          file system does not know the call, else IOError; the message ends in
///          `path=... errno=... (text)`.
arrow::Status ErrnoError(int error, std::string_view action, const std::string& path);

/// The IOError for a read past the end of a file.
arrow::Status ShortReadError(const std::string& path, int64_t offset_bytes, int64_t wanted_bytes,
                             int64_t size_bytes);

}  // namespace larnax::io
