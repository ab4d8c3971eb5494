#include "store/write/merge_picker.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/civil_time.h"
#include "io/sim_file_system.h"

namespace larnax::store {
namespace {

constexpr int64_t kDayNumber = 20'700;
constexpr int64_t kNoon = kDayNumber * base::kDayMs + base::kDayMs / 2;
constexpr int64_t kEnd = (kDayNumber + 1) * base::kDayMs;
constexpr int64_t kMinute = 60'000;

class MergePickerTest : public testing::Test {
 protected:
  void Add(int level, int64_t min_sequence, int64_t max_sequence, int64_t rows = 100,
           int64_t created_ms = kNoon, int64_t day = kDayNumber, const char* table = "samples") {
    FileEntry entry{.table = table,
                    .name = "s" + std::to_string(++number_),
                    .day = day,
                    .level = level,
                    .min_metric = "m" + std::to_string(number_),
                    .max_metric = "m" + std::to_string(number_)};
    entry.bytes = 1;
    entry.rows = rows;
    entry.min_sequence = min_sequence;
    entry.max_sequence = max_sequence;
    entry.created_ms = created_ms;
    version_.files.push_back(std::make_shared<DataFile>(&fs_, "/a", entry, nullptr));
    SortFiles(&version_.files);
  }

  // What is picked, as `level: min-max of the runs`; empty for nothing.
  std::string Pick(int64_t now_ms, bool everything = false) const {
    const auto job = PickMerge(version_, now_ms, options_, everything, damaged_);
    if (!job) return "";
    return std::to_string(job->level) + ": " + std::to_string(job->runs.front().min_sequence) +
           "-" + std::to_string(job->runs.back().max_sequence) +
           (job->tier == columns::Tier::kDay ? " day" : "");
  }

