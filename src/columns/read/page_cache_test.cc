#include "columns/read/page_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "columns/file_for_test.h"
#include "columns/read/decoded_pages.h"

namespace larnax::columns {
namespace {

constexpr int64_t kBudget = 256 << 10;
constexpr size_t kRows = 1000;  // Of a page: 8 kB.

std::shared_ptr<const DecodedPage> MakePage(double value, size_t rows = kRows) {
  auto page = std::make_shared<ValuePage>(rows);
  std::fill(page->memory().begin(), page->memory().end(), value);
  return page;
}

double ValueOf(const DecodedPage& page) {
  return static_cast<const ValuePage&>(page).values().front();
}

class PageCacheTest : public testing::Test {
 protected:
  std::shared_ptr<PageCache> cache_ = std::make_shared<PageCache>(kBudget);
};

TEST_F(PageCacheTest, KeepsItsBudget) {
  FilePages file(cache_);
  for (int i = 0; i < 1000; ++i) {
    file.Insert(0, i, MakePage(i));
    ASSERT_LE(cache_->stats().bytes, kBudget);
    const auto found = file.Find(0, i);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(ValueOf(*found), i);
  }
  const PageCacheStats stats = cache_->stats();
  EXPECT_GT(stats.bytes, kBudget / 2);
  EXPECT_EQ(stats.hits, 1000);
  EXPECT_EQ(stats.misses, 0);
  EXPECT_EQ(stats.pages + stats.evictions, 1000);
  EXPECT_EQ(file.Find(0, 0), nullptr);
  EXPECT_EQ(cache_->stats().misses, 1);
}

TEST_F(PageCacheTest, AReadOfEverythingLeavesWhatIsUsedAgain) {
  FilePages file(cache_);
  for (int i = 0; i < 10; ++i) {
    file.Insert(0, i, MakePage(i));
    ASSERT_NE(file.Find(0, i), nullptr);
  }
  for (int i = 1000; i < 2000; ++i) file.Insert(0, i, MakePage(i));
  for (int i = 0; i < 10; ++i) EXPECT_NE(file.Find(0, i), nullptr) << i;
}

TEST_F(PageCacheTest, PagesOfAFileGoWithIt) {
  auto gone = std::make_unique<FilePages>(cache_);
  FilePages stays(cache_);
  for (int i = 0; i < 5; ++i) {
    gone->Insert(0, i, MakePage(i));
    stays.Insert(0, i, MakePage(100 + i));
  }
  ASSERT_NE(gone->Find(0, 0), nullptr);
  const auto held = gone->Find(0, 1);
  gone = nullptr;
  EXPECT_EQ(cache_->stats().pages, 5);
  EXPECT_EQ(cache_->stats().evictions, 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ValueOf(*stays.Find(0, i)), 100 + i);
  EXPECT_EQ(ValueOf(*held), 1) << "what a reader holds stays";
}

TEST_F(PageCacheTest, TellsColumnsAndFilesApart) {
  FilePages one(cache_);
  FilePages other(cache_);
  one.Insert(0, 8, MakePage(1));
  one.Insert(1, 8, MakePage(2));
  EXPECT_EQ(ValueOf(*one.Find(0, 8)), 1);
  EXPECT_EQ(ValueOf(*one.Find(1, 8)), 2);
  EXPECT_EQ(other.Find(0, 8), nullptr);
  one.Insert(0, 8, MakePage(3));
  EXPECT_EQ(ValueOf(*one.Find(0, 8)), 1) << "the first of two threads";
}

TEST_F(PageCacheTest, DoesNotKeepWhatIsTooLarge) {
  FilePages file(cache_);
  file.Insert(0, 0, MakePage(1, kBudget / 8));
  EXPECT_EQ(cache_->stats().pages, 0);
  FilePages nowhere(std::make_shared<PageCache>(0));
  nowhere.Insert(0, 0, MakePage(1, 1));
  EXPECT_EQ(nowhere.Find(0, 0), nullptr);
}

std::vector<int64_t> Times(int64_t first_us, size_t count) {
  std::vector<int64_t> times(count);
  for (size_t i = 0; i < count; ++i) times[i] = first_us + static_cast<int64_t>(i) * 15'000'000;
  return times;
}

std::shared_ptr<const TimePage> PageOf(const std::vector<int64_t>& time_us, FilePages* file) {
  TimePage::Builder builder(file);
  builder.Append(time_us);
  return builder.Finish();
}

TEST_F(PageCacheTest, EqualTimesAreThereOnceInAFile) {
  auto file = std::make_unique<FilePages>(cache_);
  std::vector<int64_t> page_us;
  for (int i = 0; i < 100; ++i) {
    const auto run = Times(i % 2 == 0 ? 0 : 7'000, 240);
    page_us.insert(page_us.end(), run.begin(), run.end());
  }
  file->Insert(0, 0, PageOf(page_us, file.get()));
  const int64_t bytes = cache_->stats().bytes;
  EXPECT_LT(bytes, 2 * 240 * 8 + 100 * 40 + 1000);
  auto second = PageOf(page_us, file.get());
  size_t run = 0;
  EXPECT_EQ(second->Rows(0, 240, &run).vector,
            static_cast<const TimePage&>(*file->Find(0, 0)).Rows(480, 240, &run).vector);
  EXPECT_EQ(cache_->stats().bytes, bytes);
  file = nullptr;
  EXPECT_GT(cache_->stats().bytes, 0) << "a reader holds the vectors";
  second = nullptr;
  EXPECT_EQ(cache_->stats().bytes, 0);
}

TEST_F(PageCacheTest, TimesThatNobodySharesKeepTheBudgetToo) {
  FilePages file(cache_);
  for (int i = 0; i < 200; ++i) {
    file.Insert(0, i, PageOf(Times(i * 1'000'000'000'000, kRows), &file));
    ASSERT_LE(cache_->stats().bytes, kBudget);
  }
  EXPECT_GT(cache_->stats().bytes, kBudget / 2);
}

TEST_F(PageCacheTest, ServesSeveralThreads) {
  std::atomic<int64_t> wrong{0};
  std::vector<std::thread> threads;
  FilePages shared(cache_);
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      TestRandom random(thread);
      for (int round = 0; round < 20; ++round) {
        FilePages own(cache_);
        for (int i = 0; i < 100; ++i) {
          FilePages& file = random.OneIn(2) ? own : shared;
          const int64_t offset = random.Below(60);
          const auto found = file.Find(0, offset);
          if (found == nullptr) {
            file.Insert(0, offset, MakePage(static_cast<double>(offset)));
          } else if (ValueOf(*found) != static_cast<double>(offset)) {
            ++wrong;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  const PageCacheStats stats = cache_->stats();
  EXPECT_LE(stats.bytes, kBudget);
  EXPECT_LE(stats.pages, 60) << "of the shared file only";
  EXPECT_EQ(stats.hits + stats.misses, 4 * 20 * 100);
}

}  // namespace
}  // namespace larnax::columns
