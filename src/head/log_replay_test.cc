#include "head/log_replay.h"

#include <algorithm>
#include <cstring>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "head/log_fixture.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A log whose segments and bytes tests break one by one.
struct Sample {
  LogFixture fixture;
  std::vector<std::string> payloads;
  std::vector<LogPosition> ends;
  /// Of each record, whether any bytes on disk tell that it was synced.
  std::vector<bool> is_known_durable;

  /// `commits`: how many records each Commit takes.
  explicit Sample(const std::vector<int>& commits, int64_t segment_bytes = 1 << 20) {
    const auto log = fixture.Open({.segment_bytes = segment_bytes});
    for (const int count : commits) {
      for (int i = 0; i < count; ++i) {
        const size_t n = payloads.size();
        payloads.push_back("record " + std::to_string(n) + std::string(n * 5 % 23, '.'));
        ends.push_back(LogFixture::Append(*log, payloads.back()));
      }
      EXPECT_TRUE(log->Commit().ok());
    }
    // Records of the last commit to the newest segment: nothing was written after their sync.
    const uint64_t newest = ends.back().segment;
    size_t first_unknown = payloads.size() - static_cast<size_t>(commits.back());
    while (ends[first_unknown].segment != newest) ++first_unknown;
    for (size_t i = 0; i < payloads.size(); ++i) is_known_durable.push_back(i < first_unknown);
  }

  std::string PathOf(uint64_t segment) const { return LogFixture::PathOf(segment); }

  std::vector<std::string> First(size_t count) const {
    return {payloads.begin(), payloads.begin() + static_cast<int64_t>(count)};
  }
};

TEST(ReplayLog, EmptyOrMissingFolderHoldsNothing) {
  LogFixture fixture;
  EXPECT_THAT(fixture.Records(), IsEmpty());
  EXPECT_THAT(fixture.Records({7, 100}), IsEmpty());
  fixture.Open();
  EXPECT_THAT(fixture.Records(), IsEmpty());
}

TEST(ReplayLog, StartsWhereItIsAsked) {
  Sample sample({3, 3}, 200);
  ASSERT_GT(sample.ends.back().segment, 2U);
  for (size_t i = 0; i < sample.ends.size(); ++i) {
    EXPECT_THAT(sample.fixture.Records(sample.ends[i]),
                testing::ElementsAreArray(sample.payloads.begin() + static_cast<int64_t>(i) + 1,
                                          sample.payloads.end()));
    // Where the record of that end is in the segment, all before it may be asked for too.
    std::vector<std::string> before;
    std::vector<std::string> after;
    LogPosition end{};
    const auto report = ReplayLog(sample.fixture.fs, LogFixture::kFolder, sample.ends[i],
                                  {.deliver_before_start = true}, [&](const RecordView& record) {
                                    EXPECT_LT(record.position, record.end);
                                    EXPECT_GT(record.end, end);
                                    end = record.end;
                                    auto& list = record.before_start ? before : after;
                                    list.emplace_back(record.payload.begin(), record.payload.end());
                                    return arrow::Status::OK();
                                  });
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(after.size(), sample.payloads.size() - i - 1);
    const auto in_segment =
        std::count_if(sample.ends.begin(), sample.ends.begin() + static_cast<int64_t>(i) + 1,
                      [&](LogPosition other) { return other.segment == sample.ends[i].segment; });
    EXPECT_EQ(static_cast<int64_t>(before.size()), in_segment);
    EXPECT_EQ(report->end, sample.ends.back());
  }
}

TEST(ReplayLog, ReportsProgressAndStopsAtTheFirstError) {
  Sample sample({4}, 200);
  std::vector<int64_t> done;
  int64_t total = 0;
  std::vector<std::string> records;
  ReplayOptions options;
  options.progress = [&](int64_t bytes_done, int64_t bytes_total) {
    done.push_back(bytes_done);
    total = bytes_total;
  };
  const auto report = sample.fixture.Replay(&records, {}, options);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->record_count, 4);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), total);
  int count = 0;
  const auto status =
      ReplayLog(sample.fixture.fs, LogFixture::kFolder, {}, {}, [&](const RecordView&) {
        return ++count == 2 ? arrow::Status::Invalid("enough") : arrow::Status::OK();
      }).status();
  EXPECT_THAT(status.message(), HasSubstr("enough"));
  EXPECT_EQ(count, 2);
}

