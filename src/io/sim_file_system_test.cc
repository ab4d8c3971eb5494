#include "io/sim_file_system.h"

#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "larnax/error.h"

namespace larnax::io {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Not;

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::unique_ptr<WritableFile> CreateSynced(SimFileSystem& fs, const std::string& path,
                                           std::string_view content) {
  auto file = *fs.Create(path);
  EXPECT_TRUE(file->Append(Bytes(content)).ok());
  EXPECT_TRUE(file->Sync().ok());
  return file;
}

std::string Read(SimFileSystem& fs, const std::string& path) {
  const auto content = ReadFile(fs, path);
  return content.ok() ? *content : "<none>";
}

/// The states that power cuts leave after `prepare`, over many seeds.
std::set<std::string> StatesAfterCrash(const std::function<void(SimFileSystem&)>& prepare,
                                       const std::function<std::string(SimFileSystem&)>& describe,
                                       SimCounters* total = nullptr) {
  std::set<std::string> states;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SimFileSystem fs(seed);
    prepare(fs);
    fs.Crash();
    states.insert(describe(fs));
    if (total == nullptr) continue;
    const SimCounters counters = fs.counters();
    total->kept_writes += counters.kept_writes;
    total->lost_writes += counters.lost_writes;
    total->torn_writes += counters.torn_writes;
    total->scattered_writes += counters.scattered_writes;
    total->zeroed_writes += counters.zeroed_writes;
    total->reordered_writes += counters.reordered_writes;
    total->reordered_entry_changes += counters.reordered_entry_changes;
  }
  return states;
}

std::string ReadF(SimFileSystem& fs) { return Read(fs, "f"); }

TEST(SimFileSystem, KeepsWhatWasSynced) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        CreateSynced(fs, "f", "synced");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
      },
      ReadF);
  EXPECT_THAT(states, ElementsAre("synced"));
}

TEST(SimFileSystem, EntryWithoutDirectorySyncMayBeLost) {
  const auto states =
      StatesAfterCrash([](SimFileSystem& fs) { CreateSynced(fs, "f", "synced"); }, ReadF);
  EXPECT_THAT(states, ElementsAre("<none>", "synced"));
}

TEST(SimFileSystem, UnsyncedBytesAreKeptLostOrTorn) {
  SimCounters total;
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        const auto file = CreateSynced(fs, "f", "S");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        ASSERT_TRUE(file->Append(Bytes("ab")).ok());
        ASSERT_TRUE(file->Append(Bytes("cd")).ok());
      },
      ReadF, &total);
  const std::string zeros(2, '\0');
  EXPECT_THAT(states,
              testing::IsSupersetOf({std::string("S"), std::string("Sa"), std::string("Sab"),
                                     std::string("Sabc"), std::string("Sabcd"), "S" + zeros + "cd",
                                     "S" + zeros, "Sab" + zeros}));
  EXPECT_THAT(states, Each(testing::StartsWith("S")));
  EXPECT_GT(total.kept_writes, 0);
  EXPECT_GT(total.lost_writes, 0);
  EXPECT_GT(total.torn_writes, 0);
  EXPECT_GT(total.scattered_writes, 0);
  EXPECT_GT(total.zeroed_writes, 0);
  EXPECT_GT(total.reordered_writes, 0);
}

TEST(SimFileSystem, RenameIsWholeOrNotAtAll) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        ASSERT_TRUE(fs.MakeDirectories("d").ok());
        CreateSynced(fs, "f", "old");
        CreateSynced(fs, "d/t", "new");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        ASSERT_TRUE(fs.SyncDirectory("d").ok());
        ASSERT_TRUE(fs.Rename("d/t", "f").ok());
      },
      [](SimFileSystem& fs) { return Read(fs, "f") + " " + Read(fs, "d/t"); });
  EXPECT_THAT(states, ElementsAre("new <none>", "old new"));
}

