#include "store/manifest/manifest_log.h"

#include <gtest/gtest.h>

#include "base/civil_time.h"
#include "io/sim_file_system.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

using test::IsKind;

constexpr int64_t kNow = 1'790'000'000'000;  // 2026-09-21.

FileEntry MakeEntry(const std::string& name, int64_t day, int level) {
  return {.table = "samples",
          .name = name,
          .day = day,
          .level = level,
          .bytes = 10,
          .series_bytes = 5,
          .rows = 2,
          .series = 1,
          .min_time_ms = day * base::kDayMs,
          .max_time_ms = day * base::kDayMs + 1,
          .min_metric = "a",
          .max_metric = "b",
          .min_sequence = 1,
          .max_sequence = 2,
          .footer_bytes = 1,
          .series_footer_bytes = 1,
          .created_ms = 3};
}

class ManifestLogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(fs_.MakeDirectories("/a/manifest")); }

  arrow::Status Commit(ManifestLog& log, std::vector<FileEntry> files, int64_t now_ms = kNow) {
    Manifest manifest;
    manifest.files = std::move(files);
    return log.Commit(std::move(manifest), now_ms, &state_);
  }

  // Names of the files that a fresh reader finds listed.
  std::vector<std::string> Listed() {
    ManifestLog log(&fs_, "/a");
    auto manifest = log.Load();
    EXPECT_OK(manifest);
    std::vector<std::string> names;
    if (!manifest.ok() || !manifest->has_value()) return names;
    for (const FileEntry& file : (*manifest)->files) names.push_back(file.name);
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<std::string> FilesOnDisk() {
    std::vector<std::string> names;
    for (const auto& entry : fs_.List("/a/manifest").ValueOrDie()) names.push_back(entry.name);
    return names;
  }

  io::SimFileSystem fs_{1};
  CommitState state_ = CommitState::kNotCommitted;
};

using testing::ElementsAre;

TEST_F(ManifestLogTest, NewArchiveHasNone) {
  ManifestLog log(&fs_, "/a");
  ASSERT_OK_AND_ASSIGN(const auto manifest, log.Load());
  EXPECT_FALSE(manifest.has_value());
}

