#include "io/sim_file_system.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/check.h"
#include "io/io_error.h"
#include "larnax/error.h"

namespace larnax::io {
namespace {

std::vector<std::string> SplitPath(const std::string& path) {
  std::vector<std::string> names;
  size_t begin = 0;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    std::string name = path.substr(begin, end - begin);
    if (!name.empty() && name != ".") names.push_back(std::move(name));
    begin = end + 1;
  }
  return names;
}

bool Contains(const SimInode& folder, const std::shared_ptr<SimInode>& wanted) {
  if (&folder == wanted.get()) return true;
  return std::any_of(folder.entries.begin(), folder.entries.end(),
                     [&](const auto& entry) { return Contains(*entry.second, wanted); });
}

int ErrnoOf(SimError error) {
  switch (error) {
    case SimError::kIo:
      return EIO;
    case SimError::kDiskFull:
      return ENOSPC;
    case SimError::kReadOnly:
      return EROFS;
  }
  LARNAX_UNREACHABLE();
}

bool IsChange(SimOperation operation) {
  return operation != SimOperation::kRead && operation != SimOperation::kOpen &&
         operation != SimOperation::kList;
}

int64_t& CounterOf(SimOperation operation, SimCounters& counters) {
  switch (operation) {
    case SimOperation::kWrite:
      return counters.failed_writes;
    case SimOperation::kSync:
      return counters.failed_syncs;
    case SimOperation::kCreate:
      return counters.failed_creates;
    case SimOperation::kRename:
      return counters.failed_renames;
    case SimOperation::kTruncate:
      return counters.failed_truncates;
    case SimOperation::kRead:
      return counters.failed_reads;
    case SimOperation::kOpen:
      return counters.failed_opens;
    case SimOperation::kList:
      return counters.failed_lists;
    case SimOperation::kMakeDirectory:
      return counters.failed_make_directories;
    case SimOperation::kRemove:
      return counters.failed_removes;
  }
  LARNAX_UNREACHABLE();
}

}  // namespace

class SimReadableFile final : public ReadableFile {
 public:
  SimReadableFile(SimFileSystem& fs, std::shared_ptr<SimInode> inode, std::string path)
      : fs_(fs),
        inode_(std::move(inode)),
        size_bytes_(static_cast<int64_t>(inode_->bytes.size())),
        process_(fs.process_),
        path_(std::move(path)) {}

  arrow::Status ReadAt(int64_t offset_bytes, std::span<uint8_t> out) const override {
    const std::lock_guard lock(fs_.mutex_);
    if (process_ != fs_.process_) return ErrnoError(EBADF, "read a file", path_);
    if (offset_bytes < 0) return ErrnoError(EINVAL, "read a file", path_);
    ARROW_RETURN_NOT_OK(fs_.FailIfTold(SimOperation::kRead, "read a file", path_));
    const auto size = static_cast<int64_t>(inode_->bytes.size());
    const auto wanted = static_cast<int64_t>(out.size());
    if (wanted == 0) return arrow::Status::OK();
    if (offset_bytes > size || wanted > size - offset_bytes) {
      return ShortReadError(path_, offset_bytes, wanted, size_bytes_);
    }
    std::copy_n(inode_->bytes.begin() + offset_bytes, wanted, out.begin());
    return arrow::Status::OK();
  }

  int64_t size_bytes() const override { return size_bytes_; }
  const std::string& path() const override { return path_; }

 private:
  SimFileSystem& fs_;
  std::shared_ptr<SimInode> inode_;
  int64_t size_bytes_;
  uint64_t process_;
  std::string path_;
};

class SimWritableFile final : public WritableFile {
 public:
  SimWritableFile(SimFileSystem& fs, std::shared_ptr<SimInode> inode, std::string path)
      : fs_(fs), inode_(std::move(inode)), process_(fs.process_), path_(std::move(path)) {}

  arrow::Status Append(std::span<const uint8_t> bytes) override {
    const std::lock_guard lock(fs_.mutex_);
    ARROW_RETURN_NOT_OK(CheckOpen());
    ARROW_RETURN_NOT_OK(fs_.AppendTo(*inode_, bytes, path_));
    size_bytes_ += static_cast<int64_t>(bytes.size());
    return arrow::Status::OK();
  }

  arrow::Status Sync() override {
    const std::lock_guard lock(fs_.mutex_);
    ARROW_RETURN_NOT_OK(CheckOpen());
    return fs_.SyncInode(inode_, path_);
  }