TEST(SimFileSystem, ExchangeIsWholeOrNotAtAll) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        ASSERT_TRUE(fs.MakeDirectories("a").ok());
        ASSERT_TRUE(fs.MakeDirectories("b").ok());
        CreateSynced(fs, "a/f", "A");
        CreateSynced(fs, "b/f", "B");
        ASSERT_TRUE(fs.SyncDirectory("a").ok());
        ASSERT_TRUE(fs.SyncDirectory("b").ok());
        ASSERT_TRUE(fs.Exchange("a", "b").ok());
      },
      [](SimFileSystem& fs) { return Read(fs, "a/f") + Read(fs, "b/f"); });
  EXPECT_THAT(states, ElementsAre("AB", "BA"));
}

TEST(SimFileSystem, IndependentEntryChangesAreLostOneByOne) {
  SimCounters total;
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        CreateSynced(fs, "a", "A");
        CreateSynced(fs, "b", "B");
      },
      [](SimFileSystem& fs) { return Read(fs, "a") + Read(fs, "b"); }, &total);
  EXPECT_THAT(states, ElementsAre("<none><none>", "<none>B", "A<none>", "AB"));
  EXPECT_GT(total.reordered_entry_changes, 0);
}

TEST(SimFileSystem, FileThatAlwaysHadANameKeepsOne) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        CreateSynced(fs, "a", "X");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        ASSERT_TRUE(fs.Link("a", "b").ok());
        ASSERT_TRUE(fs.RemoveFile("a").ok());
      },
      [](SimFileSystem& fs) { return Read(fs, "a") + Read(fs, "b"); });
  EXPECT_THAT(states, ElementsAre("<none>X", "X<none>", "XX"));
}

TEST(SimFileSystem, ReplaceFileLeavesOldOrNew) {
  const auto prepare = [](SimFileSystem& fs) {
    ASSERT_TRUE(ReplaceFile(fs, "f", "old").ok());
    fs.FailNth(SimOperation::kSync, 2, SimError::kIo);  // The folder's: after the rename.
    ASSERT_FALSE(ReplaceFile(fs, "f", "new").ok());
  };
  EXPECT_THAT(StatesAfterCrash(prepare, ReadF), ElementsAre("new", "old"));
}

TEST(SimFileSystem, DirectoriesSurviveThemselves) {
  const auto states =
      StatesAfterCrash([](SimFileSystem& fs) { ASSERT_TRUE(fs.MakeDirectories("a/b/c").ok()); },
                       [](SimFileSystem& fs) { return *fs.Exists("a/b/c") ? "there" : "gone"; });
  EXPECT_THAT(states, ElementsAre("there"));
}

TEST(SimFileSystem, LyingSyncKeepsNothingSafe) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        const auto file = CreateSynced(fs, "f", "S");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        fs.set_lying_sync(true);
        ASSERT_TRUE(file->Append(Bytes("T")).ok());
        ASSERT_TRUE(file->Sync().ok());
        ASSERT_EQ(fs.counters().lying_syncs, 1);
      },
      ReadF);
  EXPECT_THAT(states, Contains("S"));
  EXPECT_THAT(states, Contains("ST"));
}

TEST(SimFileSystem, LaterSyncDoesNotMendAFailedOne) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        const auto file = CreateSynced(fs, "f", "S");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        fs.FailNth(SimOperation::kSync, 1, SimError::kIo);
        ASSERT_TRUE(file->Append(Bytes("a")).ok());
        ASSERT_TRUE(file->Sync().IsIOError());
        ASSERT_TRUE(file->Append(Bytes("b")).ok());
        ASSERT_TRUE(file->Sync().ok());
      },
      ReadF);
  EXPECT_THAT(states, ElementsAre(std::string("S\0b", 3), "Sab"));
}

TEST(SimFileSystem, RewriteMendsAFailedSync) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        const auto file = CreateSynced(fs, "f", "S");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        fs.FailNth(SimOperation::kSync, 1, SimError::kIo);
        ASSERT_TRUE(file->Append(Bytes("ab")).ok());
        ASSERT_TRUE(file->Sync().IsIOError());
        ASSERT_TRUE(fs.RewriteAndSync("f", 2).ok());
      },
      ReadF);
  EXPECT_THAT(states, ElementsAre(std::string("S\0b", 3), "Sab"));
}

