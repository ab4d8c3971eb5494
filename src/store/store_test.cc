#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/civil_time.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "store/store_fixture.h"
#include "store/watched_file_system.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

using test::HasMessage;
using test::IsKind;

constexpr int64_t kNow = 1'790'000'000'000;  // 2026-09-21T13:33:20Z.
constexpr int64_t kDay = base::kDayMs;

class StoreTest : public testing::Test {
 protected:
  arrow::Status Open(int64_t now_ms = kNow) {
    store_ = nullptr;
    ARROW_ASSIGN_OR_RAISE(store_, Store::Open(fs_, "/a", options_, now_ms));
    return arrow::Status::OK();
  }

  arrow::Status Flush(const std::vector<TestSample>& samples, int64_t now_ms = kNow) {
    const auto frozen = head_.Freeze(samples, {.segment = 1, .offset_bytes = ++position_});
    ARROW_RETURN_NOT_OK(store_->Flush(*frozen, now_ms));
    head_.NoteFlushed(*frozen);
    AddToOracle(samples, &oracle_);
    return arrow::Status::OK();
  }

  arrow::Result<Oracle> Read(SelectRequest request = {}, head::HeadSnapshot head = {},
                             ReadStats* stats = nullptr) {
    ARROW_ASSIGN_OR_RAISE(auto stream, store_->Select(std::move(head), request, clock_));
    ARROW_ASSIGN_OR_RAISE(Oracle all, ReadAll(*stream));
    if (stats != nullptr) *stats = stream->stats();
    return all;
  }

  void ExpectSame(const std::string& when) {
    ASSERT_OK_AND_ASSIGN(const Oracle got, Read());
    EXPECT_EQ(Difference(oracle_, got), "") << when;
  }

  io::SimFileSystem fs_{1};
  io::SimClock clock_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  TestHead head_;
  Oracle oracle_;
  int64_t position_ = 0;
};

TEST_F(StoreTest, NewArchiveIsEmptyAndOpensAgain) {
  ASSERT_OK(Open());
  EXPECT_EQ(store_->files_through_ms(), -1);
  EXPECT_EQ(store_->wal_position(), head::LogPosition());
  ExpectSame("empty");
  const int64_t epoch = store_->Current()->manifest.epoch;
  ASSERT_OK(Open());
  EXPECT_EQ(store_->Current()->manifest.epoch, epoch + 1);
}

TEST_F(StoreTest, FlushedSamplesAreReadBackBitForBit) {
  ASSERT_OK(Open());
  io::Random random(7);
  for (int i = 0; i < 12; ++i) {
    ASSERT_OK(Flush(DrawSamples(random, 300, kNow - 2 * kDay + i * 1000, 3 * kDay)));
    ExpectSame("flush " + std::to_string(i));
  }
  EXPECT_EQ(store_->wal_position(), (head::LogPosition{.segment = 1, .offset_bytes = position_}));
  ASSERT_OK(Open());
  ExpectSame("reopened");
  while (true) {
    ASSERT_OK_AND_ASSIGN(const bool merged, store_->MergeOnce(kNow, false));
    ExpectSame("merged");
    if (!merged) break;
  }
  while (true) {
    ASSERT_OK_AND_ASSIGN(const bool merged, store_->MergeOnce(kNow + 10 * kDay, true));
    ExpectSame("merged everything");
    if (!merged) break;
  }
  for (const DayRuns& day : RunsOf(*store_->Current())) {
    EXPECT_EQ(day.runs.size(), 1u);
    EXPECT_EQ(day.runs[0].level, kDayLevel);
  }
  ASSERT_OK(Open());
  ExpectSame("merged and reopened");
}

std::vector<TestSample> Samples(int series, int64_t first_ms, int count, double value) {
  std::vector<TestSample> samples;
  for (int row = 0; row < count; ++row) {
    for (int i = 0; i < series; ++i) {
      samples.push_back(
          {.labels = MakeLabels({{"__name__", "m" + std::to_string(i)}, {"job", "j"}}),
           .time_ms = first_ms + row * 1000,
           .value = value});
    }
  }
  return samples;
}