  arrow::Status Close() override {
    const std::lock_guard lock(fs_.mutex_);
    is_open_ = false;
    return arrow::Status::OK();
  }

  int64_t size_bytes() const override { return size_bytes_; }
  const std::string& path() const override { return path_; }

 private:
  arrow::Status CheckOpen() const {
    if (is_open_ && process_ == fs_.process_) return arrow::Status::OK();
    return ErrnoError(EBADF, "use a closed file", path_);
  }

  SimFileSystem& fs_;
  std::shared_ptr<SimInode> inode_;
  uint64_t process_;
  int64_t size_bytes_ = 0;
  bool is_open_ = true;
  std::string path_;
};

class SimFileLock final : public FileLock {
 public:
  SimFileLock(SimFileSystem& fs, std::shared_ptr<SimInode> inode)
      : fs_(fs), inode_(std::move(inode)), process_(fs.process_) {}
  ~SimFileLock() override {
    const std::lock_guard lock(fs_.mutex_);
    if (process_ == fs_.process_) fs_.locked_.erase(inode_.get());
  }

 private:
  SimFileSystem& fs_;
  std::shared_ptr<SimInode> inode_;
  uint64_t process_;
};

SimFileSystem::SimFileSystem(uint64_t seed) : random_(seed) {}
SimFileSystem::~SimFileSystem() = default;

void SimFileSystem::Crash() {
  const std::lock_guard lock(mutex_);
  disk_.Crash(random_,
              [this](const std::string& path) -> SimCounters& { return CountersOf(path); });
  ++CountersOf("/").crashes;
  ++process_;
  locked_.clear();
}

void SimFileSystem::Kill() {
  const std::lock_guard lock(mutex_);
  ++CountersOf("/").kills;
  ++process_;
  locked_.clear();
}

void SimFileSystem::FailNth(SimOperation operation, int64_t nth, SimError error) {
  const std::lock_guard lock(mutex_);
  auto& failure = failures_[static_cast<size_t>(operation)];
  failure.countdown = nth;
  failure.countdown_error = error;
}

void SimFileSystem::FailRandomly(SimOperation operation, double probability, SimError error) {
  const std::lock_guard lock(mutex_);
  auto& failure = failures_[static_cast<size_t>(operation)];
  failure.probability = probability;
  failure.random_error = error;
}

void SimFileSystem::ClearFailures() {
  const std::lock_guard lock(mutex_);
  failures_ = {};
  failing_part_.clear();
}

void SimFileSystem::set_failing_part(std::string path_part) {
  const std::lock_guard lock(mutex_);
  failing_part_ = std::move(path_part);
}

void SimFileSystem::set_lying_sync(bool is_lying) {
  const std::lock_guard lock(mutex_);
  is_lying_ = is_lying;
}

void SimFileSystem::set_read_only(bool is_read_only) {
  const std::lock_guard lock(mutex_);
  is_read_only_ = is_read_only;
}

void SimFileSystem::set_faultless(bool is_faultless) {
  const std::lock_guard lock(mutex_);
  is_faultless_ = is_faultless;
}

void SimFileSystem::set_counters_of(SimCountersOf counters_of) {
  const std::lock_guard lock(mutex_);
  counters_of_ = std::move(counters_of);
}

void SimFileSystem::CopyFrom(const SimFileSystem& other) {
  const std::scoped_lock lock(mutex_, other.mutex_);
  disk_.CopyFrom(other.disk_);
  ++process_;
  locked_.clear();
}

arrow::Result<uint64_t> SimFileSystem::ContentVersion(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, FindFile(path, "tell the content of a file"));
  return place.inode->version;
}

void SimFileSystem::set_capacity_bytes(std::optional<int64_t> capacity_bytes) {
  const std::lock_guard lock(mutex_);
  capacity_bytes_ = capacity_bytes;
}

void SimFileSystem::set_operation_time(SimClock* clock, int64_t time_ns) {
  const std::lock_guard lock(mutex_);
  clock_ = clock;
  operation_time_ns_ = time_ns;
}

arrow::Status SimFileSystem::Corrupt(const std::string& path, int64_t offset_bytes, uint8_t mask) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, FindFile(path, "corrupt a file"));
  auto& bytes = place.inode->bytes;
  if (offset_bytes < 0 || offset_bytes >= static_cast<int64_t>(bytes.size())) {
    return ShortReadError(path, offset_bytes, 1, static_cast<int64_t>(bytes.size()));
  }
  bytes[static_cast<size_t>(offset_bytes)] ^= mask;
  disk_.Touch(*place.inode);
  ++CountersOf(path).bit_flips;
  return arrow::Status::OK();
}

