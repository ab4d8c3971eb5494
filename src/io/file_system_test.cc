// One contract for every FileSystem: each test runs on the real one, in a temporary folder, and
// on the simulated one.
#include "io/file_system.h"

#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/io_error.h"
#include "io/sim_file_system.h"
#include "larnax/error.h"

namespace larnax::io {
namespace {

using testing::HasSubstr;

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// A folder of the real file system that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "larnax-io-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FileSystemContract : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      folder_ = real_folder_.path();
      fs_ = &RealFileSystem();
    } else {
      folder_ = "/root";
      fs_ = &simulated_;
      ASSERT_TRUE(simulated_.MakeDirectories(folder_).ok());
    }
  }

  std::string Path(std::string_view name) const { return JoinPath(folder_, name); }

  void Write(std::string_view name, std::string_view content) {
    auto file = fs_->Create(Path(name));
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append(Bytes(content)).ok());
    ASSERT_TRUE((*file)->Sync().ok());
    ASSERT_TRUE((*file)->Close().ok());
  }

  std::string Read(std::string_view name) {
    const auto content = ReadFile(*fs_, Path(name));
    return content.ok() ? *content : "error: " + content.status().ToString();
  }

  std::vector<std::string> Names(std::string_view name = "") {
    std::vector<std::string> names;
    const auto entries = fs_->List(Path(name));
    EXPECT_TRUE(entries.ok()) << entries.status();
    if (!entries.ok()) return names;
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }

  TemporaryFolder real_folder_;
  SimFileSystem simulated_{1};
  std::string folder_;
  FileSystem* fs_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(All, FileSystemContract, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Real" : "Simulated"; });

TEST_P(FileSystemContract, ReadsWhatWasAppended) {
  auto file = *fs_->Create(Path("a"));
  EXPECT_EQ(file->path(), Path("a"));
  ASSERT_TRUE(file->Append(Bytes("hello ")).ok());
  ASSERT_TRUE(file->Append({}).ok());
  ASSERT_TRUE(file->Append(Bytes("world")).ok());
  EXPECT_EQ(file->size_bytes(), 11);
  // What is not synced is visible too.
  EXPECT_EQ(Read("a"), "hello world");
  ASSERT_TRUE(file->Sync().ok());

  const auto reader = *fs_->OpenReadable(Path("a"));
  EXPECT_EQ(reader->size_bytes(), 11);
  EXPECT_EQ(reader->path(), Path("a"));
  std::string part(5, '?');
  ASSERT_TRUE(reader->ReadAt(6, {reinterpret_cast<uint8_t*>(part.data()), part.size()}).ok());
  EXPECT_EQ(part, "world");
}

TEST_P(FileSystemContract, ReadPastTheEndIsAnError) {
  Write("a", "hello");
  const auto reader = *fs_->OpenReadable(Path("a"));
  std::vector<uint8_t> out(3);
  EXPECT_TRUE(reader->ReadAt(2, out).ok());
  for (const int64_t offset_bytes : {3, 5, 100}) {
    const auto status = reader->ReadAt(offset_bytes, out);
    EXPECT_TRUE(status.IsIOError()) << status;
    EXPECT_THAT(status.message(), HasSubstr("path=" + Path("a")));
    EXPECT_THAT(status.message(), HasSubstr("offset=" + std::to_string(offset_bytes)));
  }
  EXPECT_TRUE(reader->ReadAt(100, {}).ok());
  EXPECT_FALSE(reader->ReadAt(-1, out).ok());
}

TEST_P(FileSystemContract, CreateRefusesWhatExists) {
  Write("a", "old");
  EXPECT_TRUE(fs_->Create(Path("a")).status().IsIOError());
  EXPECT_EQ(Read("a"), "old");
  EXPECT_EQ(KindOf(fs_->Create(Path("no/a")).status()), ErrorKind::kNotFound);
  EXPECT_TRUE(fs_->Create(Path("a/b")).status().IsIOError());
}

TEST_P(FileSystemContract, ClosedFileTakesNothing) {
  auto file = *fs_->Create(Path("a"));
  ASSERT_TRUE(file->Close().ok());
  EXPECT_TRUE(file->Append(Bytes("x")).IsIOError());
  EXPECT_TRUE(file->Sync().IsIOError());
  EXPECT_TRUE(file->Close().ok());
}

TEST_P(FileSystemContract, MissingFileIsNotFound) {
  const std::vector<arrow::Status> all = {
      fs_->OpenReadable(Path("no")).status(),
      fs_->Truncate(Path("no"), 0),
      fs_->RewriteAndSync(Path("no"), 0),
      fs_->Rename(Path("no"), Path("b")),
      fs_->Exchange(Path("no"), Path("b")),
      fs_->Link(Path("no"), Path("b")),
      fs_->RemoveFile(Path("no")),
      fs_->RemoveDirectory(Path("no")),
      fs_->SyncDirectory(Path("no")),
      fs_->List(Path("no")).status(),
      fs_->FreeBytes(Path("no")).status(),
      fs_->Lock(Path("no/b"), "me").status(),
  };
  for (const auto& status : all) {
    EXPECT_EQ(KindOf(status), ErrorKind::kNotFound) << status;
    EXPECT_THAT(status.message(), HasSubstr("path=" + Path("no")));
  }
  EXPECT_FALSE(*fs_->Exists(Path("no")));
}

TEST_P(FileSystemContract, TruncateShortens) {
  Write("a", "hello");
  ASSERT_TRUE(fs_->Truncate(Path("a"), 5).ok());
  EXPECT_EQ(Read("a"), "hello");
  ASSERT_TRUE(fs_->Truncate(Path("a"), 2).ok());
  EXPECT_EQ(Read("a"), "he");
  EXPECT_TRUE(fs_->Truncate(Path("a"), 3).IsIOError());
  EXPECT_FALSE(fs_->Truncate(Path("a"), -1).ok());
}

TEST_P(FileSystemContract, RewriteChangesNothingThatIsRead) {
  std::string content(3 << 20, 'x');
  for (size_t i = 0; i < content.size(); i += 7) content[i] = static_cast<char>(i);
  Write("a", content);
  for (const int64_t offset_bytes :
       {int64_t{0}, int64_t{12345}, int64_t{3} << 20, int64_t{5} << 20}) {
    ASSERT_TRUE(fs_->RewriteAndSync(Path("a"), offset_bytes).ok());
    EXPECT_TRUE(Read("a") == content);
  }
  EXPECT_FALSE(fs_->RewriteAndSync(Path("a"), -1).ok());
}

TEST_P(FileSystemContract, RenameMovesAndReplaces) {
  Write("a", "new");
  Write("b", "old");
  ASSERT_TRUE(fs_->Rename(Path("a"), Path("b")).ok());
  EXPECT_EQ(Read("b"), "new");
  EXPECT_EQ(Names(), std::vector<std::string>{"b"});

  ASSERT_TRUE(fs_->MakeDirectories(Path("full/inner")).ok());
  ASSERT_TRUE(fs_->MakeDirectories(Path("empty")).ok());
  EXPECT_FALSE(fs_->Rename(Path("b"), Path("full")).ok());
  EXPECT_FALSE(fs_->Rename(Path("full"), Path("b")).ok());
  EXPECT_FALSE(fs_->Rename(Path("empty"), Path("full")).ok());
  EXPECT_FALSE(fs_->Rename(Path("full"), Path("full/inner/deeper")).ok());
  ASSERT_TRUE(fs_->Rename(Path("full"), Path("empty")).ok());
  EXPECT_EQ(Names("empty"), std::vector<std::string>{"inner"});
}

TEST_P(FileSystemContract, OpenFileOutlivesItsName) {
  Write("a", "old");
  Write("b", "new");
  const auto reader = *fs_->OpenReadable(Path("a"));
  ASSERT_TRUE(fs_->Rename(Path("b"), Path("a")).ok());
  std::string content(3, '?');
  ASSERT_TRUE(reader->ReadAt(0, {reinterpret_cast<uint8_t*>(content.data()), 3}).ok());
  EXPECT_EQ(content, "old");
  EXPECT_EQ(Read("a"), "new");
}

TEST_P(FileSystemContract, ExchangeSwapsDirectories) {
  ASSERT_TRUE(fs_->MakeDirectories(Path("day")).ok());
  ASSERT_TRUE(fs_->MakeDirectories(Path("day.new")).ok());
  Write("day/a", "old");
  Write("day.new/a", "new");
  const auto status = fs_->Exchange(Path("day"), Path("day.new"));
  if (KindOf(status) == ErrorKind::kUnsupported) GTEST_SKIP() << status;
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Read("day/a"), "new");
  EXPECT_EQ(Read("day.new/a"), "old");
}