  io::SimFileSystem fs_{1};
  Version version_;
  MergeOptions options_;
  std::set<std::string> damaged_;
  int number_ = 0;
};

TEST_F(MergePickerTest, EightOfOneLevelMakeOneOfTheNext) {
  for (int i = 1; i <= 7; ++i) Add(0, i, i);
  EXPECT_EQ(Pick(kNoon), "");
  Add(0, 8, 8);
  EXPECT_EQ(Pick(kNoon), "1: 1-8");
}

TEST_F(MergePickerTest, FilesOfAllTablesAreOneRun) {
  for (int i = 1; i <= 8; ++i) {
    // Some flushes have no floats, some nothing else.
    if (i != 3) Add(0, i, i);
    if (i % 3 == 0) Add(0, i, i, 100, kNoon, kDayNumber, "histograms");
    if (i == 5) Add(0, i, i, 100, kNoon, kDayNumber, "exemplars");
  }
  EXPECT_EQ(Pick(kNoon), "1: 1-8");
  const auto job = PickMerge(version_, kNoon, options_, false);
  ASSERT_EQ(job->runs.size(), 8u);
  EXPECT_EQ(job->runs[4].files.size(), 2u);
  EXPECT_EQ(job->runs[2].files[0]->entry().table, "histograms");
}

TEST_F(MergePickerTest, NothingIsMergedAcrossDamage) {
  for (int i = 1; i <= 20; ++i) Add(0, i, i);
  damaged_ = {"s4"};
  EXPECT_EQ(Pick(kNoon), "1: 5-20");
  damaged_.insert("s15");
  EXPECT_EQ(Pick(kNoon), "1: 5-14");
  damaged_.insert("s9");
  EXPECT_EQ(Pick(kNoon), "");
  EXPECT_EQ(Pick(kEnd + 60 * kMinute, true), "");
}

TEST_F(MergePickerTest, OnlyNeighboursOfOneLevelMerge) {
  for (int i = 0; i < 7; ++i) Add(1, i * 8 + 1, i * 8 + 8);
  for (int i = 57; i < 64; ++i) Add(0, i, i);
  EXPECT_EQ(Pick(kNoon), "");
  Add(1, 65, 72);
  EXPECT_EQ(Pick(kNoon), "");
}

TEST_F(MergePickerTest, SmallLevelsGoFirstAndOtherDaysDoNotCount) {
  for (int i = 0; i < 8; ++i) Add(1, i * 8 + 1, i * 8 + 8);
  for (int i = 65; i < 72; ++i) Add(0, i, i);
  for (int i = 65; i < 69; ++i) Add(0, i, i, 100, kNoon, kDayNumber + 1);
  EXPECT_EQ(Pick(kNoon), "2: 1-64");
  Add(0, 72, 72);
  EXPECT_EQ(Pick(kNoon), "1: 65-72");
}

TEST_F(MergePickerTest, RunCutIntoFilesIsOne) {
  for (int i = 0; i < 12; ++i) Add(1, 1, 8);
  EXPECT_EQ(Pick(kNoon), "");
}

TEST_F(MergePickerTest, DayIsSealedWhenItIsOverAndQuiet) {
  Add(2, 1, 64, 1000, kNoon);
  Add(0, 65, 65, 10, kEnd + kMinute);
  EXPECT_EQ(Pick(kEnd + 9 * kMinute), "");
  EXPECT_EQ(Pick(kEnd + 10 * kMinute), "");
  EXPECT_EQ(Pick(kEnd + 11 * kMinute), "3: 1-65 day");
}

TEST_F(MergePickerTest, LateRowsAreMergedWhenTheyAreManyOrOld) {
  Add(3, 1, 65, 1000, kEnd + 11 * kMinute);
  const int64_t late_ms = kEnd + 60 * kMinute;
  EXPECT_EQ(Pick(late_ms), "");
  Add(0, 70, 70, 99, late_ms);
  EXPECT_EQ(Pick(late_ms + 20 * kMinute), "");
  EXPECT_EQ(Pick(late_ms + base::kDayMs), "3: 1-70 day");
  Add(0, 71, 71, 1, late_ms + kMinute);
  EXPECT_EQ(Pick(late_ms + 5 * kMinute), "");
  EXPECT_EQ(Pick(late_ms + 11 * kMinute), "3: 1-71 day");
}

TEST_F(MergePickerTest, EverythingLeavesOneRunADay) {
  Add(0, 1, 1);
  EXPECT_EQ(Pick(kNoon, true), "2: 1-1 day");
  EXPECT_EQ(Pick(kEnd + 10 * kMinute, true), "3: 1-1 day");
  Add(2, 2, 9);
  EXPECT_EQ(Pick(kNoon, true), "2: 1-9 day");
  version_.files.clear();
  Add(3, 1, 9);
  EXPECT_EQ(Pick(kEnd + 10 * kMinute, true), "");
  version_.files.clear();
  Add(2, 1, 9);
  EXPECT_EQ(Pick(kNoon, true), "");
}

TEST_F(MergePickerTest, SealedThroughEndsBeforeTheFirstOpenDay) {
  EXPECT_EQ(SealedThrough(version_, kDayNumber), std::nullopt);
  Add(3, 1, 9);
  EXPECT_EQ(SealedThrough(version_, kDayNumber), std::nullopt);
  EXPECT_EQ(SealedThrough(version_, kDayNumber + 5), kDayNumber + 4);
  Add(3, 10, 12, 1, kNoon, kDayNumber + 2);
  EXPECT_EQ(SealedThrough(version_, kDayNumber + 5), kDayNumber + 4);
  Add(3, 13, 13, 1, kNoon, kDayNumber + 2);
  EXPECT_EQ(SealedThrough(version_, kDayNumber + 5), kDayNumber + 1);
  Add(0, 14, 14);
  EXPECT_EQ(SealedThrough(version_, kDayNumber + 5), std::nullopt);
}

}  // namespace
}  // namespace larnax::store
