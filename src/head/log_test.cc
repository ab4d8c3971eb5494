#include "head/log.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "head/log_fixture.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

using io::SimError;
using io::SimOperation;
using testing::ElementsAre;
using testing::IsEmpty;

bool IsCommitted(const Log& log, LogPosition position) {
  const auto result = log.IsCommitted(position);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() && *result;
}

std::vector<uint64_t> Numbers(const Log& log) {
  std::vector<uint64_t> numbers;
  for (const auto& segment : log.segments()) numbers.push_back(segment.number);
  return numbers;
}

TEST(Log, CommitMakesRecordsDurableInOrder) {
  LogFixture fixture;
  const auto log = fixture.Open();
  EXPECT_EQ(log->durable(), log->appended());
  const LogPosition a = fixture.Append(*log, "a");
  const LogPosition b = fixture.Append(*log, std::string(9, 'b'));
  EXPECT_EQ(b, log->appended());
  EXPECT_EQ(log->pending_bytes(), 32U + 8U + 32U + 16U);
  EXPECT_FALSE(IsCommitted(*log, a));
  EXPECT_EQ(*log->Commit(), b);
  EXPECT_TRUE(IsCommitted(*log, a));
  EXPECT_TRUE(IsCommitted(*log, b));
  EXPECT_EQ(log->pending_bytes(), 0U);
  fixture.fs.Crash();
  EXPECT_THAT(fixture.Records(), ElementsAre("a", std::string(9, 'b')));
}

TEST(Log, WritesInPlaceWhatFillUses) {
  LogFixture fixture;
  const auto log = fixture.Open();
  log->PrepareAppend(100);
  const LogPosition end = log->Append(3, 100, [](std::span<uint8_t> room) {
    EXPECT_EQ(room.size(), 100U);
    room[0] = 'x';
    room[1] = 'y';
    return size_t{2};
  });
  EXPECT_EQ(end, (LogPosition{1, kSegmentHeaderBytes + RecordBytes(2)}));
  fixture.Append(*log, "");
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_THAT(fixture.Records(), ElementsAre("xy", ""));
}

TEST(Log, EndsSegmentsBeforeTheyGetTooLong) {
  LogFixture fixture;
  const auto log = fixture.Open({.segment_bytes = 256});
  std::vector<std::string> want;
  for (int i = 0; i < 10; ++i) {
    want.push_back(std::string(50, static_cast<char>('a' + i)));
    EXPECT_EQ(log->PrepareAppend(50), static_cast<uint64_t>(i / 2 + 1));
    fixture.Append(*log, want.back());
    if (i == 6) {
      ASSERT_TRUE(log->Commit().ok());
    }
  }
  // One record may be longer than a segment should be.
  want.push_back(std::string(1000, 'z'));
  fixture.Append(*log, want.back());
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_THAT(Numbers(*log), ElementsAre(1, 2, 3, 4, 5, 6));
  for (const auto& segment : log->segments()) {
    EXPECT_EQ(segment.size_bytes, fixture.SizeOf(segment.number));
  }
  EXPECT_EQ(fixture.Records(), want);
}

TEST(Log, RecordStaysInThePreparedSegment) {
  LogFixture fixture;
  const auto log = fixture.Open({.segment_bytes = 256});
  const uint64_t segment = log->PrepareAppend(10);
  // Longer than promised: what it refers to is defined in this segment all the same.
  const std::vector<uint8_t> payload(500);
  EXPECT_EQ(log->Append(1, payload).segment, segment);
  EXPECT_EQ(log->Append(1, payload).segment, segment + 1);
}

TEST(Log, ReopenedLogGoesOnInANewSegment) {
  LogFixture fixture;
  auto log = fixture.Open();
  fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  log = fixture.Open();
  fixture.Append(*log, "b");
  ASSERT_TRUE(log->Commit().ok());
  // Opened, not used: leaves no trace.
  log = fixture.Open();
  log = fixture.Open();
  EXPECT_THAT(Numbers(*log), ElementsAre(1, 2));
  EXPECT_EQ(log->PrepareAppend(1), 3U);
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "b"));
  EXPECT_EQ(fixture.Open({.after_segment = 40})->PrepareAppend(1), 41U);
}