TEST_P(FileSystemContract, LinkGivesASecondName) {
  Write("a", "x");
  ASSERT_TRUE(fs_->Link(Path("a"), Path("b")).ok());
  EXPECT_FALSE(fs_->Link(Path("a"), Path("b")).ok());
  ASSERT_TRUE(fs_->RemoveFile(Path("a")).ok());
  EXPECT_EQ(Read("b"), "x");
  ASSERT_TRUE(fs_->MakeDirectories(Path("d")).ok());
  EXPECT_FALSE(fs_->Link(Path("d"), Path("e")).ok());
}

TEST_P(FileSystemContract, RemoveTellsFilesFromDirectories) {
  Write("a", "x");
  ASSERT_TRUE(fs_->MakeDirectories(Path("d/e")).ok());
  EXPECT_FALSE(fs_->RemoveDirectory(Path("a")).ok());
  EXPECT_FALSE(fs_->RemoveFile(Path("d")).ok());
  EXPECT_TRUE(fs_->RemoveDirectory(Path("d")).IsIOError());
  EXPECT_TRUE(fs_->RemoveDirectory(Path("d/e")).ok());
  EXPECT_TRUE(fs_->RemoveDirectory(Path("d")).ok());
  EXPECT_TRUE(fs_->RemoveFile(Path("a")).ok());
  EXPECT_TRUE(Names().empty());
}

