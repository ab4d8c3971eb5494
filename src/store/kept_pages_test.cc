// Decoded pages that selects share: they save reading, they go with their files, and answers are
// the same whatever is kept.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/civil_time.h"
#include "io/executor.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "io/task_runner.h"
#include "store/store.h"
#include "store/store_fixture.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

constexpr int64_t kFirst = 20'700 * base::kDayMs;
constexpr int64_t kNow = kFirst + 3 * base::kDayMs;

class KeptPages : public testing::Test {
 protected:
  void Open(int64_t page_bytes) {
    store_ = nullptr;
    StoreOptions options;
    options.merge.fan_in = 3;
    options.open_files.page_bytes = page_bytes;
    ASSERT_OK_AND_ASSIGN(store_, Store::Open(fs_, "/a", options, kNow));
  }

  void Flush(const std::vector<TestSample>& samples) {
    const auto frozen = head_.Freeze(samples, {.segment = 1, .offset_bytes = ++position_});
    ASSERT_OK(store_->Flush(*frozen, kNow));
    head_.NoteFlushed(*frozen);
    AddToOracle(samples, &oracle_);
  }

  arrow::Result<Oracle> Read(const io::TaskRunner& runner = {}) {
    ARROW_ASSIGN_OR_RAISE(auto stream, store_->Select({}, {}, clock_, runner));
    ARROW_ASSIGN_OR_RAISE(Oracle all, ReadAll(*stream));
    stats_ = stream->stats();
    return all;
  }

  void ExpectWhole(const io::TaskRunner& runner = {}) {
    ASSERT_OK_AND_ASSIGN(const Oracle got, Read(runner));
    EXPECT_EQ(Difference(oracle_, got), "");
  }

  io::SimFileSystem fs_{1};
  io::SimClock clock_;
  std::unique_ptr<Store> store_;
  TestHead head_;
  Oracle oracle_;
  ReadStats stats_;
  int64_t position_ = 0;
};

// A stream that counts its batches.
class CountedBatches final : public SampleStream {
 public:
  explicit CountedBatches(SampleStream* stream) : stream_(stream) {}
  arrow::Result<SampleBatch> Next() override {
    auto batch = stream_->Next();
    if (batch.ok() && !batch->series.empty()) ++batches;
    return batch;
  }
  const ReadStats& stats() const override { return stream_->stats(); }

  int batches = 0;

 private:
  SampleStream* const stream_;
};

TEST_F(KeptPages, SaveASecondReading) {
  Open(1 << 20);
  io::Random random(3);
  Flush(DrawSamples(random, 2000, kFirst + base::kDayMs / 4, base::kDayMs / 4));
  ExpectWhole();
  EXPECT_GT(stats_.pages_read, 0);
  EXPECT_GT(store_->page_cache_stats().pages, 0);
  ExpectWhole();
  EXPECT_EQ(stats_.pages_read, 0);
  EXPECT_EQ(stats_.bytes_read, 0);
  EXPECT_GT(store_->page_cache_stats().hits, 0);
}

// Where pages are kept, batches are small; what comes is the same.
TEST_F(KeptPages, GiveTheSameInSmallerBatches) {
  constexpr int kRows = 100;
  const auto samples_of = [](int file, int first_series, int series, int step) {
    std::vector<TestSample> samples;
    for (int row = 0; row < kRows; ++row) {
      for (int i = first_series; i < series; i += step) {
        samples.push_back({.labels = MakeLabels({{"__name__", "m" + std::to_string(i % 3)},
                                                 {"i", std::to_string(i)}}),
                           .time_ms = kFirst + (file * kRows / 2 + row) * 15'000,
                           .value = static_cast<double>(file * 1'000'000 + row * i),
                           .start_ms = 0});
      }
    }
    return samples;
  };
  for (const int64_t page_bytes : {int64_t{0}, int64_t{64} << 20}) {
    Open(page_bytes);
    if (page_bytes == 0) {
      for (int file = 0; file < 4; ++file) {
        Flush(samples_of(file, file * 100, 1000 + file * 150, 1 + file % 2));
      }
    }
    for (int reading = 0; reading < 3; ++reading) {
      ASSERT_OK_AND_ASSIGN(auto stream, store_->Select({}, {}, clock_));
      CountedBatches counted(stream.get());
      ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(counted));
      EXPECT_EQ(Difference(oracle_, got), "") << page_bytes << " reading " << reading;
      // One small batch, and one for all the rest.
      const bool kept = page_bytes > 0 && reading > 0;
      EXPECT_EQ(stream->stats().pages_read == 0, kept);
      if (kept) {
        EXPECT_GT(counted.batches, 3);
      } else {
        EXPECT_EQ(counted.batches, 2);
      }
    }
  }
}

