#include "test/sim/process_file_system.h"

#include <cstdio>
#include <utility>

#include "larnax/error.h"

namespace larnax::sim {
namespace {

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

class ProcessReadableFile final : public io::ReadableFile {
 public:
  ProcessReadableFile(ProcessFileSystem& process, std::unique_ptr<io::ReadableFile> file)
      : process_(process), file_(std::move(file)) {}

  arrow::Status ReadAt(int64_t offset_bytes, std::span<uint8_t> out) const override {
    ARROW_RETURN_NOT_OK(process_.CheckAlive());
    const arrow::Status status = file_->ReadAt(offset_bytes, out);
    // What is read follows from what was written.
    process_.trace_.Add("read", static_cast<uint64_t>(offset_bytes));
    return status;
  }
  int64_t size_bytes() const override { return file_->size_bytes(); }
  const std::string& path() const override { return file_->path(); }

 private:
  ProcessFileSystem& process_;
  std::unique_ptr<io::ReadableFile> file_;
};

class ProcessWritableFile final : public io::WritableFile {
 public:
  ProcessWritableFile(ProcessFileSystem& process, std::unique_ptr<io::WritableFile> file)
      : process_(process), file_(std::move(file)) {}

  arrow::Status Append(std::span<const uint8_t> bytes) override {
    process_.trace_.Add(AsText(bytes));
    ARROW_RETURN_NOT_OK(process_.CheckAlive());
    process_.last_path_ = path();
    switch (process_.NextFate()) {
      case ProcessFileSystem::Fate::kLive: {
        const arrow::Status status = file_->Append(bytes);
        process_.NoteStatus(status);
        if (process_.prints_calls_) {
          std::printf("         append %zu to %s%s\n", bytes.size(), path().c_str(),
                      status.ok() ? "" : " FAILED");
        }
        process_.Observe(path());
        return status;
      }
      case ProcessFileSystem::Fate::kDieBefore:
        break;
      case ProcessFileSystem::Fate::kDieAfter:
        (void)file_->Append(bytes.first(process_.random_.Below(bytes.size() + 1)));
        break;
    }
    process_.Die();
    return process_.CheckAlive();
  }
  arrow::Status Sync() override {
    return process_.Change("sync", path(), [this] { return file_->Sync(); });
  }
  arrow::Status Close() override {
    ARROW_RETURN_NOT_OK(process_.CheckAlive());
    return file_->Close();
  }
  int64_t size_bytes() const override { return file_->size_bytes(); }
  const std::string& path() const override { return file_->path(); }

