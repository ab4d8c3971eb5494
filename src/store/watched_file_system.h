#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace larnax::store {

/// A file system for tests that calls a hook before each change, can end the process at one, and
/// can lack Exchange. What was opened through it dies with it.
class WatchedFileSystem final : public io::FileSystem {
 public:
  explicit WatchedFileSystem(io::FileSystem* base) : base_(base) {}

  /// Called with each change's name before it happens; false: the process ends here, this and all
  /// later calls fail.
  std::function<bool(const std::string& operation)> before_change;
  /// Called after each change that succeeded.
  std::function<void(const std::string& operation)> after_change;
  /// Called before a file is opened to be read.
  std::function<void(const std::string& path)> before_open;
  /// Let Exchange fail as on a file system that does not know it.
  bool lacks_exchange = false;

  arrow::Result<std::unique_ptr<io::ReadableFile>> OpenReadable(const std::string& path) override;
  arrow::Result<std::unique_ptr<io::WritableFile>> Create(const std::string& path) override;
  arrow::Status Truncate(const std::string& path, int64_t size_bytes) override;
  arrow::Status RewriteAndSync(const std::string& path, int64_t offset_bytes) override;
  arrow::Status Rename(const std::string& from, const std::string& to) override;
  arrow::Status Exchange(const std::string& a, const std::string& b) override;
  arrow::Status Link(const std::string& from, const std::string& to) override;
  arrow::Status RemoveFile(const std::string& path) override;
  arrow::Status RemoveDirectory(const std::string& path) override;
  arrow::Status MakeDirectories(const std::string& path) override;
  arrow::Status SyncDirectory(const std::string& path) override;
  arrow::Result<std::vector<io::DirectoryEntry>> List(const std::string& path) override;
  arrow::Result<bool> Exists(const std::string& path) override;
  arrow::Result<int64_t> FreeBytes(const std::string& path) override;
  arrow::Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path,
                                                    std::string_view content) override;
  arrow::Result<std::optional<std::string>> LockHolder(const std::string& path) override;

  /// Run a change of a file that was opened through this.
  arrow::Status Change(const std::string& operation, const std::function<arrow::Status()>& run);

 private:
  arrow::Status CheckAlive() const;

  io::FileSystem* const base_;
  bool is_dead_ = false;
};

}  // namespace larnax::store