TEST(ReplayLog, ThreadsDeliverTheSameInTheSameOrder) {
  LogFixture fixture;
  std::vector<std::string> want;
  {
    const auto log = fixture.Open({.segment_bytes = 24 << 20});
    for (int i = 0; i < 600; ++i) {
      // Now and then longer than what is read at once.
      const size_t size = i % 150 == 77 ? 5 << 20 : static_cast<size_t>(i) * 100;
      want.push_back(std::string(size, static_cast<char>(i)));
      fixture.Append(*log, want.back());
      if (i % 50 == 0) ARROW_UNUSED(log->Commit());
    }
    ASSERT_TRUE(log->Commit().ok());
  }
  std::vector<std::string> records;
  for (const int threads : {1, 2, 4}) {
    const auto report = fixture.Replay(&records, {}, {.threads = threads});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(records == want) << threads;
  }
  // Ends early, while others still read ahead.
  const auto status = ReplayLog(fixture.fs, LogFixture::kFolder, {}, {.threads = 4},
                                [](const RecordView&) { return arrow::Status::Invalid("no"); });
  EXPECT_FALSE(status.ok());
}

TEST(ReplayLog, CutsATornTailAtEveryByte) {
  // The second commit is torn; the records of the first show that they are durable no further.
  const Sample whole({2, 2});
  const int64_t end_bytes = whole.ends.back().offset_bytes;
  for (int64_t size = whole.ends[1].offset_bytes; size <= end_bytes; ++size) {
    Sample sample({2, 2});
    ASSERT_TRUE(sample.fixture.fs.Truncate(sample.PathOf(1), size).ok());
    size_t count = 0;
    while (count < 4 && sample.ends[count].offset_bytes <= size) ++count;
    std::vector<std::string> records;
    auto report = sample.fixture.Replay(&records, {}, {.read_only = true});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(sample.fixture.SizeOf(1), size);
    report = sample.fixture.Replay(&records);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(records, sample.First(count));
    EXPECT_EQ(report->end, sample.ends[count - 1]);
    EXPECT_EQ(report->torn_bytes, size - sample.ends[count - 1].offset_bytes);
    EXPECT_EQ(sample.fixture.SizeOf(1), sample.ends[count - 1].offset_bytes);
  }
}

TEST(ReplayLog, OpenCutsATornTailAsReplayDoes) {
  Sample sample({2, 2});
  ASSERT_TRUE(
      sample.fixture.fs.Truncate(sample.PathOf(1), sample.ends.back().offset_bytes - 1).ok());
  const auto log = sample.fixture.Open();
  LogFixture::Append(*log, "after");
  ASSERT_TRUE(log->Commit().ok());
  auto want = sample.First(3);
  want.push_back("after");
  EXPECT_EQ(sample.fixture.Records(), want);
}

/// The process dies after a sync that failed, of a record that could not be cut off either: the
/// system gives it to whoever reads, as clean, and no sync brings it to the disk any more.
void LeaveWhatNoSyncBringsToDisk(LogFixture* fixture) {
  auto log = fixture->Open();
  fixture->Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  fixture->fs.FailNth(io::SimOperation::kSync, 1, io::SimError::kIo);
  fixture->fs.FailNth(io::SimOperation::kTruncate, 1, io::SimError::kIo);
  fixture->Append(*log, "b");
  ASSERT_FALSE(log->Commit().ok());
  log = nullptr;
  fixture->fs.Kill();
}

// A sender that repeats "b" is told that it is stored, and it is asked for no more.
TEST(ReplayLog, WhatIsHandedOutIsOnDiskWhateverSyncFailedBefore) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    LogFixture fixture(seed);
    LeaveWhatNoSyncBringsToDisk(&fixture);
    ASSERT_THAT(fixture.Records(), ElementsAre("a", "b"));
    fixture.fs.Crash();
    EXPECT_THAT(fixture.Records(), ElementsAre("a", "b")) << "seed=" << seed;
  }
}

// The header of the next segment says where the one before ends: were "b" gone after that, the log
// would count as damaged, and what was acknowledged since would be out of reach.
TEST(ReplayLog, WhereALogGoesOnIsOnDiskWhateverSyncFailedBefore) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    LogFixture fixture(seed);
    LeaveWhatNoSyncBringsToDisk(&fixture);
    auto log = fixture.Open();
    fixture.Append(*log, "c");
    ASSERT_TRUE(log->Commit().ok());
    log = nullptr;
    fixture.fs.Crash();
    EXPECT_THAT(fixture.Records(), ElementsAre("a", "b", "c")) << "seed=" << seed;
  }
}

