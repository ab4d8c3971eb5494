#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

namespace larnax::io {

/// A file open for reading at any place. Safe to use from several threads.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// Read exactly `out.size()` bytes at `offset_bytes`.
  ///
  /// \retval IOError The file is shorter, or the disk failed; the message names path and offset.
  virtual arrow::Status ReadAt(int64_t offset_bytes, std::span<uint8_t> out) const = 0;
  /// Say that a range will soon be read, so that the disk can begin; returns at once. Ranges asked
  /// for one after the other come in the time of one. Only a hint, that may do nothing.
  virtual void WillRead(int64_t /*offset_bytes*/, int64_t /*size_bytes*/) const {}
  virtual int64_t size_bytes() const = 0;
  virtual const std::string& path() const = 0;
};

/// A file open for appending. Not safe to use from two threads at once.
class WritableFile {
 public:
  /// Closes without syncing.
  virtual ~WritableFile() = default;
  /// Append; after an error the file's end is unknown and the file must be given up.
  virtual arrow::Status Append(std::span<const uint8_t> bytes) = 0;
  /// Wait until content and size are on disk (fdatasync). After an error nothing since the last
  /// good Sync may be trusted, and the file must be given up.
  virtual arrow::Status Sync() = 0;
  virtual arrow::Status Close() = 0;
  virtual int64_t size_bytes() const = 0;
  virtual const std::string& path() const = 0;
};

/// Held while one process owns a directory; released when destroyed or when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;  ///< Without folder.
  bool is_directory = false;
  int64_t size_bytes = 0;
};

/// The file system as the storage rooms see it; paths are separated by '/'.
///
/// What a power cut leaves: of a file, what was synced, and any part of what was not (in any
/// order, holes read as zeros); of a directory, the entries at its last SyncDirectory, and any
/// part of the changes since, each change (a rename too) wholly or not at all. A file's content
/// and its entry are synced apart: a new file needs both. Safe to use from several threads. All
/// errors name the path and the errno: a missing file is kNotFound, a full disk kOverloaded, a
/// call the file system does not know kUnsupported, anything else IOError.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual arrow::Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) = 0;
  /// Create a file that does not exist yet; its parent must exist.
  virtual arrow::Result<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  /// Shorten a file to at most its size and sync it.
  virtual arrow::Status Truncate(const std::string& path, int64_t size_bytes) = 0;

  /// Bring what can be read of a file from `offset_bytes` on to disk, for good: write the same
  /// bytes again in place, then sync. Once a sync has failed, perhaps that of a process that is
  /// gone, another sync alone would not do it.
  virtual arrow::Status RewriteAndSync(const std::string& path, int64_t offset_bytes) = 0;

  /// Move; an existing file at `to` is replaced.
  virtual arrow::Status Rename(const std::string& from, const std::string& to) = 0;
  /// Swap two directories in one step.
  ///
  /// \retval kUnsupported The file system cannot.
  virtual arrow::Status Exchange(const std::string& a, const std::string& b) = 0;
  /// Give a file a second name.
  virtual arrow::Status Link(const std::string& from, const std::string& to) = 0;
  virtual arrow::Status RemoveFile(const std::string& path) = 0;
  /// Remove an empty directory.
  virtual arrow::Status RemoveDirectory(const std::string& path) = 0;
  /// Create a directory and its parents; one that exists is fine. Each parent is synced after
  /// an entry was made in it, and before anything is made below that entry, so that a call that
  /// succeeds leaves directories that survive a power cut, whatever became of calls before it.
  virtual arrow::Status MakeDirectories(const std::string& path) = 0;
  /// Wait until the directory's entries are on disk.
  virtual arrow::Status SyncDirectory(const std::string& path) = 0;

  /// List a directory, sorted by name.
  virtual arrow::Result<std::vector<DirectoryEntry>> List(const std::string& path) = 0;
  virtual arrow::Result<bool> Exists(const std::string& path) = 0;
  /// Free bytes on the disk that holds `path`.
  virtual arrow::Result<int64_t> FreeBytes(const std::string& path) = 0;
  /// Take the lock file at `path`, writing `content` into it.
  ///
  /// \retval kClosed It is held already, here or by another process; the message shows the
  ///         content that the holder wrote.
  virtual arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                        std::string_view content) = 0;
  /// Tell what the holder of the lock file at `path` wrote into it; none where nobody holds it.
  virtual arrow::Result<std::optional<std::string>> LockHolder(const std::string& path) = 0;
};

/// Read a whole file.
arrow::Result<std::string> ReadFile(FileSystem& fs, const std::string& path);

/// Replace a small file so that a power cut leaves the old or the new content: write
/// `path + ".tmp"`, sync, rename, sync the folder.
arrow::Status ReplaceFile(FileSystem& fs, const std::string& path, std::string_view content);

/// Join two parts of a path with one '/'.
std::string JoinPath(std::string_view folder, std::string_view name);

/// The real file system.
FileSystem& RealFileSystem();

}  // namespace larnax::io