 private:
  ProcessFileSystem& process_;
  std::unique_ptr<io::WritableFile> file_;
};

arrow::Status ProcessFileSystem::CheckAlive() const {
  return dead_ ? arrow::Status::IOError("the process is dead") : arrow::Status::OK();
}

ProcessFileSystem::Fate ProcessFileSystem::NextFate() {
  ++call_count_;
  if (calls_to_live_ == 0 || --calls_to_live_ > 0) return Fate::kLive;
  return random_.Chance(0.5) ? Fate::kDieBefore : Fate::kDieAfter;
}

void ProcessFileSystem::NoteStatus(const arrow::Status& status) {
  if (status.ok() || calls_to_live_ > 0 || death_after_failure_ == 0) return;
  if (random_.Chance(death_after_failure_)) DieAtCall(1 + static_cast<int64_t>(random_.Below(10)));
}

void ProcessFileSystem::Observe(const std::string& path) {
  if (observer_) observer_(path.find("/date=") != std::string::npos);
}

arrow::Status ProcessFileSystem::Change(std::string_view what, const std::string& path,
                                        const std::function<arrow::Status()>& call) {
  trace_.Add(what);
  trace_.Add(path);
  ARROW_RETURN_NOT_OK(CheckAlive());
  if (what == forgotten_.kind && path.find(forgotten_.path_part) != std::string::npos) {
    return arrow::Status::OK();
  }
  last_path_ = path;
  const Fate fate = NextFate();
  const arrow::Status status = fate == Fate::kDieBefore ? arrow::Status::OK() : call();
  if (fate != Fate::kLive) Die();
  if (prints_calls_) {
    std::printf("         %.*s %s%s%s\n", static_cast<int>(what.size()), what.data(), path.c_str(),
                status.ok() ? "" : " FAILED", fate == Fate::kLive ? "" : " (the last)");
  }
  ARROW_RETURN_NOT_OK(CheckAlive());
  trace_.Add("status", static_cast<uint64_t>(status.code()));
  NoteStatus(status);
  Observe(path);
  return status;
}

arrow::Result<std::unique_ptr<io::ReadableFile>> ProcessFileSystem::OpenReadable(
    const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  trace_.Add(path);
  ARROW_ASSIGN_OR_RAISE(auto file, disk_.OpenReadable(path));
  return std::make_unique<ProcessReadableFile>(*this, std::move(file));
}

arrow::Result<std::unique_ptr<io::WritableFile>> ProcessFileSystem::Create(
    const std::string& path) {
  std::unique_ptr<io::WritableFile> file;
  ARROW_RETURN_NOT_OK(Change("create", path, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(file, disk_.Create(path));
    return arrow::Status::OK();
  }));
  return std::make_unique<ProcessWritableFile>(*this, std::move(file));
}

arrow::Status ProcessFileSystem::Truncate(const std::string& path, int64_t size_bytes) {
  return Change("truncate", path, [&] { return disk_.Truncate(path, size_bytes); });
}

arrow::Status ProcessFileSystem::RewriteAndSync(const std::string& path, int64_t offset_bytes) {
  return Change("rewrite", path, [&] { return disk_.RewriteAndSync(path, offset_bytes); });
}

arrow::Status ProcessFileSystem::Rename(const std::string& from, const std::string& to) {
  return Change("rename " + from, to, [&] { return disk_.Rename(from, to); });
}

arrow::Status ProcessFileSystem::Exchange(const std::string& a, const std::string& b) {
  if (!exchange_supported_) return MakeError(ErrorKind::kUnsupported, "no exchange: path=" + a);
  return Change("exchange " + a, b, [&] { return disk_.Exchange(a, b); });
}

arrow::Status ProcessFileSystem::Link(const std::string& from, const std::string& to) {
  return Change("link " + from, to, [&] { return disk_.Link(from, to); });
}

arrow::Status ProcessFileSystem::RemoveFile(const std::string& path) {
  return Change("remove", path, [&] { return disk_.RemoveFile(path); });
}

arrow::Status ProcessFileSystem::RemoveDirectory(const std::string& path) {
  return Change("remove directory", path, [&] { return disk_.RemoveDirectory(path); });
}

arrow::Status ProcessFileSystem::MakeDirectories(const std::string& path) {
  return Change("make directories", path, [&] { return disk_.MakeDirectories(path); });
}

arrow::Status ProcessFileSystem::SyncDirectory(const std::string& path) {
  return Change("sync directory", path, [&] { return disk_.SyncDirectory(path); });
}

arrow::Result<std::vector<io::DirectoryEntry>> ProcessFileSystem::List(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return disk_.List(path);
}

arrow::Result<bool> ProcessFileSystem::Exists(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return disk_.Exists(path);
}

arrow::Result<int64_t> ProcessFileSystem::FreeBytes(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return disk_.FreeBytes(path);
}

arrow::Result<std::unique_ptr<io::FileLock>> ProcessFileSystem::Lock(const std::string& path,
                                                                     std::string_view content) {
  std::unique_ptr<io::FileLock> lock;
  ARROW_RETURN_NOT_OK(Change("lock", path, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(lock, disk_.Lock(path, content));
    return arrow::Status::OK();
  }));
  return lock;
}

arrow::Result<std::optional<std::string>> ProcessFileSystem::LockHolder(const std::string& path) {
  ARROW_RETURN_NOT_OK(CheckAlive());
  return disk_.LockHolder(path);
}

}  // namespace larnax::sim
