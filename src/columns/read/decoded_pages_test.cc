#include "columns/read/decoded_pages.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "columns/file_for_test.h"

namespace larnax::columns {
namespace {

using Times = std::vector<int64_t>;

Times RunOf(int64_t first_us, size_t count) {
  Times times(count);
  for (size_t i = 0; i < count; ++i) times[i] = first_us + static_cast<int64_t>(i) * 15'000'000;
  return times;
}

std::shared_ptr<const TimePage> PageOf(const Times& time_us, size_t at_once) {
  TimePage::Builder builder(nullptr);
  for (size_t at = 0; at < time_us.size(); at += at_once) {
    builder.Append(std::span(time_us).subspan(at, std::min(at_once, time_us.size() - at)));
  }
  return builder.Finish();
}

Times RowsOf(const TimePage& page, size_t first, size_t count) {
  size_t run = 0;
  const TimesView view = page.Rows(first, count, &run);
  return {view.times().begin(), view.times().end()};
}

// Series of one target, of another, of one that ended early, and one of a single sample.
Times TimesOfSeries() {
  Times times;
  for (const int64_t series : {0, 0, 0, 7, 7, 0, 500, 3, 0}) {
    const int64_t samples = series == 500 ? 30 : series == 3 ? 1 : 60;
    for (int64_t i = 0; i < samples; ++i) times.push_back((1000 * i + series) * 1000);
  }
  return times;
}

TEST(TimePage, GivesTimesInWhateverPartsTheyCame) {
  const Times time_us = TimesOfSeries();
  Times time_ms = time_us;
  for (int64_t& time : time_ms) time /= 1000;
  for (const size_t at_once : {1, 2, 7, 59, 60, 61, 100, 1000}) {
    const auto page = PageOf(time_us, at_once);
    ASSERT_EQ(page->rows(), time_us.size());
    EXPECT_EQ(RowsOf(*page, 0, time_us.size()), time_ms) << at_once;
    for (size_t first = 0; first < time_us.size(); first += 13) {
      const auto begin = time_ms.begin() + static_cast<std::ptrdiff_t>(first);
      const size_t count = std::min<size_t>(60, time_us.size() - first);
      EXPECT_EQ(RowsOf(*page, first, count), Times(begin, begin + std::ptrdiff_t(count)));
    }
  }
}

TEST(TimePage, HoldsEqualTimesOnce) {
  for (const size_t at_once : {7, 60, 1000}) {
    const auto page = PageOf(TimesOfSeries(), at_once);
    size_t run = 0;
    const auto first = page->Rows(0, 60, &run).vector;
    for (const size_t row : {60, 120, 300}) EXPECT_EQ(page->Rows(row, 60, &run).vector, first);
    EXPECT_EQ(page->Rows(180, 60, &run).vector, page->Rows(240, 60, &run).vector);
    EXPECT_NE(page->Rows(180, 60, &run).vector, first);
  }
}

// Against the times themselves, cut anywhere, also where they do not ascend.
TEST(TimePage, GivesEveryRow) {
  TestRandom random(5);
  std::vector<int64_t> page_us;
  std::vector<int64_t> page_ms;
  while (page_us.size() < 5000) {
    const auto run = RunOf(random.Below(4) * 1'000'000, 1 + static_cast<size_t>(random.Below(40)));
    page_us.insert(page_us.end(), run.begin(), run.end());
    if (random.OneIn(10)) page_us.push_back(page_us.back());
  }
  for (const int64_t time_us : page_us) page_ms.push_back(time_us / 1000);
  const auto page = PageOf(page_us, 1000);
  size_t run = 7'000'000;
  EXPECT_EQ(page->rows(), page_us.size());
  for (int i = 0; i < 2000; ++i) {
    const auto first = static_cast<size_t>(random.Below(static_cast<int64_t>(page_us.size())));
    const auto count = static_cast<size_t>(random.Below(100));
    const auto wanted = std::span(page_ms).subspan(first, std::min(count, page_ms.size() - first));
    const TimesView view = page->Rows(first, wanted.size(), &run);
    const auto got = view.times();
    ASSERT_TRUE(std::equal(got.begin(), got.end(), wanted.begin(), wanted.end())) << i;
  }
}

TEST(TimePage, MayBeEmpty) {
  const auto page = PageOf({}, 1);
  EXPECT_EQ(page->rows(), 0U);
  EXPECT_EQ(RowsOf(*page, 0, 0), Times());
}

}  // namespace
}  // namespace larnax::columns
