#include "store/store.h"

#include <gtest/gtest.h>

#include "base/civil_time.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "store/store_fixture.h"
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

}  // namespace
}  // namespace larnax::store