TEST(SimFileSystem, KillKeepsEverythingAndEndsHandles) {
  SimFileSystem fs(1);
  auto file = *fs.Create("f");
  ASSERT_TRUE(file->Append(Bytes("x")).ok());
  const auto reader = *fs.OpenReadable("f");
  auto lock = *fs.Lock("lock", "one");
  fs.Kill();
  EXPECT_EQ(Read(fs, "f"), "x");
  EXPECT_TRUE(file->Append(Bytes("y")).IsIOError());
  EXPECT_TRUE(file->Sync().IsIOError());
  std::vector<uint8_t> out(1);
  EXPECT_TRUE(reader->ReadAt(0, out).IsIOError());
  auto second = fs.Lock("lock", "two");
  ASSERT_TRUE(second.ok());
  // The dead process' lock must not free the living one's.
  lock.reset();
  EXPECT_EQ(KindOf(fs.Lock("lock", "three").status()), ErrorKind::kClosed);
  EXPECT_EQ(fs.counters().kills, 1);
}

TEST(SimFileSystem, FailsTheNthCall) {
  SimFileSystem fs(3);
  fs.FailNth(SimOperation::kCreate, 2, SimError::kDiskFull);
  EXPECT_TRUE(fs.Create("a").ok());
  EXPECT_EQ(KindOf(fs.Create("b").status()), ErrorKind::kOverloaded);
  auto file = *fs.Create("b");
  fs.FailNth(SimOperation::kRename, 1, SimError::kIo);
  EXPECT_TRUE(fs.Rename("a", "c").IsIOError());
  fs.FailNth(SimOperation::kTruncate, 1, SimError::kIo);
  EXPECT_TRUE(fs.Truncate("a", 0).IsIOError());
  fs.FailNth(SimOperation::kWrite, 1, SimError::kIo);
  EXPECT_TRUE(file->Append(Bytes("0123456789")).IsIOError());
  fs.FailNth(SimOperation::kRead, 1, SimError::kIo);
  std::vector<uint8_t> out(1);
  EXPECT_TRUE((*fs.OpenReadable("b"))->ReadAt(0, out).IsIOError());
  const SimCounters counters = fs.counters();
  EXPECT_EQ(counters.failed_creates, 1);
  EXPECT_EQ(counters.failed_renames, 1);
  EXPECT_EQ(counters.failed_truncates, 1);
  EXPECT_EQ(counters.failed_writes, 1);
  EXPECT_EQ(counters.failed_reads, 1);
  EXPECT_EQ(counters.disk_full_errors, 1);
}

TEST(SimFileSystem, FailsCallsThatLookMakeAndRemove) {
  SimFileSystem fs(3);
  CreateSynced(fs, "f", "abc");
  ASSERT_TRUE(fs.MakeDirectories("d").ok());
  const auto fail_next = [&](SimOperation operation) {
    fs.ClearFailures();
    fs.FailNth(operation, 1, SimError::kIo);
  };
  fail_next(SimOperation::kOpen);
  EXPECT_TRUE(fs.OpenReadable("f").status().IsIOError());
  EXPECT_TRUE(fs.OpenReadable("f").ok());
  fail_next(SimOperation::kList);
  EXPECT_TRUE(fs.List("d").status().IsIOError());
  fail_next(SimOperation::kList);
  EXPECT_TRUE(fs.Exists("d").status().IsIOError());
  fail_next(SimOperation::kList);
  EXPECT_TRUE(fs.FreeBytes("d").status().IsIOError());
  fail_next(SimOperation::kMakeDirectory);
  EXPECT_TRUE(fs.MakeDirectories("d/e").IsIOError());
  EXPECT_FALSE(*fs.Exists("d/e"));
  fail_next(SimOperation::kRemove);
  EXPECT_TRUE(fs.RemoveFile("f").IsIOError());
  fail_next(SimOperation::kRemove);
  EXPECT_TRUE(fs.RemoveDirectory("d").IsIOError());
  EXPECT_EQ(Read(fs, "f"), "abc");
  EXPECT_EQ(fs.counters().failed_opens, 1);
  EXPECT_EQ(fs.counters().failed_lists, 3);
  EXPECT_EQ(fs.counters().failed_make_directories, 1);
  EXPECT_EQ(fs.counters().failed_removes, 2);
}