/// Flip each bit pattern of each byte of each segment: what is replayed must be right.
void FlipEveryByte(const std::vector<int>& commits, int64_t segment_bytes) {
  const Sample whole(commits, segment_bytes);
  std::map<std::string, int> outcomes;
  for (uint64_t segment = 1; segment <= whole.ends.back().segment; ++segment) {
    const int64_t size = Sample(commits, segment_bytes).fixture.SizeOf(segment);
    for (int64_t offset = 0; offset < size; ++offset) {
      Sample sample(commits, segment_bytes);
      ASSERT_TRUE(
          sample.fixture.fs.Corrupt(sample.PathOf(segment), offset, offset % 2 == 0 ? 0x01 : 0x80)
              .ok());
      std::vector<std::string> records;
      const auto report = sample.fixture.Replay(&records);
      SCOPED_TRACE("segment " + std::to_string(segment) + " offset " + std::to_string(offset));
      // Whatever the outcome: only the first records, exact, in order.
      ASSERT_EQ(records, sample.First(records.size()));
      if (!report.ok()) {
        ++outcomes["error"];
        EXPECT_EQ(KindOf(report.status()), ErrorKind::kCorrupt);
        EXPECT_THAT(report.status().message(), HasSubstr("path=" + sample.PathOf(segment)));
        EXPECT_THAT(report.status().message(), HasSubstr("offset="));
        continue;
      }
      // Padding may be damaged without harm.
      if (records.size() == sample.payloads.size()) {
        ++outcomes["unharmed"];
        continue;
      }
      ++outcomes["cut"];
      EXPECT_FALSE(sample.is_known_durable[records.size()]);
    }
  }
  EXPECT_GT(outcomes["error"], outcomes["unharmed"]);
  EXPECT_GT(outcomes["cut"], 0);
}

TEST(ReplayLog, FlippedBitIsAnErrorOrCutsWhatWasNotDurable) { FlipEveryByte({1, 2, 1}, 1 << 20); }

TEST(ReplayLog, FlippedBitInOneOfManySegments) { FlipEveryByte({2, 1, 3, 1}, 150); }

TEST(ReplayLog, LostEndOfAnOlderSegmentIsDamage) {
  Sample sample({3, 3}, 200);
  const int64_t size = sample.fixture.SizeOf(1);
  for (const int64_t cut : {size - 1, size - 33, kSegmentHeaderBytes, int64_t{10}, int64_t{0}}) {
    ASSERT_TRUE(sample.fixture.fs.Truncate(sample.PathOf(1), cut).ok());
    std::vector<std::string> records;
    EXPECT_EQ(KindOf(sample.fixture.Replay(&records).status()), ErrorKind::kCorrupt);
  }
}

TEST(ReplayLog, MissingSegmentIsDamage) {
  Sample sample({3, 3}, 150);
  const uint64_t newest = sample.ends.back().segment;
  ASSERT_GT(newest, 3U);
  std::vector<std::string> records;
  ASSERT_TRUE(sample.fixture.fs.RemoveFile(sample.PathOf(2)).ok());
  const auto status = sample.fixture.Replay(&records).status();
  EXPECT_EQ(KindOf(status), ErrorKind::kCorrupt);
  EXPECT_THAT(status.message(), HasSubstr("path=" + sample.PathOf(2)));
  // Not, when all of it is before the start.
  EXPECT_TRUE(sample.fixture.Replay(&records, {3, 0}).ok());
  EXPECT_TRUE(sample.fixture.Replay(&records, {2, 1 << 20}).ok());
  EXPECT_FALSE(sample.fixture.Replay(&records, {2, 0}).ok());
}

