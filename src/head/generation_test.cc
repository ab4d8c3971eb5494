#include "head/generation.h"

#include <bit>
#include <map>
#include <random>

#include "test/matchers.h"

namespace larnax::head {
namespace {

constexpr SeriesRef kSeries{3};
constexpr TimeRange kAll;

TEST(Generation, GivesBackWhatWasAppended) {
  Generation generation(1, {});
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(generation.Append(kSeries, i * 10, i * 0.5, 0), Generation::Outcome::kAdded);
  }
  SampleColumns columns;
  ReadCapture(generation.Capture(kSeries), kAll, &columns);
  ASSERT_EQ(columns.time_ms.size(), 5000u);
  EXPECT_EQ(columns.time_ms[4999], 49'990);
  EXPECT_EQ(columns.value[4999], 2499.5);
  EXPECT_TRUE(columns.start_ms.empty());
  ReadCapture(generation.Capture(kSeries), {.start_ms = 95, .end_ms = 120}, &columns);
  EXPECT_THAT(columns.time_ms, testing::ElementsAre(100, 110, 120));
  ReadCapture(generation.Capture(kSeries), {.start_ms = 101, .end_ms = 109}, &columns);
  EXPECT_TRUE(columns.time_ms.empty());
}

TEST(Generation, DropsARepeatWithTheSameBits) {
  Generation generation(1, {});
  const double stale = std::bit_cast<double>(kStaleBits);
  generation.Append(kSeries, 10, stale, 0);
  EXPECT_EQ(generation.Append(kSeries, 10, stale, 0), Generation::Outcome::kDuplicate);
  // Not a number either, but another one.
  EXPECT_EQ(generation.Append(kSeries, 10, std::bit_cast<double>(kStaleBits + 1), 0),
            Generation::Outcome::kAdded);
  EXPECT_EQ(generation.sample_count(), 2);
}

TEST(Generation, TheLaterSampleOfATimeWins) {
  Generation generation(1, {});
  generation.Append(kSeries, 20, 1, 0);
  generation.Append(kSeries, 10, 2, 0);
  generation.Append(kSeries, 20, 3, 0);
  SampleColumns columns;
  ReadCapture(generation.Capture(kSeries), kAll, &columns);
  EXPECT_THAT(columns.time_ms, testing::ElementsAre(10, 20));
  EXPECT_THAT(columns.value, testing::ElementsAre(2, 3));
}

TEST(Generation, ACaptureDoesNotSeeWhatComesLater) {
  Generation generation(1, {});
  for (int i = 0; i < 6; ++i) generation.Append(kSeries, i, i, 0);
  const SeriesCapture capture = generation.Capture(kSeries);
  for (int i = 6; i < 100; ++i) generation.Append(kSeries, i, i, 0);
  SampleColumns columns;
  ReadCapture(capture, kAll, &columns);
  EXPECT_EQ(columns.time_ms.size(), 6u);
}

TEST(Generation, CountsDaysAndRange) {
  Generation generation(1, {});
  generation.Append(kSeries, 86'400'000 * 3 + 5, 1, 0);
  generation.Append(SeriesRef{9}, 86'400'000 * 2, 1, 0);
  generation.Append(SeriesRef{9}, 86'400'000 * 3 - 1, 1, 0);
  EXPECT_EQ(generation.days(), (std::map<int64_t, int64_t>{{2, 2}, {3, 1}}));
  EXPECT_EQ(generation.time_range().start_ms, 86'400'000 * 2);
  EXPECT_EQ(generation.time_range().end_ms, 86'400'000 * 3 + 5);
  EXPECT_THAT(generation.touched(), testing::ElementsAre(kSeries, SeriesRef{9}));
  EXPECT_FALSE(generation.Has(SeriesRef{4}));
  EXPECT_FALSE(generation.Has(SeriesRef{100}));
}

// Random appends against the definition: a map from time to the last value and start.
TEST(Generation, AgreesWithAMap) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    Generation generation(1, {});
    std::map<int64_t, std::pair<double, int64_t>> oracle;
    const bool has_starts = seed % 3 == 0;
    const int64_t spread = seed % 2 == 0 ? 20 : 1'000'000;
    const int count = static_cast<int>(random() % 700);
    for (int i = 0; i < count; ++i) {
      const auto time_ms = static_cast<int64_t>(random() % static_cast<uint64_t>(spread));
      const auto value = static_cast<double>(random() % 3);
      const int64_t start_ms =
          has_starts && random() % 5 != 0 ? static_cast<int64_t>(random() % 3) : 0;
      generation.Append(kSeries, time_ms, value, start_ms);
      oracle[time_ms] = {value, start_ms};
    }
    SampleColumns columns;
    ReadCapture(generation.Capture(kSeries), kAll, &columns);
    ASSERT_EQ(columns.time_ms.size(), oracle.size()) << "seed=" << seed;
    size_t i = 0;
    for (const auto& [time_ms, sample] : oracle) {
      EXPECT_EQ(columns.time_ms[i], time_ms) << "seed=" << seed;
      EXPECT_EQ(columns.value[i], sample.first) << "seed=" << seed;
      EXPECT_EQ(columns.start_ms.empty() ? 0 : columns.start_ms[i], sample.second);
      ++i;
    }
  }
}

}  // namespace
}  // namespace larnax::head