TEST(Log, RemovesOldSegmentsButNeverTheNewest) {
  LogFixture fixture;
  auto log = fixture.Open({.segment_bytes = 128});
  for (int i = 0; i < 4; ++i) fixture.Append(*log, std::string(60, 'x'));
  ASSERT_TRUE(log->Commit().ok());
  ASSERT_TRUE(log->RemoveBefore(3).ok());
  EXPECT_THAT(Numbers(*log), ElementsAre(3, 4));
  ASSERT_TRUE(log->RemoveBefore(100).ok());
  EXPECT_THAT(Numbers(*log), ElementsAre(4));
  log = fixture.Open();
  EXPECT_EQ(log->PrepareAppend(1), 5U);
  ASSERT_TRUE(log->RemoveBefore(5).ok());
  EXPECT_THAT(Numbers(*log), ElementsAre(4));
  EXPECT_THAT(fixture.Records({4, 0}), ElementsAre(std::string(60, 'x')));
}

TEST(Log, FailedWriteDropsWhatWasPendingAndGoesOn) {
  LogFixture fixture;
  const auto log = fixture.Open();
  const LogPosition a = fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  fixture.fs.FailNth(SimOperation::kWrite, 1, SimError::kIo);
  const LogPosition b = fixture.Append(*log, "b");
  EXPECT_TRUE(log->Commit().status().IsIOError());
  EXPECT_TRUE(IsCommitted(*log, a));
  EXPECT_TRUE(log->IsCommitted(b).status().IsIOError());
  EXPECT_EQ(fixture.SizeOf(1), a.offset_bytes);

  EXPECT_EQ(log->PrepareAppend(1), 2U);
  const LogPosition c = fixture.Append(*log, "c");
  EXPECT_FALSE(IsCommitted(*log, c));
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_TRUE(IsCommitted(*log, c));
  EXPECT_TRUE(log->IsCommitted(b).status().IsIOError()) << "must stay lost";
  fixture.fs.Crash();
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "c"));
}

TEST(Log, FailedSyncIsNeverTrustedAgain) {
  LogFixture fixture;
  const auto log = fixture.Open();
  fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  fixture.fs.FailNth(SimOperation::kSync, 1, SimError::kIo);
  const LogPosition b = fixture.Append(*log, "b");
  EXPECT_TRUE(log->Commit().status().IsIOError());
  EXPECT_FALSE(log->IsCommitted(b).ok());
  fixture.Append(*log, "c");
  ASSERT_TRUE(log->Commit().ok());
  fixture.fs.Crash();
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "c"));
}

TEST(Log, LeftoversOfAFailedCommitAreNotReplayed) {
  LogFixture fixture;
  const auto log = fixture.Open();
  fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  // The sync fails, and so does the attempt to cut the record off.
  fixture.fs.FailNth(SimOperation::kSync, 1, SimError::kIo);
  fixture.fs.FailNth(SimOperation::kTruncate, 1, SimError::kIo);
  const LogPosition b = fixture.Append(*log, "b");
  EXPECT_FALSE(log->Commit().ok());
  EXPECT_EQ(fixture.SizeOf(1), b.offset_bytes);
  fixture.Append(*log, "c");
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "c"));
}

TEST(Log, FailureWhileASegmentIsMadeLosesOnlyItsRecords) {
  for (const auto operation : {SimOperation::kCreate, SimOperation::kWrite, SimOperation::kSync}) {
    for (int64_t nth = 1; nth <= 4; ++nth) {
      LogFixture fixture;
      const auto log = fixture.Open({.segment_bytes = 128});
      std::vector<LogPosition> ends;
      const std::vector<std::string> payloads = {"first", "second", "third"};
      for (const std::string& payload : payloads) {
        ends.push_back(fixture.Append(*log, payload + std::string(60, '.')));
      }
      fixture.fs.FailNth(operation, nth, SimError::kIo);
      const bool is_ok = log->Commit().ok();
      fixture.fs.ClearFailures();
      const auto counters = fixture.fs.counters();
      EXPECT_EQ(is_ok,
                counters.failed_creates + counters.failed_writes + counters.failed_syncs == 0);
      std::vector<std::string> want;
      for (size_t i = 0; i < ends.size(); ++i) {
        const auto committed = log->IsCommitted(ends[i]);
        EXPECT_TRUE(!committed.ok() || *committed);
        if (committed.ok()) want.push_back(payloads[i] + std::string(60, '.'));
      }
      want.push_back("after");
      fixture.Append(*log, "after");
      ASSERT_TRUE(log->Commit().ok());
      fixture.fs.Crash();
      EXPECT_EQ(fixture.Records(), want)
          << "operation " << static_cast<int>(operation) << " nth " << nth;
    }
  }
}