TEST(ReplayLog, SalvagesWhatIsBehindDamage) {
  Sample sample({2, 2, 2}, 250);
  std::vector<LogDamage> damages;
  ReplayOptions options;
  options.on_corrupt = [&](const LogDamage& damage) {
    damages.push_back(damage);
    return arrow::Status::OK();
  };
  std::vector<std::string> records;
  // The payload of the second record.
  const int64_t offset = sample.ends[0].offset_bytes + kRecordHeaderBytes;
  ASSERT_TRUE(sample.fixture.fs.Corrupt(sample.PathOf(1), offset).ok());
  auto report = sample.fixture.Replay(&records, {}, options);
  ASSERT_TRUE(report.ok()) << report.status();
  auto want = sample.payloads;
  want.erase(want.begin() + 1);
  EXPECT_EQ(records, want);
  ASSERT_EQ(damages.size(), 1U);
  EXPECT_EQ(damages[0].path, sample.PathOf(1));
  EXPECT_EQ(damages[0].offset_bytes, sample.ends[0].offset_bytes);
  EXPECT_EQ(report->damage_count, 1);

  // And the header of the second segment, which takes its records with it.
  ASSERT_TRUE(sample.fixture.fs.Corrupt(sample.PathOf(2), 20).ok());
  ASSERT_TRUE(sample.fixture.Replay(&records, {}, options).ok());
  want.clear();
  for (size_t i = 0; i < sample.payloads.size(); ++i) {
    if (i != 1 && sample.ends[i].segment != 2) want.push_back(sample.payloads[i]);
  }
  EXPECT_EQ(records, want);
  ASSERT_EQ(damages.size(), 3U);
  EXPECT_EQ(damages[2].path, sample.PathOf(2));

  // A log goes on behind what was damaged.
  const auto log = sample.fixture.Open();
  LogFixture::Append(*log, "after");
  ASSERT_TRUE(log->Commit().ok());
  want.push_back("after");
  ASSERT_TRUE(sample.fixture.Replay(&records, {}, options).ok());
  EXPECT_EQ(records, want);
}

TEST(ReplayLog, DamagedHeaderOfTheNewestSegment) {
  Sample sample({2, 2}, 200);
  const uint64_t newest = sample.ends.back().segment;
  ASSERT_TRUE(sample.fixture.fs.Corrupt(sample.PathOf(newest), 0).ok());
  std::vector<std::string> records;
  EXPECT_EQ(KindOf(sample.fixture.Replay(&records).status()), ErrorKind::kCorrupt);
  // Without records it was being made when the power went.
  ASSERT_TRUE(sample.fixture.fs.Truncate(sample.PathOf(newest), kSegmentHeaderBytes).ok());
  ASSERT_TRUE(sample.fixture.Replay(&records).ok());
  EXPECT_FALSE(*sample.fixture.fs.Exists(sample.PathOf(newest)));
}

TEST(ReplayLog, RefusesANewerVersion) {
  LogFixture fixture;
  ASSERT_TRUE(fixture.fs.MakeDirectories(LogFixture::kFolder).ok());
  SegmentHeaderBytes header = EncodeSegmentHeader({1, 2, {}, 3});
  SegmentHeader decoded;
  EXPECT_EQ(DecodeSegmentHeader(header, 1, &decoded), SegmentHeaderState::kValid);
  EXPECT_EQ(DecodeSegmentHeader(header, 2, &decoded), SegmentHeaderState::kInvalid);
  header[8] = 2;
  // The checksum of the same header with version 2.
  const uint32_t crc = base::Crc32c(0, std::span(header).first(60));
  std::memcpy(header.data() + 60, &crc, sizeof(crc));
  ASSERT_TRUE((*fixture.fs.Create(LogFixture::PathOf(1)))->Append(header).ok());
  std::vector<std::string> records;
  EXPECT_EQ(KindOf(fixture.Replay(&records).status()), ErrorKind::kUnsupported);
}

TEST(ReplayLog, PayloadThatLooksLikeRecordsIsNotOne) {
  // A payload that holds a whole other log file, header, records and all.
  Sample other({3});
  const std::string hostile = *io::ReadFile(other.fixture.fs, other.PathOf(1));
  LogFixture fixture;
  const auto log = fixture.Open({.salt_seed = 99});
  fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  const LogPosition end = fixture.Append(*log, hostile);
  ASSERT_TRUE(log->Commit().ok());
  // Torn: its records must neither be found nor count as a sign of damage.
  ASSERT_TRUE(fixture.fs.Truncate(LogFixture::PathOf(1), end.offset_bytes - 8).ok());
  EXPECT_THAT(fixture.Records(), ElementsAre("a"));
}

TEST(SegmentFileName, RoundTrips) {
  EXPECT_EQ(SegmentFileName(7), "000000000007.log");
  EXPECT_EQ(ParseSegmentFileName("000000000007.log"), 7U);
  for (const char* name : {"", "7.log", "000000000007.lo", "00000000000x.log", "000000000000.log",
                           "0000000000007.log", "000000000007.log.tmp"}) {
    EXPECT_EQ(ParseSegmentFileName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace larnax::head
