#include "store/read/kind_merge.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/random.h"
#include "store/write/metadata_merge.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

struct Part {
  bool is_histogram = false;
  std::vector<int64_t> times;
  double mark = 0;  // Value of all its samples.
};

std::shared_ptr<const NativeHistogram> Marked(double mark) {
  NativeHistogram histogram;
  histogram.sum = mark;
  return std::make_shared<const NativeHistogram>(std::move(histogram));
}

// Merges parts, the later ones of higher precedence; a histogram reads as "h<mark>".
std::map<int64_t, std::string> Merge(const std::vector<Part>& parts) {
  std::vector<std::vector<double>> values;
  std::vector<std::vector<HistogramSample>> samples;
  values.reserve(parts.size());
  samples.reserve(parts.size());
  std::vector<PartSamples> floats;
  std::vector<int64_t> precedence;
  std::vector<HistogramPart> histograms;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto rank = static_cast<int64_t>(i);
    if (!parts[i].is_histogram) {
      values.emplace_back(parts[i].times.size(), parts[i].mark);
      floats.push_back({parts[i].times, values.back(), {}});
      precedence.push_back(rank);
      continue;
    }
    auto& own = samples.emplace_back();
    for (const int64_t time_ms : parts[i].times) own.push_back({time_ms, 0, Marked(parts[i].mark)});
    histograms.push_back({own, rank});
  }
  MergedSeries merged;
  MergeKinds(floats, precedence, histograms, &merged);
  std::map<int64_t, std::string> found;
  for (size_t i = 0; i < merged.floats.time_ms.size(); ++i) {
    found[merged.floats.time_ms[i]] = std::to_string(static_cast<int>(merged.floats.value[i]));
  }
  int64_t last_ms = -1;
  for (const HistogramSample& sample : merged.histograms) {
    EXPECT_LT(last_ms, sample.time_ms);
    last_ms = sample.time_ms;
    EXPECT_FALSE(found.contains(sample.time_ms));
    found[sample.time_ms] = "h" + std::to_string(static_cast<int>(sample.histogram->sum));
  }
  return found;
}

TEST(KindMerge, TheLaterOfTwoKindsCounts) {
  EXPECT_EQ(Merge({{false, {1, 2, 3}, 1}, {true, {2, 4}, 2}, {false, {4}, 3}}),
            (std::map<int64_t, std::string>{{1, "1"}, {2, "h2"}, {3, "1"}, {4, "3"}}));
  EXPECT_EQ(Merge({{true, {1, 2}, 1}, {true, {2}, 2}}),
            (std::map<int64_t, std::string>{{1, "h1"}, {2, "h2"}}));
}

TEST(KindMerge, RandomPartsComeOutAsTheLastOfEachTime) {
  io::Random random(11);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Part> parts(random.Below(7));
    std::map<int64_t, std::string> want;
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].is_histogram = random.Chance(0.5);
      parts[i].mark = static_cast<double>(i);
      for (int64_t time_ms = 0; time_ms < 12; ++time_ms) {
        if (!random.Chance(0.3)) continue;
        parts[i].times.push_back(time_ms);
        want[time_ms] = (parts[i].is_histogram ? "h" : "") + std::to_string(i);
      }
    }
    ASSERT_EQ(Merge(parts), want) << "round " << round;
  }
}

TEST(MetadataMerge, SayingsAreSeenFromTheFirstToTheLastTime) {
  std::vector<columns::MetadataRow> rows = {{"b", "gauge", "help", "", 50, 60},
                                            {"a", "gauge", "help", "", 10, 20},
                                            {"b", "gauge", "help", "", 5, 55},
                                            {"b", "gauge", "other", "", 7, 7}};
  MergeMetadataRows(&rows);
  EXPECT_EQ(rows, (std::vector<columns::MetadataRow>{{"a", "gauge", "help", "", 10, 20},
                                                     {"b", "gauge", "help", "", 5, 60},
                                                     {"b", "gauge", "other", "", 7, 7}}));
}

TEST(MetadataMerge, TakesSmallFilesWhenThereAreMany) {
  std::vector<MetadataEntry> files;
  files.push_back({.name = "large", .bytes = 1 << 20, .rows = 1 << 20});
  EXPECT_EQ(PickMetadataMerge(files, true), std::nullopt);
  for (int i = 0; i < 7; ++i) {
    files.push_back({.name = "f" + std::to_string(i), .bytes = 100, .rows = 10});
  }
  EXPECT_EQ(PickMetadataMerge(files, false), std::nullopt);
  EXPECT_EQ(PickMetadataMerge(files, true)->files.size(), 7u);
  files.push_back({.name = "f7", .bytes = 100, .rows = 10});
  const auto job = PickMetadataMerge(files, false);
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->files.size(), 8u);
  EXPECT_EQ(job->files.front().name, "f0");
}

}  // namespace
}  // namespace larnax::store