TEST(Log, RecoversFromAFullDiskWithoutRestart) {
  LogFixture fixture;
  const auto log = fixture.Open();
  fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  fixture.fs.set_capacity_bytes(150);
  std::vector<LogPosition> lost;
  for (int i = 0; i < 200; ++i) {
    lost.push_back(fixture.Append(*log, std::string(100, 'x')));
    EXPECT_EQ(KindOf(log->Commit().status()), ErrorKind::kOverloaded);
  }
  EXPECT_THAT(Numbers(*log), ElementsAre(1)) << "failed attempts must not fill the folder";
  fixture.fs.set_capacity_bytes(std::nullopt);
  const LogPosition b = fixture.Append(*log, "b");
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_TRUE(IsCommitted(*log, b));
  for (const LogPosition position : lost) {
    EXPECT_EQ(KindOf(log->IsCommitted(position).status()), ErrorKind::kOverloaded);
  }
  fixture.fs.Crash();
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "b"));
}

TEST(Log, RecordPreparedBeforeAFailureIsDropped) {
  LogFixture fixture;
  const auto log = fixture.Open();
  fixture.Append(*log, "defines a series");
  const uint64_t segment = log->PrepareAppend(10);
  fixture.fs.FailNth(SimOperation::kWrite, 1, SimError::kIo);
  EXPECT_FALSE(log->Commit().ok());
  // It refers to the definition that is lost, and must not come into another segment.
  const LogPosition end = log->Append(1, std::vector<uint8_t>(10));
  EXPECT_EQ(end.segment, segment);
  EXPECT_TRUE(log->IsCommitted(end).status().IsIOError());
  EXPECT_EQ(log->pending_bytes(), 0U);
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_FALSE(log->IsCommitted(end).ok());
  EXPECT_THAT(fixture.Records(), IsEmpty());
}

TEST(Log, NothingPendingMeansCommitted) {
  LogFixture fixture;
  const auto log = fixture.Open({.segment_bytes = 256});
  EXPECT_TRUE(IsCommitted(*log, log->appended()));
  fixture.Append(*log, std::string(100, 'a'));
  EXPECT_FALSE(IsCommitted(*log, log->appended()));
  ASSERT_TRUE(log->Commit().ok());
  // A segment is begun for a record that does not come.
  EXPECT_EQ(log->PrepareAppend(1000), 2U);
  EXPECT_TRUE(IsCommitted(*log, log->appended()));
  EXPECT_EQ(log->durable(), log->appended());
  fixture.fs.FailNth(SimOperation::kWrite, 1, SimError::kIo);
  const LogPosition lost = fixture.Append(*log, "lost");
  EXPECT_EQ(log->loss_count(), 0U);
  EXPECT_FALSE(log->Commit().ok());
  EXPECT_EQ(log->loss_count(), 1U);
  EXPECT_TRUE(IsCommitted(*log, log->appended()));
  EXPECT_FALSE(log->IsCommitted(lost).ok());
}

TEST(Log, OldLossesStayLostPastTheirLimit) {
  LogFixture fixture;
  const auto log = fixture.Open();
  std::vector<LogPosition> lost;
  for (int i = 0; i < 100; ++i) {
    fixture.fs.FailNth(SimOperation::kWrite, 1, SimError::kIo);
    lost.push_back(fixture.Append(*log, "lost"));
    EXPECT_FALSE(log->Commit().ok());
    const LogPosition kept = fixture.Append(*log, "kept");
    ASSERT_TRUE(log->Commit().ok());
    EXPECT_TRUE(IsCommitted(*log, kept));
  }
  for (const LogPosition position : lost) EXPECT_FALSE(log->IsCommitted(position).ok());
}

// What a restart did not find must not be there after the next power cut either.
TEST(Log, ASegmentThatWasGivenUpStaysGone) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    LogFixture fixture(seed);
    auto log = fixture.Open();
    fixture.fs.set_capacity_bytes(200);  // For the first of two records.
    fixture.Append(*log, "lost");
    fixture.Append(*log, std::string(1000, 'x'));
    ASSERT_FALSE(log->Commit().ok());
    log.reset();
    fixture.fs.Kill();
    fixture.fs.set_capacity_bytes(std::nullopt);
    log = fixture.Open();
    ASSERT_THAT(fixture.Records(), IsEmpty());
    log.reset();
    fixture.fs.Crash();
    ASSERT_THAT(fixture.Records(), IsEmpty()) << "seed=" << seed;
  }
}