TEST_F(KeptPages, GoWithFilesThatAMergeReplaced) {
  Open(1 << 20);
  io::Random random(4);
  for (int i = 0; i < 3; ++i)
    Flush(DrawSamples(random, 500, kFirst + base::kDayMs / 4, base::kDayMs / 4));
  ExpectWhole();
  EXPECT_GT(store_->page_cache_stats().pages, 0);
  ASSERT_OK_AND_ASSIGN(auto stream, store_->Select({}, {}, clock_));
  ASSERT_OK_AND_ASSIGN(const bool merged, store_->MergeOnce(kNow, true));
  EXPECT_TRUE(merged);
  ASSERT_OK_AND_ASSIGN(const Oracle before, ReadAll(*stream));
  EXPECT_EQ(Difference(oracle_, before), "") << "a stream reads on";
  stream = nullptr;
  EXPECT_EQ(store_->page_cache_stats().pages, 0);
  EXPECT_EQ(store_->page_cache_stats().bytes, 0);
  ExpectWhole();
  ExpectWhole();
  EXPECT_EQ(stats_.pages_read, 0);
}

TEST_F(KeptPages, DoNotHideDamage) {
  Open(1 << 20);
  io::Random random(5);
  Flush(DrawSamples(random, 500, kFirst + base::kDayMs / 4, base::kDayMs / 4));
  const auto& file = store_->Current()->files[0];
  for (int64_t offset = 4; offset < file->entry().bytes; offset += 11) {
    ASSERT_OK(fs_.Corrupt(file->PathIn(Tree::kData, false), offset, 0x10));
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(auto stream, store_->Select({}, {}, clock_));
    ASSERT_OK(ReadAll(*stream));
    EXPECT_FALSE(stream->warnings().empty()) << i;
  }
  EXPECT_EQ(store_->page_cache_stats().pages, 0);
}

// Several queries, each on several threads, with room for next to nothing, while files are merged
// away below them.
TEST_F(KeptPages, ServeQueriesWhileFilesGo) {
  Open(20'000);
  io::Random random(6);
  for (int i = 0; i < 9; ++i)
    Flush(DrawSamples(random, 500, kFirst + base::kDayMs / 4, base::kDayMs / 4));
  io::ThreadExecutor executor(2);
  std::atomic<bool> merging{true};
  std::atomic<int> wrong{0};
  std::atomic<int> reads{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10 || merging; ++i) {
        auto stream = store_->Select({}, {}, clock_, io::MakeTaskRunner(&executor, 2));
        const auto got = stream.ok() ? ReadAll(**stream) : stream.status();
        if (!got.ok() || !Difference(oracle_, *got).empty()) ++wrong;
        if (store_->page_cache_stats().pages * 160 > 20'000) ++wrong;
        ++reads;
      }
    });
  }
  while (reads == 0) std::this_thread::yield();
  for (bool more = true; more;) {
    const auto merged = store_->MergeOnce(kNow, false);
    if (!merged.ok()) ++wrong;
    more = merged.ok() && *merged;
  }
  merging = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace larnax::store
