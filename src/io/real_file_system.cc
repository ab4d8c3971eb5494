#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "io/file_system.h"
#include "io/io_error.h"
#include "larnax/error.h"

namespace larnax::io {
namespace {

// Linux transfers at most about 2 GiB a call; smaller steps also keep a signal's delay short.
constexpr size_t kMaxTransferBytes = size_t{1} << 30;
// LockHolder shares a lock for a moment, which is to keep nobody from it.
constexpr int kLockAttempts = 50;
constexpr std::chrono::milliseconds kLockPause{1};

template <typename Call>
auto RetryInterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

arrow::Result<Descriptor> OpenDescriptor(const std::string& path, int flags,
                                         std::string_view action) {
  const int fd =
      RetryInterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode_t{0666}); });
  if (fd < 0) return ErrnoError(errno, action, path);
  return Descriptor(fd);
}

arrow::Status WriteAt(int fd, int64_t offset_bytes, std::span<const uint8_t> bytes,
                      const std::string& path) {
  while (!bytes.empty()) {
    const size_t step = std::min(bytes.size(), kMaxTransferBytes);
    const ssize_t written =
        RetryInterrupted([&] { return ::pwrite(fd, bytes.data(), step, offset_bytes); });
    if (written < 0) return ErrnoError(errno, "write to a file", path);
    if (written == 0) return ErrnoError(ENOSPC, "write to a file", path);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset_bytes += written;
  }
  return arrow::Status::OK();
}

class RealReadableFile final : public ReadableFile {
 public:
  RealReadableFile(Descriptor fd, int64_t size_bytes, std::string path)
      : fd_(std::move(fd)), size_bytes_(size_bytes), path_(std::move(path)) {}

  arrow::Status ReadAt(int64_t offset_bytes, std::span<uint8_t> out) const override {
    const size_t wanted = out.size();
    int64_t at = offset_bytes;
    while (!out.empty()) {
      const size_t step = std::min(out.size(), kMaxTransferBytes);
      const ssize_t got =
          RetryInterrupted([&] { return ::pread(fd_.get(), out.data(), step, at); });
      if (got < 0) return ErrnoError(errno, "read a file", path_);
      if (got == 0) {
        return ShortReadError(path_, offset_bytes, static_cast<int64_t>(wanted), size_bytes_);
      }
      out = out.subspan(static_cast<size_t>(got));
      at += got;
    }
    return arrow::Status::OK();
  }

  void WillRead(int64_t offset_bytes, int64_t size_bytes) const override {
    // A hint: where it is not taken, the read waits.
    (void)::posix_fadvise(fd_.get(), offset_bytes, size_bytes, POSIX_FADV_WILLNEED);
  }

  int64_t size_bytes() const override { return size_bytes_; }
  const std::string& path() const override { return path_; }

 private:
  Descriptor fd_;
  int64_t size_bytes_;
  std::string path_;
};

class RealWritableFile final : public WritableFile {
 public:
  RealWritableFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  arrow::Status Append(std::span<const uint8_t> bytes) override {
    ARROW_RETURN_NOT_OK(CheckOpen());
    ARROW_RETURN_NOT_OK(WriteAt(fd_.get(), size_bytes_, bytes, path_));
    size_bytes_ += static_cast<int64_t>(bytes.size());
    return arrow::Status::OK();
  }

  arrow::Status Sync() override {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (RetryInterrupted([&] { return ::fdatasync(fd_.get()); }) != 0) {
      return ErrnoError(errno, "sync a file", path_);
    }
    return arrow::Status::OK();
  }

  arrow::Status Close() override {
    const int fd = fd_.Release();
    if (fd < 0) return arrow::Status::OK();
    // Never retried: on Linux the descriptor is gone even when close reports EINTR.
    if (::close(fd) != 0 && errno != EINTR) return ErrnoError(errno, "close a file", path_);
    return arrow::Status::OK();
  }

  int64_t size_bytes() const override { return size_bytes_; }
  const std::string& path() const override { return path_; }

 private:
  arrow::Status CheckOpen() const {
    return fd_.get() >= 0 ? arrow::Status::OK() : ErrnoError(EBADF, "use a closed file", path_);
  }