SimCounters SimFileSystem::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

std::optional<int> SimFileSystem::TakeFailure(SimOperation operation, const std::string& path) {
  if (is_faultless_) return std::nullopt;
  if (is_read_only_ && IsChange(operation)) {
    ++CountersOf(path).read_only_errors;
    return EROFS;
  }
  if (path.find(failing_part_) == std::string::npos) return std::nullopt;
  auto& failure = failures_[static_cast<size_t>(operation)];
  std::optional<SimError> error;
  if (failure.countdown > 0 && --failure.countdown == 0) {
    error = failure.countdown_error;
  } else if (failure.probability > 0 && random_.Chance(failure.probability)) {
    error = failure.random_error;
  }
  if (!error) return std::nullopt;
  SimCounters& counters = CountersOf(path);
  ++CounterOf(operation, counters);
  if (*error == SimError::kDiskFull) ++counters.disk_full_errors;
  return ErrnoOf(*error);
}

arrow::Status SimFileSystem::FailIfTold(SimOperation operation, std::string_view action,
                                        const std::string& path) {
  if (operation != SimOperation::kList) TakeTime(path);
  const auto error = TakeFailure(operation, path);
  return error ? ErrnoError(*error, action, path) : arrow::Status::OK();
}

void SimFileSystem::TakeTime(const std::string& path) {
  if (clock_ == nullptr || operation_time_ns_ == 0 || is_faultless_) return;
  clock_->AdvanceNs(operation_time_ns_);
  ++CountersOf(path).slow_operations;
}

arrow::Result<SimFileSystem::Place> SimFileSystem::Find(const std::string& path,
                                                        std::string_view action) const {
  Place place{nullptr, "", disk_.root()};
  for (std::string& name : SplitPath(path)) {
    if (place.inode == nullptr) return ErrnoError(ENOENT, action, path);
    if (!place.inode->is_directory) return ErrnoError(ENOTDIR, action, path);
    const auto entry = place.inode->entries.find(name);
    InodePointer child = entry == place.inode->entries.end() ? nullptr : entry->second;
    place = {std::move(place.inode), std::move(name), std::move(child)};
  }
  return place;
}

arrow::Result<SimFileSystem::Place> SimFileSystem::FindFile(const std::string& path,
                                                            std::string_view action) const {
  ARROW_ASSIGN_OR_RAISE(Place place, Find(path, action));
  if (place.inode == nullptr) return ErrnoError(ENOENT, action, path);
  if (place.inode->is_directory) return ErrnoError(EISDIR, action, path);
  return place;
}

arrow::Status SimFileSystem::CheckRoom(std::string_view action, const std::string& path) {
  if (!capacity_bytes_ || is_faultless_ || disk_.used_bytes() < *capacity_bytes_) {
    return arrow::Status::OK();
  }
  ++CountersOf(path).disk_full_errors;
  return ErrnoError(ENOSPC, action, path);
}

arrow::Status SimFileSystem::SyncInode(const InodePointer& inode, const std::string& path) {
  TakeTime(path);
  if (const auto error = TakeFailure(SimOperation::kSync, path)) {
    disk_.AbandonPending(*inode);
    return ErrnoError(*error, "sync a file", path);
  }
  if (is_lying_) {
    ++CountersOf(path).lying_syncs;
  } else if (inode->is_directory) {
    disk_.SyncDirectory(inode);
  } else {
    disk_.SyncFile(*inode);
  }
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::AppendTo(SimInode& file, std::span<const uint8_t> bytes,
                                      const std::string& path) {
  TakeTime(path);
  auto error = TakeFailure(SimOperation::kWrite, path);
  size_t written = error ? random_.Below(bytes.size() + 1) : bytes.size();
  if (capacity_bytes_) {
    const int64_t room = std::max<int64_t>(*capacity_bytes_ - disk_.used_bytes(), 0);
    if (static_cast<size_t>(room) < written) {
      written = static_cast<size_t>(room);
      if (!error) ++CountersOf(path).failed_writes;
      ++CountersOf(path).disk_full_errors;
      error = ENOSPC;
    }
  }
  disk_.Append(file, bytes.first(written));
  if (!error) return arrow::Status::OK();
  if (written > 0) ++CountersOf(path).short_writes;
  return ErrnoError(*error, "write to a file", path);
}

arrow::Result<std::unique_ptr<ReadableFile>> SimFileSystem::OpenReadable(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kOpen, "open a file", path));
  ARROW_ASSIGN_OR_RAISE(Place place, FindFile(path, "open a file"));
  return std::make_unique<SimReadableFile>(*this, std::move(place.inode), path);
}