TEST_F(StoreTest, StoredSamplesAreNotStoredAgain) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(5, kNow, 10, 1)));
  EXPECT_EQ(store_->Current()->rows(), 50);
  // All of it again: only the position moves.
  const int64_t sequence = store_->Current()->manifest.next_sequence;
  ASSERT_OK(Flush(Samples(5, kNow, 10, 1)));
  EXPECT_EQ(store_->Current()->rows(), 50);
  EXPECT_EQ(store_->Current()->files.size(), 1u);
  EXPECT_EQ(store_->Current()->manifest.next_sequence, sequence);
  EXPECT_EQ(store_->wal_position().offset_bytes, position_);
  // Half of it again, after a restart.
  ASSERT_OK(Open());
  head_.Restart(store_->files_through_ms());
  ASSERT_OK(Flush(Samples(5, kNow + 5000, 10, 1)));
  EXPECT_EQ(store_->Current()->rows(), 75);
  ExpectSame("half again");
}

TEST_F(StoreTest, LaterValueWinsAndComesBack) {
  ASSERT_OK(Open());
  for (const double value : {1.0, 2.0, 1.0}) {
    ASSERT_OK(Flush(Samples(3, kNow, 4, value)));
    ExpectSame("overwritten");
  }
  // The first value stands in an older file: it has to be written again.
  EXPECT_EQ(store_->Current()->rows(), 36);
  ASSERT_OK_AND_ASSIGN(const bool merged, store_->MergeOnce(kNow, true));
  EXPECT_TRUE(merged);
  EXPECT_EQ(store_->Current()->rows(), 12);
  ExpectSame("merged");
}

TEST_F(StoreTest, ManyDaysAreCommittedInParts) {
  ASSERT_OK(Open());
  std::vector<TestSample> samples;
  for (int day = 0; day < 40; ++day) {
    const auto more = Samples(2, kNow - day * kDay, 3, day);
    samples.insert(samples.end(), more.begin(), more.end());
  }
  const int64_t number = store_->Current()->manifest.number;
  ASSERT_OK(Flush(samples));
  EXPECT_EQ(store_->Current()->manifest.number, number + 3);
  EXPECT_EQ(store_->Current()->files.size(), 40u);
  ExpectSame("40 days");
  ASSERT_OK(Open());
  ExpectSame("reopened");
}

TEST_F(StoreTest, FlushThatFailedGoesOnWhereItStopped) {
  ASSERT_OK(Open());
  std::vector<TestSample> samples;
  for (int day = 0; day < 20; ++day) {
    const auto more = Samples(2, kNow - day * kDay, 3, day);
    samples.insert(samples.end(), more.begin(), more.end());
  }
  const auto frozen = head_.Freeze(samples, {.segment = 1, .offset_bytes = 77});
  const head::LogPosition before = store_->wal_position();
  int failures = 0;
  for (int64_t nth = 1;; nth += 7) {
    fs_.FailNth(io::SimOperation::kCreate, nth, io::SimError::kDiskFull);
    const auto flushed = store_->Flush(*frozen, kNow);
    fs_.ClearFailures();
    if (flushed.ok()) break;
    ++failures;
    EXPECT_THAT(flushed, IsKind(ErrorKind::kOverloaded));
    EXPECT_EQ(store_->wal_position(), before);
    EXPECT_THAT(fs_.List("/a/staging").ValueOrDie(), testing::IsEmpty());
  }
  EXPECT_GT(failures, 3);
  AddToOracle(samples, &oracle_);
  ExpectSame("at last");
  EXPECT_EQ(store_->Current()->rows(), 120);
  EXPECT_EQ(store_->wal_position().offset_bytes, 77);
}