  Descriptor fd_;
  int64_t size_bytes_ = 0;
  std::string path_;
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

std::string ReadSmall(int fd) {
  std::string content(256, '\0');
  const ssize_t got =
      RetryInterrupted([&] { return ::pread(fd, content.data(), content.size(), 0); });
  content.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return content;
}

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "/";
  const size_t slash = path.rfind('/', end);
  if (slash == std::string::npos) return ".";
  const size_t parent_end = path.find_last_not_of('/', slash);
  return parent_end == std::string::npos ? "/" : path.substr(0, parent_end + 1);
}

class PosixFileSystem final : public FileSystem {
 public:
  arrow::Result<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override {
    ARROW_ASSIGN_OR_RAISE(Descriptor fd, OpenDescriptor(path, O_RDONLY, "open a file"));
    struct stat facts{};
    if (::fstat(fd.get(), &facts) != 0) return ErrnoError(errno, "open a file", path);
    if (S_ISDIR(facts.st_mode)) return ErrnoError(EISDIR, "open a file", path);
    return std::make_unique<RealReadableFile>(std::move(fd), facts.st_size, path);
  }

  arrow::Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    ARROW_ASSIGN_OR_RAISE(Descriptor fd,
                          OpenDescriptor(path, O_WRONLY | O_CREAT | O_EXCL, "create a file"));
    return std::make_unique<RealWritableFile>(std::move(fd), path);
  }

  arrow::Status Truncate(const std::string& path, int64_t size_bytes) override {
    ARROW_ASSIGN_OR_RAISE(Descriptor fd, OpenDescriptor(path, O_WRONLY, "truncate a file"));
    struct stat facts{};
    if (::fstat(fd.get(), &facts) != 0) return ErrnoError(errno, "truncate a file", path);
    if (size_bytes > facts.st_size) return ErrnoError(EINVAL, "truncate a file", path);
    if (size_bytes < facts.st_size &&
        RetryInterrupted([&] { return ::ftruncate(fd.get(), size_bytes); }) != 0) {
      return ErrnoError(errno, "truncate a file", path);
    }
    if (RetryInterrupted([&] { return ::fsync(fd.get()); }) != 0) {
      return ErrnoError(errno, "sync a truncated file", path);
    }
    return arrow::Status::OK();
  }

  arrow::Status RewriteAndSync(const std::string& path, int64_t offset_bytes) override;

  arrow::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return ErrnoError(errno, "rename to " + to, from);
    }
    return arrow::Status::OK();
  }

  arrow::Status Exchange(const std::string& a, const std::string& b) override {
    const long result =
        ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
    if (result == 0) return arrow::Status::OK();
    // A file system that does not know the flag says EINVAL.
    return ErrnoError(errno == EINVAL ? EOPNOTSUPP : errno, "exchange with " + b, a);
  }

  arrow::Status Link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return ErrnoError(errno, "link to " + to, from);
    return arrow::Status::OK();
  }

  arrow::Status RemoveFile(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return ErrnoError(errno, "remove a file", path);
    return arrow::Status::OK();
  }

  arrow::Status RemoveDirectory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return ErrnoError(errno, "remove a directory", path);
    return arrow::Status::OK();
  }

  /// Sync a folder that need not be ours: one that we may not open, or that knows no syncs, is left
  /// to its owner.
  static arrow::Status SyncParent(const std::string& path) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) {
      const bool is_foreign = errno == EACCES || errno == EPERM;
      return is_foreign ? arrow::Status::OK() : ErrnoError(errno, "sync a directory", path);
    }
    if (RetryInterrupted([&] { return ::fsync(fd.get()); }) == 0) return arrow::Status::OK();
    const bool has_no_syncs = errno == EINVAL || errno == ENOSYS || errno == EROFS;
    return has_no_syncs ? arrow::Status::OK() : ErrnoError(errno, "sync a directory", path);
  }

  arrow::Status MakeDirectories(const std::string& path) override {
    const std::string parent = ParentOf(path);
    struct stat facts{};
    if (::stat(path.c_str(), &facts) == 0) {
      if (!S_ISDIR(facts.st_mode)) return ErrnoError(ENOTDIR, "make a directory", path);
      // Whoever made it may have been killed, or have failed, before the parent was synced.
      return SyncParent(parent);
    }
    if (errno != ENOENT) return ErrnoError(errno, "make a directory", path);
    // Also where the parent exists: what exists is then below nothing that was not synced.
    if (parent != path) ARROW_RETURN_NOT_OK(MakeDirectories(parent));
    if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
      return ErrnoError(errno, "make a directory", path);
    }
    return SyncDirectory(parent);
  }

  arrow::Status SyncDirectory(const std::string& path) override {
    ARROW_ASSIGN_OR_RAISE(Descriptor fd,
                          OpenDescriptor(path, O_RDONLY | O_DIRECTORY, "sync a directory"));
    if (RetryInterrupted([&] { return ::fsync(fd.get()); }) != 0) {
      return ErrnoError(errno, "sync a directory", path);
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::vector<DirectoryEntry>> List(const std::string& path) override;

  arrow::Result<bool> Exists(const std::string& path) override {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return ErrnoError(errno, "look for a file", path);
  }

  arrow::Result<int64_t> FreeBytes(const std::string& path) override {
    struct statvfs facts{};
    if (RetryInterrupted([&] { return ::statvfs(path.c_str(), &facts); }) != 0) {
      return ErrnoError(errno, "ask for free space", path);
    }
    return static_cast<int64_t>(facts.f_bavail) * static_cast<int64_t>(facts.f_frsize);
  }

  arrow::Result<std::unique_ptr<FileLock>> Lock(const std::string& path,
                                                std::string_view content) override {
    ARROW_ASSIGN_OR_RAISE(Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT, "lock a file"));
    for (int attempt = 1; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
      if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoError(errno, "lock a file", path);
      std::this_thread::sleep_for(kLockPause);
      if (attempt < kLockAttempts) continue;
      return MakeError(ErrorKind::kClosed,
                       "The lock is held: path=" + path + " holder=" + ReadSmall(fd.get()));
    }
    if (::ftruncate(fd.get(), 0) != 0) return ErrnoError(errno, "write a lock file", path);
    ARROW_RETURN_NOT_OK(WriteAt(
        fd.get(), 0, {reinterpret_cast<const uint8_t*>(content.data()), content.size()}, path));
    return std::make_unique<RealFileLock>(std::move(fd));
  }

  arrow::Result<std::optional<std::string>> LockHolder(const std::string& path) override {
    const Descriptor fd(
        RetryInterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (fd.get() < 0 && errno == ENOENT) return std::nullopt;
    if (fd.get() < 0) return ErrnoError(errno, "look at a lock file", path);
    // Shared, and let go at once: readers who look at the same time do not see each other.
    if (RetryInterrupted([&] { return ::flock(fd.get(), LOCK_SH | LOCK_NB); }) == 0) {
      return std::nullopt;
    }
    if (errno != EWOULDBLOCK) return ErrnoError(errno, "look at a lock file", path);
    return ReadSmall(fd.get());
  }
};

arrow::Status PosixFileSystem::RewriteAndSync(const std::string& path, int64_t offset_bytes) {
  ARROW_ASSIGN_OR_RAISE(Descriptor fd, OpenDescriptor(path, O_RDWR, "rewrite a file"));
  if (offset_bytes < 0) return ErrnoError(EINVAL, "rewrite a file", path);
  std::vector<uint8_t> step(size_t{1} << 20);
  while (true) {
    const ssize_t got =
        RetryInterrupted([&] { return ::pread(fd.get(), step.data(), step.size(), offset_bytes); });
    if (got < 0) return ErrnoError(errno, "rewrite a file", path);
    if (got == 0) break;
    ARROW_RETURN_NOT_OK(
        WriteAt(fd.get(), offset_bytes, {step.data(), static_cast<size_t>(got)}, path));
    offset_bytes += got;
  }
  if (RetryInterrupted([&] { return ::fdatasync(fd.get()); }) != 0) {
    return ErrnoError(errno, "sync a rewritten file", path);
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<DirectoryEntry>> PosixFileSystem::List(const std::string& path) {
  DIR* stream = ::opendir(path.c_str());
  if (stream == nullptr) return ErrnoError(errno, "list a directory", path);
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, ::closedir);
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) {
      if (errno != 0) return ErrnoError(errno, "list a directory", path);
      break;
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat facts{};
    if (::fstatat(::dirfd(stream), entry->d_name, &facts, 0) != 0) {
      // Removed meanwhile, or a link to nowhere: not there for those who open it.
      if (errno == ENOENT) continue;
      return ErrnoError(errno, "list a directory", JoinPath(path, name));
    }
    const bool is_directory = S_ISDIR(facts.st_mode);
    entries.push_back({name, is_directory, is_directory ? 0 : facts.st_size});
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace larnax::io
