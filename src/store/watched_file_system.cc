#include "store/watched_file_system.h"

#include "larnax/error.h"

namespace larnax::store {
namespace {

class WatchedFile final : public io::WritableFile {
 public:
  WatchedFile(WatchedFileSystem* fs, std::unique_ptr<io::WritableFile> base)
      : fs_(fs), base_(std::move(base)) {}

  arrow::Status Append(std::span<const uint8_t> bytes) override {
    return fs_->Change("append " + path(), [&] { return base_->Append(bytes); });
  }
  arrow::Status Sync() override {
    return fs_->Change("sync " + path(), [&] { return base_->Sync(); });
  }
  arrow::Status Close() override { return base_->Close(); }
  int64_t size_bytes() const override { return base_->size_bytes(); }
  const std::string& path() const override { return base_->path(); }

 private:
  WatchedFileSystem* fs_;
  std::unique_ptr<io::WritableFile> base_;
};

}  // namespace

arrow::Status WatchedFileSystem::CheckAlive() const {
  return is_dead_ ? arrow::Status::IOError("the process has ended") : arrow::Status::OK();
}

arrow::Status WatchedFileSystem::Change(const std::string& operation,
                                        const std::function<arrow::Status()>& run) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  if (before_change && !before_change(operation)) is_dead_ = true;
  ARROW_RETURN_NOT_OK(CheckAlive());
  ARROW_RETURN_NOT_OK(run());
  if (after_change) after_change(operation);
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<io::ReadableFile>> WatchedFileSystem::OpenReadable(
    const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  if (before_open) before_open(path);
  return base_->OpenReadable(path);
}

arrow::Result<std::unique_ptr<io::WritableFile>> WatchedFileSystem::Create(
    const std::string& path) {
  std::unique_ptr<io::WritableFile> file;
  ARROW_RETURN_NOT_OK(Change("create " + path, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(file, base_->Create(path));
    return arrow::Status::OK();
  }));
  return std::make_unique<WatchedFile>(this, std::move(file));
}

arrow::Status WatchedFileSystem::Truncate(const std::string& path, int64_t size_bytes) {
  return Change("truncate " + path, [&] { return base_->Truncate(path, size_bytes); });
}

arrow::Status WatchedFileSystem::RewriteAndSync(const std::string& path, int64_t offset_bytes) {
  return Change("rewrite " + path, [&] { return base_->RewriteAndSync(path, offset_bytes); });
}

arrow::Status WatchedFileSystem::Rename(const std::string& from, const std::string& to) {
  return Change("rename " + from + " " + to, [&] { return base_->Rename(from, to); });
}

arrow::Status WatchedFileSystem::Exchange(const std::string& a, const std::string& b) {
  return Change("exchange " + a + " " + b, [&] {
    return lacks_exchange ? MakeError(ErrorKind::kUnsupported, "no exchange")
                          : base_->Exchange(a, b);
  });
}

arrow::Status WatchedFileSystem::Link(const std::string& from, const std::string& to) {
  return Change("link " + from + " " + to, [&] { return base_->Link(from, to); });
}

arrow::Status WatchedFileSystem::RemoveFile(const std::string& path) {
  return Change("remove " + path, [&] { return base_->RemoveFile(path); });
}

arrow::Status WatchedFileSystem::RemoveDirectory(const std::string& path) {
  return Change("rmdir " + path, [&] { return base_->RemoveDirectory(path); });
}

arrow::Status WatchedFileSystem::MakeDirectories(const std::string& path) {
  return Change("mkdir " + path, [&] { return base_->MakeDirectories(path); });
}

arrow::Status WatchedFileSystem::SyncDirectory(const std::string& path) {
  return Change("syncdir " + path, [&] { return base_->SyncDirectory(path); });
}

arrow::Result<std::vector<io::DirectoryEntry>> WatchedFileSystem::List(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return base_->List(path);
}

arrow::Result<bool> WatchedFileSystem::Exists(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return base_->Exists(path);
}

arrow::Result<int64_t> WatchedFileSystem::FreeBytes(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return base_->FreeBytes(path);
}

arrow::Result<std::unique_ptr<io::FileLock>> WatchedFileSystem::Lock(const std::string& path,
                                                                     std::string_view content) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return base_->Lock(path, content);
}

arrow::Result<std::optional<std::string>> WatchedFileSystem::LockHolder(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return base_->LockHolder(path);
}

}  // namespace larnax::store