TEST_F(ManifestLogTest, NewestCommitIsRead) {
  ManifestLog log(&fs_, "/a");
  ASSERT_OK(Commit(log, {MakeEntry("a", 20'710, 0)}));
  ASSERT_OK(Commit(log, {MakeEntry("a", 20'710, 0), MakeEntry("b", 20'710, 0)}));
  EXPECT_EQ(log.number(), 2);
  EXPECT_THAT(Listed(), ElementsAre("a", "b"));
  fs_.Crash();
  EXPECT_THAT(Listed(), ElementsAre("a", "b"));
}

TEST_F(ManifestLogTest, OldMonthsAreWrittenOnceAndByReference) {
  const int64_t may = base::DaysFromCivil(2026, 5, 7);
  const int64_t august = base::DaysFromCivil(2026, 8, 31);
  ManifestLog log(&fs_, "/a");
  std::vector<FileEntry> files = {MakeEntry("may", may, 3), MakeEntry("late", may, 0),
                                  MakeEntry("august", august, 3)};
  ASSERT_OK(Commit(log, files));
  EXPECT_THAT(FilesOnDisk(), ElementsAre("1.json", "CURRENT", "month-2026-05-1.json"));
  EXPECT_THAT(Listed(), ElementsAre("august", "late", "may"));
  files.push_back(MakeEntry("today", 20'710, 0));
  ASSERT_OK(Commit(log, files));
  EXPECT_THAT(FilesOnDisk(), ElementsAre("1.json", "2.json", "CURRENT", "month-2026-05-1.json"));
  // Another process goes on with the same month.
  ManifestLog next(&fs_, "/a");
  ASSERT_OK(next.Load());
  ASSERT_OK(Commit(next, files));
  EXPECT_THAT(FilesOnDisk(),
              ElementsAre("1.json", "2.json", "3.json", "CURRENT", "month-2026-05-1.json"));
  // Late data were merged, and August is two months ago.
  files = {MakeEntry("may2", may, 3), MakeEntry("august", august, 3)};
  ASSERT_OK(Commit(next, files, kNow + 20 * base::kDayMs));
  EXPECT_THAT(Listed(), ElementsAre("august", "may2"));
  const auto on_disk = FilesOnDisk();
  EXPECT_THAT(on_disk, testing::Contains("month-2026-05-4.json"));
  EXPECT_THAT(on_disk, testing::Contains("month-2026-08-4.json"));
}

TEST_F(ManifestLogTest, AMonthWhoseFilesHaveOtherIndexesIsWrittenAnew) {
  FileEntry entry = MakeEntry("may", base::DaysFromCivil(2026, 5, 7), 3);
  ManifestLog log(&fs_, "/a");
  ASSERT_OK(Commit(log, {entry}));
  ManifestLog next(&fs_, "/a");
  ASSERT_OK(next.Load());
  entry.series_footer_crc32c = 7;
  ASSERT_OK(Commit(next, {entry}));
  ManifestLog reader(&fs_, "/a");
  ASSERT_OK_AND_ASSIGN(const auto manifest, reader.Load());
  EXPECT_THAT(manifest->files, ElementsAre(entry));
  // Once is enough.
  ASSERT_OK(Commit(next, {entry}));
  EXPECT_THAT(FilesOnDisk(), ElementsAre("1.json", "2.json", "3.json", "CURRENT",
                                         "month-2026-05-1.json", "month-2026-05-2.json"));
}

TEST_F(ManifestLogTest, FewOldManifestsAreKept) {
  ManifestLog log(&fs_, "/a");
  const int64_t may = base::DaysFromCivil(2026, 5, 7);
  for (int i = 0; i < 9; ++i) {
    ASSERT_OK(Commit(log, {MakeEntry("m" + std::to_string(i), may, 3)}));
    log.RemoveOld();
  }
  EXPECT_THAT(FilesOnDisk(),
              ElementsAre("6.json", "7.json", "8.json", "9.json", "CURRENT", "month-2026-05-6.json",
                          "month-2026-05-7.json", "month-2026-05-8.json", "month-2026-05-9.json"));
  EXPECT_THAT(Listed(), ElementsAre("m8"));
}

TEST_F(ManifestLogTest, DamageIsToldNeverSteppedOver) {
  ManifestLog log(&fs_, "/a");
  ASSERT_OK(Commit(log, {MakeEntry("a", base::DaysFromCivil(2026, 5, 7), 3)}));
  ASSERT_OK(Commit(log, {MakeEntry("a", base::DaysFromCivil(2026, 5, 7), 3)}));
  for (const std::string path :
       {"/a/manifest/2.json", "/a/manifest/CURRENT", "/a/manifest/month-2026-05-1.json"}) {
    ASSERT_OK_AND_ASSIGN(const std::string text, io::ReadFile(fs_, path));
    for (size_t i = 0; i < text.size(); ++i) {
      ASSERT_OK(fs_.Corrupt(path, static_cast<int64_t>(i), 4));
      ManifestLog reader(&fs_, "/a");
      const auto read = reader.Load();
      EXPECT_THAT(read, IsKind(ErrorKind::kCorrupt)) << path << " " << i;
      ASSERT_OK(fs_.Corrupt(path, static_cast<int64_t>(i), 4));
    }
    ASSERT_OK(fs_.Rename(path, "/a/away"));
    if (!path.ends_with("CURRENT")) {
      ManifestLog reader(&fs_, "/a");
      EXPECT_THAT(reader.Load(), IsKind(ErrorKind::kCorrupt)) << path;
    }
    ASSERT_OK(fs_.Rename("/a/away", path));
  }
  EXPECT_THAT(Listed(), ElementsAre("a"));
}

TEST_F(ManifestLogTest, ADamagedDigitOfCurrentNamesNoOtherManifest) {
  ManifestLog log(&fs_, "/a");
  for (int i = 0; i < 4; ++i) ASSERT_OK(Commit(log, {MakeEntry("a", 20'700, 3)}));
  const std::string path = "/a/manifest/CURRENT";
  ASSERT_OK_AND_ASSIGN(const std::string text, io::ReadFile(fs_, path));
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      ASSERT_OK(fs_.Corrupt(path, static_cast<int64_t>(i), static_cast<uint8_t>(1 << bit)));
      ManifestLog reader(&fs_, "/a");
      EXPECT_THAT(reader.Load(), IsKind(ErrorKind::kCorrupt)) << i << " " << bit;
      ASSERT_OK(fs_.Corrupt(path, static_cast<int64_t>(i), static_cast<uint8_t>(1 << bit)));
    }
  }
  // A person, who wants an older one, may write its name alone.
  ASSERT_OK(io::ReplaceFile(fs_, path, "3.json\n"));
  ManifestLog reader(&fs_, "/a");
  ASSERT_OK_AND_ASSIGN(const auto older, reader.Load());
  EXPECT_EQ(older->number, 3);
}

// Whatever fails, and whatever a power cut then leaves, is the old or the new state; and the state
// that the log reports is what is on disk.
TEST_F(ManifestLogTest, FailedCommitLeavesTheOldOrTheNewState) {
  int uncertain = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    for (const auto operation : {io::SimOperation::kCreate, io::SimOperation::kWrite,
                                 io::SimOperation::kSync, io::SimOperation::kRename}) {
      io::SimFileSystem fs(seed);
      ASSERT_OK(fs.MakeDirectories("/a/manifest"));
      ManifestLog log(&fs, "/a");
      Manifest old;
      old.files = {MakeEntry("old", 20'700, 0)};
      ASSERT_OK(log.Commit(old, kNow, &state_));
      Manifest fresh;
      fresh.files = {MakeEntry("new", 20'700, 0)};
      fs.FailNth(operation, static_cast<int64_t>(1 + seed % 5), io::SimError::kDiskFull);
      const auto committed = log.Commit(fresh, kNow, &state_);
      fs.ClearFailures();
      if (seed % 2 == 0) fs.Crash();
      ManifestLog reader(&fs, "/a");
      ASSERT_OK_AND_ASSIGN(const auto manifest, reader.Load());
      ASSERT_TRUE(manifest.has_value());
      const std::string name = manifest->files[0].name;
      if (committed.ok()) {
        EXPECT_EQ(name, "new");
      } else if (state_ == CommitState::kNotCommitted) {
        EXPECT_EQ(name, "old");
      } else {
        ++uncertain;
      }
      if (seed % 2 == 1) {
        ASSERT_OK(log.Commit(fresh, kNow, &state_));
        ManifestLog again(&fs, "/a");
        ASSERT_OK_AND_ASSIGN(const auto settled, again.Load());
        EXPECT_EQ(settled->files[0].name, "new");
      }
    }
  }
  EXPECT_GT(uncertain, 0);
}

}  // namespace
}  // namespace larnax::store
