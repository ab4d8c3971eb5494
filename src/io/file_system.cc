#include "io/file_system.h"

#include "larnax/error.h"

namespace larnax::io {

arrow::Result<std::string> ReadFile(FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, fs.OpenReadable(path));
  std::string content(static_cast<size_t>(file->size_bytes()), '\0');
  ARROW_RETURN_NOT_OK(
      file->ReadAt(0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  return content;
}

arrow::Status ReplaceFile(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  // Left over when an earlier call failed or the process died.
  if (const auto removed = fs.RemoveFile(temporary);
      !removed.ok() && KindOf(removed) != ErrorKind::kNotFound) {
    return removed;
  }
  ARROW_ASSIGN_OR_RAISE(const auto file, fs.Create(temporary));
  ARROW_RETURN_NOT_OK(
      file->Append({reinterpret_cast<const uint8_t*>(content.data()), content.size()}));
  ARROW_RETURN_NOT_OK(file->Sync());
  ARROW_RETURN_NOT_OK(file->Close());
  ARROW_RETURN_NOT_OK(fs.Rename(temporary, path));
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return fs.SyncDirectory(".");
  return fs.SyncDirectory(slash == 0 ? "/" : path.substr(0, slash));
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
  while (name.starts_with('/')) name.remove_prefix(1);
  std::string path(folder);
  if (!path.empty() && !path.ends_with('/')) path += '/';
  path += name;
  return path;
}

}  // namespace larnax::io