TEST(SimFileSystem, DirectoriesAreSafeThoughAnEarlierSyncFailed) {
  for (int64_t nth = 1; nth <= 3; ++nth) {
    const auto states = StatesAfterCrash(
        [nth](SimFileSystem& fs) {
          fs.FailNth(SimOperation::kSync, nth, SimError::kIo);
          ASSERT_TRUE(fs.MakeDirectories("a/b/c").IsIOError());
          ASSERT_TRUE(fs.MakeDirectories("a/b/c").ok());
        },
        [](SimFileSystem& fs) { return std::string(*fs.Exists("a/b/c") ? "there" : "lost"); });
    EXPECT_THAT(states, ElementsAre("there")) << "failed sync: " << nth;
  }
}

TEST(SimFileSystem, ReadOnlyDiskGivesUpWhatWasNotSynced) {
  const auto states = StatesAfterCrash(
      [](SimFileSystem& fs) {
        const auto file = CreateSynced(fs, "f", "S");
        ASSERT_TRUE(fs.SyncDirectory("/").ok());
        ASSERT_TRUE(file->Append(Bytes("a")).ok());
        fs.set_read_only(true);
        EXPECT_TRUE(file->Append(Bytes("b")).IsIOError());
        EXPECT_TRUE(file->Sync().IsIOError());
        EXPECT_TRUE(fs.Create("g").status().IsIOError());
        EXPECT_TRUE(fs.Rename("f", "g").IsIOError());
        EXPECT_TRUE(fs.RemoveFile("f").IsIOError());
        EXPECT_TRUE(fs.MakeDirectories("d").IsIOError());
        EXPECT_TRUE(fs.Lock("lock", "").status().IsIOError());
        EXPECT_EQ(fs.counters().read_only_errors, 7);
        EXPECT_TRUE(fs.List("/").ok());
        fs.set_read_only(false);
        EXPECT_TRUE(file->Sync().ok());
        EXPECT_EQ(Read(fs, "f").substr(0, 2), "Sa");
      },
      [](SimFileSystem& fs) { return Read(fs, "f").substr(0, 2); });
  // Whatever a failed write left behind it, a later sync does not bring back what was given up.
  EXPECT_THAT(states, Contains("Sa"));
  EXPECT_GT(states.size(), 1U);
}

TEST(SimFileSystem, FaultlessCallsPassByAllFaults) {
  SimFileSystem fs(4);
  SimClock clock;
  fs.set_read_only(true);
  fs.set_operation_time(&clock, 1000);
  fs.FailRandomly(SimOperation::kList, 1, SimError::kIo);
  fs.set_capacity_bytes(0);
  fs.set_faultless(true);
  EXPECT_TRUE(fs.List("/").ok());
  EXPECT_TRUE(fs.Create("f").ok());
  fs.set_faultless(false);
  EXPECT_FALSE(fs.List("/").ok());
  EXPECT_FALSE(fs.Create("g").ok());
}

TEST(SimFileSystem, CopyHasWhatIsSeenAndSharesNothing) {
  SimFileSystem fs(5);
  ASSERT_TRUE(fs.MakeDirectories("d").ok());
  const auto file = *fs.Create("d/f");
  ASSERT_TRUE(file->Append(Bytes("abc")).ok());
  ASSERT_TRUE(fs.Link("d/f", "g").ok());
  SimFileSystem copy(1);
  copy.CopyFrom(fs);
  copy.Crash();
  EXPECT_EQ(Read(copy, "d/f"), "abc");
  ASSERT_TRUE(copy.Corrupt("d/f", 0).ok());
  EXPECT_EQ(Read(copy, "g"), Read(copy, "d/f"));
  EXPECT_EQ(Read(fs, "g"), "abc");
}