arrow::Result<std::unique_ptr<WritableFile>> SimFileSystem::Create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, "create a file"));
  if (place.inode != nullptr) return ErrnoError(EEXIST, "create a file", path);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kCreate, "create a file", path));
  ARROW_RETURN_NOT_OK(CheckRoom("create a file", path));
  auto inode = std::make_shared<SimInode>();
  disk_.Change({{{place.directory, place.name, nullptr, inode}}, path});
  return std::make_unique<SimWritableFile>(*this, std::move(inode), path);
}

arrow::Status SimFileSystem::Truncate(const std::string& path, int64_t size_bytes) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, FindFile(path, "truncate a file"));
  if (size_bytes < 0 || size_bytes > static_cast<int64_t>(place.inode->bytes.size())) {
    return ErrnoError(EINVAL, "truncate a file", path);
  }
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kTruncate, "truncate a file", path));
  disk_.Truncate(*place.inode, size_bytes);
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::RewriteAndSync(const std::string& path, int64_t offset_bytes) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, FindFile(path, "rewrite a file"));
  if (offset_bytes < 0) return ErrnoError(EINVAL, "rewrite a file", path);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kWrite, "rewrite a file", path));
  disk_.Rewrite(*place.inode, offset_bytes);
  return SyncInode(place.inode, path);
}

arrow::Status SimFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const std::string action = "rename to " + to;
  ARROW_ASSIGN_OR_RAISE(const Place source, Find(from, action));
  ARROW_ASSIGN_OR_RAISE(const Place target, Find(to, action));
  if (source.inode == nullptr) return ErrnoError(ENOENT, action, from);
  if (source.directory == nullptr || target.directory == nullptr) {
    return ErrnoError(EBUSY, action, from);
  }
  if (Contains(*source.inode, target.directory)) return ErrnoError(EINVAL, action, from);
  if (target.inode != nullptr && target.inode != source.inode) {
    if (target.inode->is_directory != source.inode->is_directory) {
      return ErrnoError(target.inode->is_directory ? EISDIR : ENOTDIR, action, from);
    }
    if (!target.inode->entries.empty()) return ErrnoError(ENOTEMPTY, action, from);
  }
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kRename, action, from));
  if (target.inode == source.inode) return arrow::Status::OK();
  disk_.Change({{{source.directory, source.name, source.inode, nullptr},
                 {target.directory, target.name, target.inode, source.inode}},
                to});
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::Exchange(const std::string& a, const std::string& b) {
  const std::lock_guard lock(mutex_);
  const std::string action = "exchange with " + b;
  ARROW_ASSIGN_OR_RAISE(const Place first, Find(a, action));
  ARROW_ASSIGN_OR_RAISE(const Place second, Find(b, action));
  if (first.inode == nullptr || second.inode == nullptr) return ErrnoError(ENOENT, action, a);
  if (first.directory == nullptr || second.directory == nullptr) {
    return ErrnoError(EBUSY, action, a);
  }
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kRename, action, a));
  if (first.inode == second.inode) return arrow::Status::OK();
  disk_.Change({{{first.directory, first.name, first.inode, second.inode},
                 {second.directory, second.name, second.inode, first.inode}},
                b});
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::Link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const std::string action = "link to " + to;
  ARROW_ASSIGN_OR_RAISE(const Place source, Find(from, action));
  ARROW_ASSIGN_OR_RAISE(const Place target, Find(to, action));
  if (source.inode == nullptr) return ErrnoError(ENOENT, action, from);
  if (source.inode->is_directory) return ErrnoError(EPERM, action, from);
  if (target.inode != nullptr) return ErrnoError(EEXIST, action, from);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kRename, action, from));
  disk_.Change({{{target.directory, target.name, nullptr, source.inode}}, to});
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::RemoveInode(const std::string& path, bool is_directory,
                                         std::string_view action) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, action));
  if (place.inode == nullptr) return ErrnoError(ENOENT, action, path);
  if (place.directory == nullptr) return ErrnoError(EBUSY, action, path);
  if (place.inode->is_directory != is_directory) {
    return ErrnoError(is_directory ? ENOTDIR : EISDIR, action, path);
  }
  if (!place.inode->entries.empty()) return ErrnoError(ENOTEMPTY, action, path);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kRemove, action, path));
  disk_.Change({{{place.directory, place.name, place.inode, nullptr}}, path});
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::RemoveFile(const std::string& path) {
  return RemoveInode(path, false, "remove a file");
}

