#include "store/read/part_merge.h"

#include <gtest/gtest.h>

#include <map>

#include "io/random.h"

namespace larnax::store {
namespace {

struct Part {
  std::vector<int64_t> time_ms;
  std::vector<double> value;
  std::vector<int64_t> start_ms;
};

head::SampleColumns Merge(const std::vector<Part>& parts) {
  std::vector<PartSamples> samples;
  for (const Part& part : parts) samples.push_back({part.time_ms, part.value, part.start_ms});
  head::SampleColumns out;
  MergeParts(samples, &out);
  return out;
}

TEST(PartMergeTest, LastPartWinsAtEqualTimes) {
  const auto merged =
      Merge({{{1, 2, 3}, {10, 20, 30}, {}}, {{2, 5}, {21, 51}, {}}, {{2, 3}, {22, 32}, {}}});
  EXPECT_EQ(merged.time_ms, (std::vector<int64_t>{1, 2, 3, 5}));
  EXPECT_EQ(merged.value, (std::vector<double>{10, 22, 32, 51}));
  EXPECT_TRUE(merged.start_ms.empty());
}

TEST(PartMergeTest, PartsInTheWrongOrderOfTimeAreSorted) {
  const auto merged = Merge({{{7, 8}, {70, 80}, {}}, {{1, 2}, {10, 20}, {}}, {{4}, {40}, {}}});
  EXPECT_EQ(merged.time_ms, (std::vector<int64_t>{1, 2, 4, 7, 8}));
}

TEST(PartMergeTest, UnknownStartTimesAreZero) {
  const auto merged = Merge({{{1, 3}, {10, 30}, {5, 6}}, {{2}, {20}, {}}});
  EXPECT_EQ(merged.start_ms, (std::vector<int64_t>{5, 0, 6}));
}

TEST(PartMergeTest, NothingGivesNothing) {
  EXPECT_TRUE(Merge({}).time_ms.empty());
  EXPECT_TRUE(Merge({{{}, {}, {}}, {{}, {}, {}}}).time_ms.empty());
}

TEST(PartMergeTest, AgreesWithAMap) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    io::Random random(seed);
    std::vector<Part> parts(random.Below(7));
    std::map<int64_t, std::pair<double, int64_t>> want;
    bool any_start = false;
    for (Part& part : parts) {
      const bool with_starts = random.Chance(0.3);
      int64_t time_ms = static_cast<int64_t>(random.Below(60));
      for (uint64_t n = random.Below(20); n > 0; --n) {
        part.time_ms.push_back(time_ms);
        part.value.push_back(static_cast<double>(random.Next() >> 40));
        if (with_starts) part.start_ms.push_back(static_cast<int64_t>(random.Below(5)));
        want[time_ms] = {part.value.back(), with_starts ? part.start_ms.back() : 0};
        any_start |= with_starts;
        time_ms += 1 + static_cast<int64_t>(random.Below(5));
      }
    }
    const auto merged = Merge(parts);
    ASSERT_EQ(merged.time_ms.size(), want.size()) << seed;
    ASSERT_EQ(merged.start_ms.size(), any_start ? want.size() : 0) << seed;
    size_t i = 0;
    for (const auto& [time_ms, sample] : want) {
      ASSERT_EQ(merged.time_ms[i], time_ms) << seed;
      ASSERT_EQ(merged.value[i], sample.first) << seed;
      if (any_start) {
        ASSERT_EQ(merged.start_ms[i], sample.second) << seed;
      }
      ++i;
    }
  }
}

}  // namespace
}  // namespace larnax::store