TEST(Log, IntervalModeCommitsWhatIsWrittenAndSyncsWhenTold) {
  LogFixture fixture;
  const auto log = fixture.Open({.mode = SyncMode::kInterval});
  const LogPosition a = fixture.Append(*log, "a");
  const LogPosition durable = *log->Commit();
  EXPECT_LT(durable, a);
  EXPECT_TRUE(IsCommitted(*log, a));
  ASSERT_TRUE(log->Sync().ok());
  EXPECT_EQ(log->durable(), a);
  fixture.Append(*log, "b");
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_EQ(log->durable(), a);
  fixture.fs.Kill();
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "b"));
}

TEST(Log, FailedWriteOfAnIntervalLogKeepsWhatWasWritten) {
  LogFixture fixture;
  const auto log = fixture.Open({.mode = SyncMode::kInterval});
  const LogPosition a = fixture.Append(*log, "a");
  ASSERT_TRUE(log->Commit().ok());
  fixture.fs.FailNth(SimOperation::kWrite, 1, SimError::kDiskFull);
  const LogPosition b = fixture.Append(*log, "b");
  EXPECT_FALSE(log->Commit().ok());
  EXPECT_TRUE(IsCommitted(*log, a));
  EXPECT_FALSE(log->IsCommitted(b).ok());
  fixture.Append(*log, "c");
  ASSERT_TRUE(log->Commit().ok());
  ASSERT_TRUE(log->Sync().ok());
  fixture.fs.Crash();
  EXPECT_THAT(fixture.Records(), ElementsAre("a", "c"));
}

TEST(Log, OffModeSyncsFinishedSegmentsOnly) {
  LogFixture fixture;
  const auto log = fixture.Open({.segment_bytes = 128, .mode = SyncMode::kOff});
  const LogPosition a = fixture.Append(*log, std::string(60, 'a'));
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_LT(log->durable(), a);
  const LogPosition b = fixture.Append(*log, std::string(60, 'b'));
  ASSERT_TRUE(log->Commit().ok());
  EXPECT_GE(log->durable(), a);
  EXPECT_LT(log->durable(), b);
}

TEST(Log, OneThreadAppendsWhileAnotherCommits) {
  LogFixture fixture;
  const auto log = fixture.Open({.segment_bytes = 4096});
  constexpr int kCount = 3000;
  std::atomic<bool> is_done = false;
  std::thread committer([&] {
    while (!is_done) EXPECT_TRUE(log->Commit().ok());
    EXPECT_TRUE(log->Commit().ok());
  });
  std::vector<std::string> want;
  for (int i = 0; i < kCount; ++i) {
    want.push_back("record " + std::to_string(i));
    const LogPosition end = fixture.Append(*log, want.back());
    if (i % 100 == 0) {
      while (!IsCommitted(*log, end)) std::this_thread::yield();
      EXPECT_GE(log->durable(), end);
    }
  }
  is_done = true;
  committer.join();
  EXPECT_EQ(fixture.Records(), want);
}

TEST(Log, ThreadsSeeFailuresOfOthers) {
  LogFixture fixture;
  fixture.fs.FailRandomly(SimOperation::kWrite, 0.1, SimError::kIo);
  const auto log = fixture.Open({.segment_bytes = 4096});
  std::atomic<bool> is_done = false;
  std::thread committer([&] {
    while (!is_done) {
      ARROW_UNUSED(log->Commit());
      std::this_thread::yield();
    }
  });
  std::vector<std::string> want;
  int lost_count = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string payload = "record " + std::to_string(i);
    const LogPosition end = fixture.Append(*log, payload);
    while (true) {
      const auto committed = log->IsCommitted(end);
      if (!committed.ok()) {
        ++lost_count;
        break;
      }
      if (*committed) {
        want.push_back(payload);
        break;
      }
      std::this_thread::yield();
    }
  }
  is_done = true;
  committer.join();
  EXPECT_GT(lost_count, 0);
  fixture.fs.Crash();
  const auto records = fixture.Records();
  // A record whose commit failed may be there as long as no later segment says otherwise.
  std::vector<std::string> acknowledged;
  for (const auto& record : records) {
    if (std::find(want.begin(), want.end(), record) != want.end()) acknowledged.push_back(record);
  }
  EXPECT_EQ(acknowledged, want);
}

}  // namespace
}  // namespace larnax::head