arrow::Status SimFileSystem::RemoveDirectory(const std::string& path) {
  return RemoveInode(path, true, "remove a directory");
}

arrow::Status SimFileSystem::MakeDirectories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  constexpr std::string_view kAction = "make a directory";
  const std::vector<std::string> names = SplitPath(path);
  InodePointer directory = disk_.root();
  for (size_t i = 0; i < names.size(); ++i) {
    InodePointer child;
    if (const auto entry = directory->entries.find(names[i]); entry != directory->entries.end()) {
      child = entry->second;
      if (!child->is_directory) return ErrnoError(ENOTDIR, kAction, path);
      // As on the real one, of those that exist only the last is synced again.
      const bool is_last = i + 1 == names.size() || !child->entries.contains(names[i + 1]);
      if (is_last) ARROW_RETURN_NOT_OK(SyncInode(directory, path));
    } else {
      ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kMakeDirectory, kAction, path));
      ARROW_RETURN_NOT_OK(CheckRoom(kAction, path));
      child = std::make_shared<SimInode>();
      child->is_directory = true;
      disk_.Change({{{directory, names[i], nullptr, child}}, path});
      ARROW_RETURN_NOT_OK(SyncInode(directory, path));
    }
    directory = std::move(child);
  }
  return arrow::Status::OK();
}

arrow::Status SimFileSystem::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  constexpr std::string_view kAction = "sync a directory";
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, kAction));
  if (place.inode == nullptr) return ErrnoError(ENOENT, kAction, path);
  if (!place.inode->is_directory) return ErrnoError(ENOTDIR, kAction, path);
  return SyncInode(place.inode, path);
}

arrow::Result<std::vector<DirectoryEntry>> SimFileSystem::List(const std::string& path) {
  const std::lock_guard lock(mutex_);
  constexpr std::string_view kAction = "list a directory";
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kList, kAction, path));
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, kAction));
  if (place.inode == nullptr) return ErrnoError(ENOENT, kAction, path);
  if (!place.inode->is_directory) return ErrnoError(ENOTDIR, kAction, path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, inode] : place.inode->entries) {
    entries.push_back({name, inode->is_directory, static_cast<int64_t>(inode->bytes.size())});
  }
  return entries;
}

arrow::Result<bool> SimFileSystem::Exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kList, "look for a file", path));
  const auto place = Find(path, "look for a file");
  return place.ok() && place->inode != nullptr;
}

arrow::Result<int64_t> SimFileSystem::FreeBytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kList, "ask for free space", path));
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, "ask for free space"));
  if (place.inode == nullptr) return ErrnoError(ENOENT, "ask for free space", path);
  if (!capacity_bytes_) return std::numeric_limits<int64_t>::max();
  return std::max<int64_t>(*capacity_bytes_ - disk_.used_bytes(), 0);
}

arrow::Result<std::unique_ptr<FileLock>> SimFileSystem::Lock(const std::string& path,
                                                             std::string_view content) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, "lock a file"));
  ARROW_RETURN_NOT_OK(FailIfTold(SimOperation::kCreate, "lock a file", path));
  InodePointer inode = place.inode;
  if (inode == nullptr) {
    inode = std::make_shared<SimInode>();
    disk_.Change({{{place.directory, place.name, nullptr, inode}}, path});
  }
  if (locked_.contains(inode.get())) {
    return MakeError(ErrorKind::kClosed, "The lock is held: path=" + path + " holder=" +
                                             std::string(inode->bytes.begin(), inode->bytes.end()));
  }
  inode->bytes.clear();
  inode->pending.clear();
  disk_.Append(*inode, {reinterpret_cast<const uint8_t*>(content.data()), content.size()});
  locked_.insert(inode.get());
  return std::make_unique<SimFileLock>(*this, std::move(inode));
}

arrow::Result<std::optional<std::string>> SimFileSystem::LockHolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ARROW_ASSIGN_OR_RAISE(const Place place, Find(path, "look at a lock file"));
  if (place.inode == nullptr || !locked_.contains(place.inode.get())) return std::nullopt;
  return std::string(place.inode->bytes.begin(), place.inode->bytes.end());
}

}  // namespace larnax::io
