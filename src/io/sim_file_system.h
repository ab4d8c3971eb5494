#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "io/random.h"
#include "io/sim_clock.h"
#include "io/sim_disk.h"

namespace larnax::io {

/// Kinds of calls that a SimFileSystem can be told to fail.
enum class SimOperation {
  kWrite,
  kSync,    ///< Of files and of directories.
  kCreate,  ///< Also taking a lock.
  kRename,  ///< Also exchanges and links.
  kTruncate,
  kRead,
  kOpen,  ///< For reading.
  kList,  ///< Also asking whether something exists, and for free space.
  kMakeDirectory,
  kRemove,
};
inline constexpr size_t kSimOperationCount = 10;

/// How such a call fails.
enum class SimError {
  kIo,        ///< EIO, an IOError.
  kDiskFull,  ///< ENOSPC, kOverloaded.
  kReadOnly,  ///< EROFS, an IOError.
};

/// A file system in memory that behaves like a real one, fails as it is told, and suffers power
/// cuts. What it does depends on the seed and on the calls alone.
///
/// What a power cut may leave is written down at SimDisk. A failed sync is as on Linux: the bytes
/// may or may not reach the disk, and no later sync brings them there. A failed write may leave
/// a first part of its bytes. Safe to use from several threads.
class SimFileSystem final : public FileSystem {
 public:
  explicit SimFileSystem(uint64_t seed);
  ~SimFileSystem() override;

  /// Cut the power: drop to a state that may be left, end all handles and locks.
  void Crash();
  /// End the process: all that was written stays, handles and locks end.
  void Kill();

  /// Let the `nth` call of this kind from now on fail (1: the next one), once.
  void FailNth(SimOperation operation, int64_t nth, SimError error);
  /// Let each call of this kind fail with this probability; 0 ends it.
  void FailRandomly(SimOperation operation, double probability, SimError error);
  /// Let what FailNth and FailRandomly have set strike only at paths that hold this text.
  void set_failing_part(std::string path_part);
  /// Forget all that these three have set.
  void ClearFailures();
  /// Let syncs of files and directories succeed without doing anything.
  void set_lying_sync(bool is_lying);
  /// Let each call that changes the disk fail, as after an error that made the system mount it
  /// read-only: what was not synced is given up.
  void set_read_only(bool is_read_only);
  /// Let calls pass by all that fails, lies or takes time, so that a test can look at the disk.
  void set_faultless(bool is_faultless);
  /// Let this say where faults are counted; it must outlive the file system. Not set: in
  /// counters().
  void set_counters_of(SimCountersOf counters_of);
  /// Take over what another disk holds now, all of it durable, and none of its faults.
  void CopyFrom(const SimFileSystem& other);
  /// Tell contents apart: no file of this disk ever has the same version and another content.
  arrow::Result<uint64_t> ContentVersion(const std::string& path) const;
  /// Bound the bytes of all files; nullopt: unbounded. A write that does not fit leaves the part
  /// that does and fails as kDiskFull; creating files and directories needs one byte free.
  void set_capacity_bytes(std::optional<int64_t> capacity_bytes);
  /// Let each call but those of `kList` take this long on a clock, which must
  /// outlive the file system; 0 ends it.
  void set_operation_time(SimClock* clock, int64_t time_ns);
  /// Flip bits of one byte of a file, on disk and in what is read.
  ///
  /// \retval IOError The file is shorter.
  arrow::Status Corrupt(const std::string& path, int64_t offset_bytes, uint8_t mask = 1);

  SimCounters counters() const;

  arrow::Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override;
  arrow::Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  arrow::Status Truncate(const std::string& path, int64_t size_bytes) override;
  arrow::Status RewriteAndSync(const std::string& path, int64_t offset_bytes) override;
  arrow::Status Rename(const std::string& from, const std::string& to) override;
  arrow::Status Exchange(const std::string& a, const std::string& b) override;
  arrow::Status Link(const std::string& from, const std::string& to) override;
  arrow::Status RemoveFile(const std::string& path) override;
  arrow::Status RemoveDirectory(const std::string& path) override;
  arrow::Status MakeDirectories(const std::string& path) override;
  arrow::Status SyncDirectory(const std::string& path) override;
  arrow::Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  arrow::Result<bool> Exists(const std::string& path) override;
  arrow::Result<int64_t> FreeBytes(const std::string& path) override;
  arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                std::string_view content) override;
  arrow::Result<std::optional<std::string>> LockHolder(const std::string& path) override;

 private:
  friend class SimReadableFile;
  friend class SimWritableFile;
  friend class SimFileLock;

  using InodePointer = std::shared_ptr<SimInode>;

  struct Failure {
    int64_t countdown = 0;  ///< 0: none planned.
    SimError countdown_error = SimError::kIo;
    double probability = 0;
    SimError random_error = SimError::kIo;
  };

  /// A place in a directory: the directory, the name, and what is there (may be null).
  struct Place {
    InodePointer directory;
    std::string name;
    InodePointer inode;
  };

  // All below need `mutex_`.
  std::optional<int> TakeFailure(SimOperation operation, const std::string& path);
  arrow::Status FailIfTold(SimOperation operation, std::string_view action,
                           const std::string& path);
  void TakeTime(const std::string& path);
  SimCounters& CountersOf(const std::string& path) {
    return counters_of_ ? counters_of_(path) : counters_;
  }
  arrow::Result<Place> Find(const std::string& path, std::string_view action) const;
  arrow::Result<Place> FindFile(const std::string& path, std::string_view action) const;
  arrow::Status CheckRoom(std::string_view action, const std::string& path);
  arrow::Status SyncInode(const InodePointer& inode, const std::string& path);
  arrow::Status AppendTo(SimInode& file, std::span<const uint8_t> bytes, const std::string& path);
  arrow::Status RemoveInode(const std::string& path, bool is_directory, std::string_view action);

  mutable std::mutex mutex_;
  SimDisk disk_;
  mutable Random random_;
  SimCounters counters_;
  std::array<Failure, kSimOperationCount> failures_;
  std::string failing_part_;
  SimCountersOf counters_of_;
  bool is_lying_ = false;
  bool is_read_only_ = false;
  bool is_faultless_ = false;
  std::optional<int64_t> capacity_bytes_;
  SimClock* clock_ = nullptr;
  int64_t operation_time_ns_ = 0;
  uint64_t process_ = 0;  ///< Counts crashes and kills; handles of an earlier one are dead.
  std::set<SimInode*> locked_;
};

}  // namespace larnax::io