TEST(SimFileSystem, ContentsHaveVersions) {
  SimFileSystem fs(6);
  const auto file = CreateSynced(fs, "f", "abc");
  std::set<uint64_t> versions{*fs.ContentVersion("f")};
  EXPECT_EQ(*fs.ContentVersion("f"), *versions.begin());
  ASSERT_TRUE(file->Append(Bytes("d")).ok());
  versions.insert(*fs.ContentVersion("f"));
  ASSERT_TRUE(fs.Corrupt("f", 0).ok());
  versions.insert(*fs.ContentVersion("f"));
  ASSERT_TRUE(fs.SyncDirectory("/").ok());
  fs.Crash();
  versions.insert(*fs.ContentVersion("f"));
  ASSERT_TRUE(fs.Truncate("f", 1).ok());
  versions.insert(*fs.ContentVersion("f"));
  EXPECT_EQ(versions.size(), 5U);
}

TEST(SimFileSystem, CountsWhereItIsTold) {
  SimFileSystem fs(7);
  SimCounters of_f;
  SimCounters others;
  fs.set_counters_of(
      [&](const std::string& path) -> SimCounters& { return path == "f" ? of_f : others; });
  fs.FailRandomly(SimOperation::kCreate, 1, SimError::kIo);
  EXPECT_FALSE(fs.Create("f").ok());
  EXPECT_FALSE(fs.Create("g").ok());
  EXPECT_FALSE(fs.Create("h").ok());
  EXPECT_EQ(of_f.failed_creates, 1);
  EXPECT_EQ(others.failed_creates, 2);
}

TEST(SimFileSystem, FailsAtRandomUntilCleared) {
  SimFileSystem fs(4);
  auto file = *fs.Create("f");
  fs.FailRandomly(SimOperation::kWrite, 0.5, SimError::kIo);
  int failed = 0;
  for (int i = 0; i < 200; ++i) failed += file->Append(Bytes("abc")).ok() ? 0 : 1;
  EXPECT_GT(failed, 50);
  EXPECT_LT(failed, 150);
  EXPECT_EQ(fs.counters().failed_writes, failed);
  EXPECT_GT(fs.counters().short_writes, 0);
  fs.ClearFailures();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(file->Append(Bytes("abc")).ok());
}

TEST(SimFileSystem, DiskFillsAndEmpties) {
  SimFileSystem fs(5);
  fs.set_capacity_bytes(10);
  auto file = *fs.Create("f");
  ASSERT_TRUE(file->Append(Bytes("12345678")).ok());
  EXPECT_EQ(*fs.FreeBytes("/"), 2);
  EXPECT_EQ(KindOf(file->Append(Bytes("abcd"))), ErrorKind::kOverloaded);
  EXPECT_EQ(Read(fs, "f"), "12345678ab");
  EXPECT_EQ(fs.counters().short_writes, 1);
  EXPECT_EQ(KindOf(fs.Create("g").status()), ErrorKind::kOverloaded);
  EXPECT_EQ(KindOf(fs.MakeDirectories("d")), ErrorKind::kOverloaded);
  ASSERT_TRUE(fs.Truncate("f", 1).ok());
  EXPECT_TRUE(fs.Create("g").ok());
  EXPECT_EQ(fs.counters().disk_full_errors, 3);
}

TEST(SimFileSystem, TakesTimeAndFlipsBits) {
  SimFileSystem fs(6);
  SimClock clock;
  fs.set_operation_time(&clock, 1000);
  CreateSynced(fs, "f", "abc");
  EXPECT_EQ(clock.MonotonicNs(), 3000);
  EXPECT_EQ(fs.counters().slow_operations, 3);
  ASSERT_TRUE(fs.Corrupt("f", 1, 0x20).ok());
  EXPECT_EQ(Read(fs, "f"), "aBc");
  EXPECT_TRUE(fs.Corrupt("f", 3).IsIOError());
  EXPECT_EQ(fs.counters().bit_flips, 1);
}

TEST(SimFileSystem, SameSeedSameFate) {
  const auto run = [](uint64_t seed) {
    SimFileSystem fs(seed);
    const auto file = CreateSynced(fs, "f", "S");
    EXPECT_TRUE(fs.SyncDirectory("/").ok());
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(file->Append(Bytes("abcdefgh")).ok());
    fs.Crash();
    return Read(fs, "f");
  };
  std::set<std::string> fates;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(run(seed), run(seed));
    fates.insert(run(seed));
  }
  EXPECT_GT(fates.size(), 5U);
}

}  // namespace
}  // namespace larnax::io