TEST_P(FileSystemContract, MakeDirectoriesMakesParents) {
  ASSERT_TRUE(fs_->MakeDirectories(Path("x/y/z/")).ok());
  ASSERT_TRUE(fs_->MakeDirectories(Path("x/y/z")).ok());
  ASSERT_TRUE(fs_->SyncDirectory(Path("x/y")).ok());
  EXPECT_EQ(Names("x/y"), std::vector<std::string>{"z"});
  Write("x/file", "x");
  EXPECT_FALSE(fs_->MakeDirectories(Path("x/file")).ok());
  EXPECT_FALSE(fs_->MakeDirectories(Path("x/file/z")).ok());
  EXPECT_FALSE(fs_->SyncDirectory(Path("x/file")).ok());
  EXPECT_FALSE(fs_->List(Path("x/file")).ok());
}

TEST_P(FileSystemContract, ListIsSortedAndTellsSizes) {
  Write("c", "12345");
  Write("a", "");
  ASSERT_TRUE(fs_->MakeDirectories(Path("b")).ok());
  const auto entries = *fs_->List(folder_);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].size_bytes, 0);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_TRUE(entries[1].is_directory);
  EXPECT_EQ(entries[2].name, "c");
  EXPECT_FALSE(entries[2].is_directory);
  EXPECT_EQ(entries[2].size_bytes, 5);
}