TEST_F(StoreTest, MergeThatFailedLeavesEverythingAsItWas) {
  options_.merge.fan_in = 2;
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(5, kNow, 10, 1)));
  ASSERT_OK(Flush(Samples(5, kNow + 60'000, 10, 2)));
  const auto before = store_->Current();
  int failures = 0;
  for (const auto operation : {io::SimOperation::kCreate, io::SimOperation::kWrite,
                               io::SimOperation::kSync, io::SimOperation::kRename}) {
    for (int64_t nth = 1; nth <= 6; ++nth) {
      fs_.FailNth(operation, nth, io::SimError::kIo);
      const auto merged = store_->MergeOnce(kNow, true);
      fs_.ClearFailures();
      if (merged.ok()) continue;
      ++failures;
      EXPECT_EQ(store_->Current(), before);
      ExpectSame("failed");
    }
    if (store_->Current() != before) break;
  }
  EXPECT_GT(failures, 3);
  std::atomic<bool> cancelled = true;
  ASSERT_OK(Flush(Samples(5, kNow + 120'000, 10, 2)));
  EXPECT_THAT(store_->MergeOnce(kNow, true, &cancelled), IsKind(ErrorKind::kCancelled));
  ASSERT_OK(store_->MergeOnce(kNow, true));
  ExpectSame("merged");
  ASSERT_OK(Open());
  ExpectSame("reopened");
}

TEST_F(StoreTest, LargeOutputIsCutAtMetrics) {
  options_.merge.max_file_bytes = 1;
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(5, kNow, 10, 1)));
  ASSERT_OK(Flush(Samples(5, kNow + 60'000, 10, 2)));
  ASSERT_OK(store_->MergeOnce(kNow, true));
  const auto version = store_->Current();
  ASSERT_EQ(version->files.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(version->files[i]->entry().min_metric, "m" + std::to_string(i));
    EXPECT_EQ(version->files[i]->entry().max_metric, "m" + std::to_string(i));
  }
  EXPECT_EQ(RunsOf(*version)[0].runs.size(), 1u);
  ExpectSame("cut");
}

TEST_F(StoreTest, LabelsThatOneFileCannotHoldGoIntoMore) {
  options_.writer.most_label_bytes = 200;
  ASSERT_OK(Open());
  std::vector<TestSample> samples;
  for (int i = 0; i < 40; ++i) {
    const std::string pod = "pod-" + std::string(50, 'x') + std::to_string(i);
    for (int row = 0; row < 3; ++row) {
      samples.push_back({.labels = MakeLabels({{"__name__", "m"}, {"pod", pod}}),
                         .time_ms = kNow + row * 1000,
                         .value = 1.5 * i});
    }
  }
  ASSERT_OK(Flush(samples));
  EXPECT_GT(store_->Current()->files.size(), 5u);
  EXPECT_EQ(RunsOf(*store_->Current())[0].runs.size(), 1u);
  ExpectSame("flushed");
  ASSERT_OK(Flush(Samples(1, kNow + 60'000, 10, 2)));
  ASSERT_OK(store_->MergeOnce(kNow, true));
  EXPECT_GT(store_->Current()->files.size(), 5u);
  EXPECT_EQ(RunsOf(*store_->Current())[0].runs.size(), 1u);
  ExpectSame("merged");
  // With room for all they become one file again.
  options_.writer.most_label_bytes = 1 << 20;
  ASSERT_OK(Open());
  ExpectSame("reopened");
  ASSERT_OK(Flush(Samples(1, kNow + 120'000, 10, 2)));
  ASSERT_OK(store_->MergeOnce(kNow, true));
  EXPECT_EQ(store_->Current()->files.size(), 1u);
  ExpectSame("one file");
}

TEST_F(StoreTest, AMergeThatFailsKeepsNoOtherWaiting) {
  options_.merge.fan_in = 2;
  ASSERT_OK(Open());
  for (const int64_t day : {0, 1}) {
    ASSERT_OK(Flush(Samples(2, kNow - day * kDay, 10, 1)));
    ASSERT_OK(Flush(Samples(2, kNow - day * kDay + 60'000, 10, 2)));
  }
  fs_.FailNth(io::SimOperation::kCreate, 1, io::SimError::kIo);
  ASSERT_FALSE(store_->MergeOnce(kNow, false).ok());
  fs_.ClearFailures();
  const auto runs = [&](size_t day) { return RunsOf(*store_->Current())[day].runs.size(); };
  EXPECT_EQ(runs(0), 2u);
  ASSERT_OK_AND_ASSIGN(bool merged, store_->MergeOnce(kNow, false));
  EXPECT_TRUE(merged);
  EXPECT_EQ(runs(0), 2u);
  EXPECT_EQ(runs(1), 1u);
  for (int calls = 0; calls < 20 && runs(0) > 1; ++calls) ASSERT_OK(store_->MergeOnce(kNow, false));
  EXPECT_EQ(runs(0), 1u);
  ExpectSame("merged");
}

TEST_F(StoreTest, NoMergeTakesTheRestOfTheDisk) {
  options_.merge.fan_in = 2;
  options_.merge.min_free_bytes = 1 << 20;
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, kNow, 10, 1)));
  ASSERT_OK(Flush(Samples(2, kNow + 60'000, 10, 2)));
  fs_.set_capacity_bytes(1 << 20);
  ASSERT_OK_AND_ASSIGN(bool merged, store_->MergeOnce(kNow, false));
  EXPECT_FALSE(merged);
  EXPECT_THAT(store_->MergeOnce(kNow, true), IsKind(ErrorKind::kOverloaded));
  fs_.set_capacity_bytes(std::nullopt);
  ASSERT_OK_AND_ASSIGN(merged, store_->MergeOnce(kNow, false));
  EXPECT_TRUE(merged);
}

TEST_F(StoreTest, SchemaFileHasEveryColumnBeforeItIsUsed) {
  options_.max_columns = 3;
  ASSERT_OK(Open());
  const auto columns = [&] {
    std::vector<std::string> names;
    for (const auto& entry : store_->Current()->registry.entries()) names.push_back(entry.label);
    return names;
  };
  const std::string path = "/a/samples/date=1970-01-01/00-schema.parquet";
  ASSERT_OK_AND_ASSIGN(const std::string empty, io::ReadFile(fs_, path));
  ASSERT_OK(Flush(Samples(1, kNow, 1, 1)));
  EXPECT_THAT(columns(), testing::ElementsAre("job"));
  ASSERT_OK_AND_ASSIGN(const std::string one, io::ReadFile(fs_, path));
  EXPECT_NE(one, empty);
  ASSERT_OK(Flush({{.labels = MakeLabels({{"__name__", "x"}, {"b", "1"}, {"a", "1"}, {"c", "1"}}),
                    .time_ms = kNow,
                    .value = 1}}));
  EXPECT_THAT(columns(), testing::ElementsAre("job", "a", "b"));
  ASSERT_OK_AND_ASSIGN(const std::string three, io::ReadFile(fs_, path));
  EXPECT_NE(three, one);
  ASSERT_OK(Open());
  EXPECT_THAT(columns(), testing::ElementsAre("job", "a", "b"));
  ASSERT_OK(Flush(Samples(1, kNow + 9000, 1, 1)));
  ASSERT_OK_AND_ASSIGN(const std::string same, io::ReadFile(fs_, path));
  EXPECT_EQ(same, three);
  ExpectSame("columns and other_labels");
}

TEST_F(StoreTest, SamplesOf1970LiveBesideTheSchemaFile) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, 0, 3, 1)));
  ASSERT_OK(Flush(Samples(2, 60'000, 3, 1)));
  ASSERT_OK(store_->MergeOnce(kNow, true));
  ExpectSame("1970");
  const auto files = fs_.List("/a/samples/date=1970-01-01").ValueOrDie();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].name, "00-schema.parquet");
  ASSERT_OK(Open());
  ExpectSame("reopened");
}

TEST_F(StoreTest, WhoeverComesSecondIsTold) {
  options_.lock_content = "127.0.0.1:9797";
  ASSERT_OK(Open());
  const auto second = Store::Open(fs_, "/a", options_, kNow);
  EXPECT_THAT(second, IsKind(ErrorKind::kClosed));
  EXPECT_THAT(second, HasMessage("127.0.0.1:9797"));
}

TEST_F(StoreTest, WithoutItsManifestAnArchiveIsNotTakenForANewOne) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, kNow, 3, 1)));
  ASSERT_OK(fs_.Rename("/a/manifest/CURRENT", "/away"));
  const auto opened = Open();
  EXPECT_THAT(opened, IsKind(ErrorKind::kCorrupt));
  EXPECT_THAT(opened, HasMessage("CURRENT"));
  ASSERT_OK(fs_.Rename("/away", "/a/manifest/CURRENT"));
  ASSERT_OK(Open());
  ExpectSame("whole again");
}

TEST_F(StoreTest, LostAndCutFilesAreAnsweredAroundUntilTheyComeBack) {
  ASSERT_OK(Open());
  for (int i = 0; i < 4; ++i) ASSERT_OK(Flush(Samples(2, kNow - kDay, 3, i)));
  ASSERT_OK(Flush(Samples(2, kNow, 3, 1)));
  const std::string path = store_->Current()->files[3]->PathIn(Tree::kData, false);
  ASSERT_OK_AND_ASSIGN(const std::string whole, io::ReadFile(fs_, path));
  for (const bool is_cut : {true, false}) {
    ASSERT_OK(fs_.RemoveFile(path));
    if (is_cut) {
      ASSERT_OK(io::ReplaceFile(fs_, path, whole.substr(0, whole.size() - 1)));
    }
    ASSERT_OK(Open());
    EXPECT_THAT(store_->warnings(), testing::ElementsAre(testing::HasSubstr(path)));
    ASSERT_OK_AND_ASSIGN(const auto stream, store_->Select({}, {}, clock_));
    ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
    // It replaced what the others have of its day.
    EXPECT_EQ(Difference(Cut(oracle_, {kNow, kNow + kDay}), got), "");
    EXPECT_THAT(stream->warnings(), testing::Contains(testing::HasSubstr(path)));
    // Merged with nothing, and no obstacle to others of its day.
    for (bool merged = true; merged;) {
      ASSERT_OK_AND_ASSIGN(merged, store_->MergeOnce(kNow + 5 * kDay, true));
    }
    EXPECT_THAT(store_->Current()->files, testing::Contains(testing::Truly([&](const auto& file) {
                  return file->PathIn(Tree::kData, false) == path;
                })));
  }
  ASSERT_OK(io::ReplaceFile(fs_, path, whole));
  ASSERT_OK(Open());
  EXPECT_THAT(store_->warnings(), testing::IsEmpty());
  ExpectSame("whole again");
}

TEST_F(StoreTest, LostAndCutIndexesAreWrittenAnew) {
  for (const bool is_day : {false, true}) {
    ASSERT_OK(Open());
    ASSERT_OK(Flush(Samples(2, kNow - kDay, 3, is_day ? 1 : 2)));
    if (is_day) {
      ASSERT_OK(store_->MergeOnce(kNow + kDay, true));
    }
    const FileEntry entry = store_->Current()->files[0]->entry();
    const std::string path = store_->Current()->files[0]->PathIn(Tree::kSeries, false);
    ASSERT_OK_AND_ASSIGN(const std::string whole, io::ReadFile(fs_, path));
    for (const bool is_cut : {true, false}) {
      ASSERT_OK(fs_.RemoveFile(path));
      if (is_cut) {
        ASSERT_OK(io::ReplaceFile(fs_, path, whole.substr(1)));
      }
      ASSERT_OK(Open());
      EXPECT_THAT(store_->warnings(), testing::ElementsAre(testing::HasSubstr(path)));
      EXPECT_EQ(io::ReadFile(fs_, path).ValueOrDie(), whole);
      EXPECT_EQ(store_->Current()->files[0]->entry(), entry);
      ExpectSame("mended");
      ASSERT_OK(Open());
      EXPECT_THAT(store_->warnings(), testing::IsEmpty());
    }
  }
}

TEST_F(StoreTest, AnIndexOfDamagedRowsIsLeftAlone) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, kNow, 3, 1)));
  ASSERT_OK(Flush(Samples(1, kNow + 100'000, 3, 1)));
  const auto file = store_->Current()->files[0];
  const std::string path = file->PathIn(Tree::kSeries, false);
  ASSERT_OK(fs_.RemoveFile(path));
  ASSERT_OK(fs_.Corrupt(file->PathIn(Tree::kData, false), file->entry().bytes - 20));
  ASSERT_OK(Open());
  ASSERT_EQ(store_->warnings().size(), 1U);
  EXPECT_THAT(store_->warnings()[0], testing::HasSubstr(path));
  EXPECT_THAT(store_->warnings()[0], testing::HasSubstr(file->PathIn(Tree::kData, false)));
  ASSERT_OK_AND_ASSIGN(const Oracle got, Read());
  EXPECT_EQ(Difference(Cut(oracle_, {kNow + 100'000, kNow + kDay}), got), "");
  EXPECT_EQ(store_->Current()->files.size(), 2U);
}

// What another build writes differs in its footer, and mostly not in its size.
TEST_F(StoreTest, AnIndexOfAnotherBuildStaysMendedInAMonthToo) {
  for (const int64_t days_ago : {1, 100}) {
    options_.writer.key_values = {{"build", "1"}};
    ASSERT_OK(Open());
    ASSERT_OK(Flush(Samples(2, kNow - days_ago * kDay, 3, 1)));
    ASSERT_OK(store_->MergeOnce(kNow, true));
    ASSERT_EQ(store_->Current()->files.front()->entry().level, kDayLevel);
    const std::string path = store_->Current()->files.front()->PathIn(Tree::kSeries, false);
    ASSERT_OK_AND_ASSIGN(const std::string whole, io::ReadFile(fs_, path));
    ASSERT_OK(fs_.RemoveFile(path));
    options_.writer.key_values = {{"build", "2"}};
    ASSERT_OK(Open());
    EXPECT_THAT(store_->warnings(), testing::ElementsAre(testing::HasSubstr(path)));
    ASSERT_OK_AND_ASSIGN(const std::string mended, io::ReadFile(fs_, path));
    EXPECT_EQ(mended.size(), whole.size());
    EXPECT_NE(mended, whole);
    ExpectSame("mended");
    for (int start = 0; start < 2; ++start) {
      ASSERT_OK(Open());
      EXPECT_THAT(store_->warnings(), testing::IsEmpty());
      ExpectSame("started again");
    }
  }
}

// Between its new name and the commit, an index fits no manifest.
TEST_F(StoreTest, AStartThatFailsWhileItMendsLosesNothing) {
  options_.writer.key_values = {{"build", "0"}};
  ASSERT_OK(Open());
  for (const int day : {0, 1, 2}) ASSERT_OK(Flush(Samples(2, kNow - day * kDay, 3, 1)));
  const auto files = store_->Current()->files;
  int failed = 0;
  for (const auto operation : {io::SimOperation::kCreate, io::SimOperation::kWrite,
                               io::SimOperation::kSync, io::SimOperation::kRename}) {
    for (int64_t nth = 1; nth < 40; ++nth) {
      for (const auto& file : files) ASSERT_OK(fs_.RemoveFile(file->PathIn(Tree::kSeries, false)));
      options_.writer.key_values = {{"build", std::to_string(nth % 3)}};
      fs_.FailNth(operation, nth, io::SimError::kDiskFull);
      const bool is_open = Open().ok();
      fs_.ClearFailures();
      if (!is_open) ++failed;
      options_.writer.key_values = {{"build", std::to_string((nth + 1) % 3)}};
      ASSERT_OK(Open()) << static_cast<int>(operation) << " " << nth;
      ASSERT_OK_AND_ASSIGN(const auto stream, store_->Select({}, {}, clock_));
      ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
      ASSERT_EQ(Difference(oracle_, got), "") << static_cast<int>(operation) << " " << nth;
      ASSERT_THAT(stream->warnings(), testing::IsEmpty());
    }
  }
  EXPECT_GT(failed, 20);
}

// As it is with a bad sector, or in a copy that belongs to another user.
TEST_F(StoreTest, AnIndexWhoseRowsGiveErrorsIsAnsweredAround) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, kNow - kDay, 3, 1)));
  ASSERT_OK(Flush(Samples(2, kNow, 3, 1)));
  const auto file = store_->Current()->files.front();
  const std::string path = file->PathIn(Tree::kSeries, false);
  ASSERT_OK(fs_.RemoveFile(path));
  for (const auto operation : {io::SimOperation::kRead, io::SimOperation::kOpen}) {
    fs_.FailRandomly(operation, 1, io::SimError::kIo);
    fs_.set_failing_part(file->PathIn(Tree::kData, false));
    ASSERT_OK(Open());
    EXPECT_THAT(store_->warnings(), testing::ElementsAre(testing::AllOf(
                                        testing::HasSubstr(path), testing::HasSubstr("errno"))));
    ASSERT_OK_AND_ASSIGN(const Oracle got, Read());
    EXPECT_EQ(Difference(Cut(oracle_, {kNow, kNow + kDay}), got), "");
    fs_.ClearFailures();
  }
  ASSERT_OK(Open());
  ExpectSame("readable again");
}

// Where the file system exchanges no folders, a merge renames two of them.
TEST_F(StoreTest, ADayThatIsBeingSwappedIsWhole) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, kNow, 3, 1)));
  for (const Tree tree : kTrees) {
    const std::string folder = "/a/" + DayFolder(tree, kSamplesTable, base::DayOf(kNow));
    const std::string suffix(SwappedFolderSuffix(tree));
    ASSERT_OK(fs_.Rename(folder, "/a/staging/day-7" + suffix));
  }
  ASSERT_OK_AND_ASSIGN(const auto stream, store_->Select({}, {}, clock_));
  ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
  EXPECT_EQ(Difference(oracle_, got), "");
  EXPECT_THAT(stream->warnings(), testing::IsEmpty());
}

// Reading them again waits for commits, and these for it: not for what was lost long ago.
TEST_F(StoreTest, LostMetadataIsAskedForOnce) {
  ASSERT_OK(Open());
  for (const char* metric : {"a", "b", "c"}) {
    const auto frozen = head_.Freeze(Samples(1, kNow + metric[0], 1, 1), {.segment = 1});
    const columns::MetadataRow row{.metric = metric, .type = "gauge", .help = "", .unit = ""};
    ASSERT_OK(store_->Flush(*frozen, std::span(&row, 1), kNow));
  }
  const auto time_of_question = [&](size_t metrics) {
    fs_.set_operation_time(&clock_, 1);
    const int64_t start_ns = clock_.MonotonicNs();
    const auto rows = store_->Metadata({});
    fs_.set_operation_time(nullptr, 0);
    EXPECT_EQ(rows.ValueOrDie().size(), metrics);
    return clock_.MonotonicNs() - start_ns;
  };
  const int64_t whole_ns = time_of_question(3);
  ASSERT_OK(fs_.RemoveFile(
      io::JoinPath("/a", MetadataFile(store_->Current()->manifest.metadata.back().name))));
  ASSERT_OK(Open());
  EXPECT_LT(time_of_question(2), whole_ns);
}

// What opening found lost is no reason to take files for lost that a merge replaces.
TEST_F(StoreTest, LostMetadataDoesNotHideWhatIsMergedMeanwhile) {
  ASSERT_OK(Open());
  for (const char* metric : {"a", "b", "c"}) {
    const auto frozen = head_.Freeze({}, {.segment = 1});
    const columns::MetadataRow row{.metric = metric, .type = "gauge", .help = "", .unit = ""};
    ASSERT_OK(store_->Flush(*frozen, std::span(&row, 1), kNow));
  }
  const auto files = store_->Current()->manifest.metadata;
  const std::string lost = io::JoinPath("/a", MetadataFile(files[0].name));
  ASSERT_OK(fs_.Rename(lost, "/away"));
  store_ = nullptr;
  WatchedFileSystem watched(&fs_);
  ASSERT_OK_AND_ASSIGN(const auto store, Store::Open(watched, "/a", options_, kNow));
  bool merged = false;
  watched.before_open = [&](const std::string& path) {
    if (path.find(files[1].name) == std::string::npos || std::exchange(merged, true)) return;
    EXPECT_TRUE(store->MergeOnce(kNow, true).ValueOrDie());
  };
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(auto rows, store->Metadata({}, &warnings));
  EXPECT_TRUE(merged);
  EXPECT_EQ(store->Current()->manifest.metadata.size(), 2u);
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr(lost)));
  ASSERT_OK(fs_.Rename("/away", lost));
  ASSERT_OK_AND_ASSIGN(rows, store->Metadata({}, &warnings));
  EXPECT_EQ(rows.size(), 3u);
  EXPECT_THAT(warnings, testing::IsEmpty());
}

// A file that goes while the archive is open must not keep flushes of its day from the disk.
TEST_F(StoreTest, AFileThatIsLostMeanwhileHoldsUpNoFlush) {
  ASSERT_OK(Open());
  for (int i = 0; i < 3; ++i) ASSERT_OK(Flush(Samples(2, kNow + i * 100'000, 3, 1)));
  const std::string path = store_->Current()->files[0]->PathIn(Tree::kData, false);
  ASSERT_OK(fs_.RemoveFile(path));
  for (int i = 3; i < 6; ++i) {
    (void)store_->MergeOnce(kNow, true);
    ASSERT_OK(Flush(Samples(2, kNow + i * 100'000, 3, 1)));
  }
  ASSERT_OK_AND_ASSIGN(const auto stream, store_->Select({}, {}, clock_));
  ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
  EXPECT_EQ(Difference(Cut(oracle_, {kNow + 100'000, kNow + kDay}), got), "");
  EXPECT_THAT(stream->warnings(), testing::ElementsAre(testing::HasSubstr(path)));
}

// CURRENT names the new manifest when the sync after its rename fails. Who is told of a failure
// takes the old state back in the folders; when the process then dies, the new state holds, the
// position in the log included: every file that it lists has to be there.
TEST_F(StoreTest, ACommitThatNobodyKnowsTheEndOfIsWholeAfterADeath) {
  for (const bool by_merge : {false, true}) {
    SCOPED_TRACE(by_merge ? "merge" : "flush");
    fs_.Kill();
    store_ = nullptr;
    ASSERT_OK(Open());
    ASSERT_OK(Flush(Samples(3, kNow + (by_merge ? 100'000 : 0), 4, 1)));
    const auto more = Samples(3, kNow + 50'000, 4, 2);
    const auto change = [&] {
      return by_merge ? store_->MergeOnce(kNow, true).status() : Flush(more);
    };
    // Its own sync, its folder's, that of CURRENT, its folder's again.
    fs_.set_failing_part("manifest");
    fs_.FailNth(io::SimOperation::kSync, 4, io::SimError::kIo);
    ASSERT_TRUE(change().IsIOError());
    fs_.ClearFailures();
    ExpectSame("the old state");
    fs_.Kill();
    store_ = nullptr;
    ASSERT_OK(Open());
    EXPECT_THAT(store_->warnings(), testing::IsEmpty());
    if (!by_merge) {
      ASSERT_EQ(store_->wal_position().offset_bytes, position_);
      AddToOracle(more, &oracle_);
    }
    ASSERT_EQ(store_->Current()->files.size(), by_merge ? 1u : 2u);
    ExpectSame("the new state");
  }
}

// The next commit that succeeds settles it: nothing is kept for the other state any more.
TEST_F(StoreTest, ACommitThatNobodyKnowsTheEndOfIsSettledByTheNext) {
  ASSERT_OK(Open());
  fs_.set_failing_part("manifest");
  fs_.FailNth(io::SimOperation::kSync, 4, io::SimError::kIo);
  ASSERT_TRUE(Flush(Samples(3, kNow, 4, 1)).IsIOError());
  fs_.ClearFailures();
  EXPECT_THAT(fs_.List("/a/staging").ValueOrDie(), testing::SizeIs(2));
  ASSERT_OK(Flush(Samples(3, kNow, 4, 1)));
  EXPECT_THAT(fs_.List("/a/staging").ValueOrDie(), testing::IsEmpty());
  fs_.Crash();
  store_ = nullptr;
  ASSERT_OK(Open());
  ExpectSame("settled");
}

TEST_F(StoreTest, OldDaysMoveToMonthsAndAreSealed) {
  ASSERT_OK(Open());
  ASSERT_OK(Flush(Samples(2, kNow - 100 * kDay, 3, 1)));
  ASSERT_OK(Flush(Samples(2, kNow - 1 * kDay, 3, 1)));
  EXPECT_EQ(store_->Current()->manifest.sealed_through, std::nullopt);
  while (*store_->MergeOnce(kNow + kDay, false)) {
  }
  EXPECT_EQ(store_->Current()->manifest.sealed_through, base::DayOf(kNow));
  EXPECT_TRUE(*fs_.Exists("/a/manifest/month-2026-06-" +
                          std::to_string(store_->Current()->manifest.number) + ".json") ||
              *fs_.Exists("/a/manifest/month-2026-06-" +
                          std::to_string(store_->Current()->manifest.number - 1) + ".json"));
  ExpectSame("sealed");
  ASSERT_OK(Open(kNow + kDay));
  ExpectSame("reopened");
}

// Flushes, merges and readers at the same time: who reads sees all that was flushed before.
TEST_F(StoreTest, ReadersAndWritersDoNotWaitForEachOther) {
  options_.merge.fan_in = 2;
  options_.open_files.files = 2;
  ASSERT_OK(Open());
  constexpr int kFlushes = 25;
  std::atomic<int> flushed = 0;
  std::atomic<bool> done = false;
  std::thread flusher([&] {
    for (int i = 0; i < kFlushes; ++i) {
      EXPECT_OK(Flush(Samples(4, kNow + i * 10'000, 10, i)));
      flushed = i + 1;
    }
    done = true;
  });
  std::thread merger([&] {
    for (bool last = false; !last;) {
      last = done;
      while (true) {
        const auto merged = store_->MergeOnce(kNow, last);
        EXPECT_OK(merged);
        if (!merged.ok() || !*merged) break;
      }
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      do {
        const int before = flushed;
        io::SimClock clock;
        auto stream = store_->Select({}, {}, clock);
        ASSERT_OK(stream);
        const auto got = ReadAll(**stream);
        ASSERT_OK(got);
        for (const auto& [labels, samples] : *got) {
          EXPECT_GE(samples.size(), static_cast<size_t>(before) * 10);
        }
        EXPECT_EQ(got->size(), before > 0 ? 4u : got->size());
      } while (!done);
    });
  }
  flusher.join();
  merger.join();
  for (std::thread& reader : readers) reader.join();
  ExpectSame("in the end");
  EXPECT_EQ(store_->Current()->files.size(), 1u);
  EXPECT_THAT(fs_.List("/a/retired").ValueOrDie(), testing::IsEmpty());
  EXPECT_THAT(fs_.List("/a/staging").ValueOrDie(), testing::IsEmpty());
}

}  // namespace
}  // namespace larnax::store