TEST_P(FileSystemContract, DirectoryIsNoFile) {
  ASSERT_TRUE(fs_->MakeDirectories(Path("d")).ok());
  EXPECT_FALSE(fs_->OpenReadable(Path("d")).ok());
  EXPECT_FALSE(fs_->Truncate(Path("d"), 0).ok());
  EXPECT_FALSE(fs_->Create(Path("d")).ok());
  EXPECT_TRUE(*fs_->Exists(Path("d")));
}

TEST_P(FileSystemContract, LockIsHeldOnce) {
  auto lock = *fs_->Lock(Path("lock"), "first holder");
  const auto second = fs_->Lock(Path("lock"), "second").status();
  EXPECT_EQ(KindOf(second), ErrorKind::kClosed);
  EXPECT_THAT(second.message(), HasSubstr("first holder"));
  lock.reset();
  lock = *fs_->Lock(Path("lock"), "2nd");
  EXPECT_EQ(Read("lock"), "2nd");
}

TEST_P(FileSystemContract, ReplaceFileLeavesOneFile) {
  ASSERT_TRUE(ReplaceFile(*fs_, Path("CURRENT"), "one").ok());
  ASSERT_TRUE(ReplaceFile(*fs_, Path("CURRENT"), "two").ok());
  // A leftover of a call that was cut off.
  Write("CURRENT.tmp", "half");
  ASSERT_TRUE(ReplaceFile(*fs_, Path("CURRENT"), "three").ok());
  EXPECT_EQ(Read("CURRENT"), "three");
  EXPECT_EQ(Names(), std::vector<std::string>{"CURRENT"});
  EXPECT_GT(*fs_->FreeBytes(folder_), 0);
}

TEST_P(FileSystemContract, TakesCallsFromSeveralThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      const std::string name = std::to_string(i);
      for (int round = 0; round < 20; ++round) {
        EXPECT_TRUE(ReplaceFile(*fs_, Path(name), name).ok());
        EXPECT_EQ(Read(name), name);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Names().size(), 4U);
}

TEST(JoinPath, PutsOneSlash) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "/b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

TEST(RealFileSystem, WhoLooksForAHolderKeepsNobodyFromTheLock) {
  const TemporaryFolder folder;
  const std::string path = JoinPath(folder.path(), "lock");
  ASSERT_TRUE(RealFileSystem().Lock(path, "holder").ok());
  std::atomic<bool> done = false;
  std::thread looking([&] {
    while (!done) EXPECT_TRUE(RealFileSystem().LockHolder(path).ok());
  });
  for (int i = 0; i < 3000; ++i) EXPECT_TRUE(RealFileSystem().Lock(path, "holder").ok());
  done = true;
  looking.join();
}

TEST(RealFileSystem, ReportsTheErrorBehindAShortWrite) {
  const TemporaryFolder folder;
  auto file = *RealFileSystem().Create(folder.path() + "/a");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  // The kernel takes 1,000 bytes of it, then refuses the rest.
  const auto status = file->Append(Bytes(std::string(3000, 'x')));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(status.IsIOError()) << status;
  EXPECT_THAT(status.message(), HasSubstr("errno=27"));
  EXPECT_EQ((*RealFileSystem().List(folder.path()))[0].size_bytes, 1000);
}

TEST(ErrnoError, TellsKindsApart) {
  EXPECT_EQ(KindOf(ErrnoError(ENOENT, "read", "f")), ErrorKind::kNotFound);
  EXPECT_EQ(KindOf(ErrnoError(ENOSPC, "write", "f")), ErrorKind::kOverloaded);
  EXPECT_EQ(KindOf(ErrnoError(EDQUOT, "write", "f")), ErrorKind::kOverloaded);
  EXPECT_EQ(KindOf(ErrnoError(ENOSYS, "exchange", "f")), ErrorKind::kUnsupported);
  const auto status = ErrnoError(EIO, "read a file", "f");
  EXPECT_TRUE(status.IsIOError());
  EXPECT_EQ(status.message(), "Cannot read a file: path=f errno=5 (Input/output error)");
}

}  // namespace
}  // namespace larnax::io
