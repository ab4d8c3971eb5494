#include "test/promql/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/matchers.h"

namespace larnax::promqltest {
namespace {

arrow::Result<std::vector<TimedSeries>> Expand(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const auto commands, ParseScript(text));
  return ExpandLoad(std::get<LoadCommand>(commands.at(0).what));
}

TEST(ExpandLoad, GivesTimesAndStartTimes) {
  const auto series = Expand("load 10s\n a@st _ _ -5s\n a 1 _ 3").ValueOrDie();
  ASSERT_EQ(series.size(), 1);
  ASSERT_EQ(series[0].samples.size(), 2);
  EXPECT_EQ(series[0].samples[0].start_ms, 0);
  EXPECT_EQ(series[0].samples[1].time_ms, 20'000);
  EXPECT_EQ(series[0].samples[1].start_ms, 15'000);
}

TEST(ExpandLoad, MakesHistogramsOfClassicOnes) {
  const auto series = Expand(R"(load_with_nhcb 1m
    h_bucket{le="0.1",x="1"}  2 2
    h_bucket{le="+Inf",x="1"} 5 6
    h_bucket{le="1",x="1"}    2 3
    h_bucket{le="odd",x="1"}  9 9
    h_count{x="1"}            5 6
    h_sum{x="1"}              7 8)")
                          .ValueOrDie();
  ASSERT_EQ(series.size(), 7);
  EXPECT_EQ(series[6].labels.ToString(), "h{x=\"1\"}");
  ASSERT_EQ(series[6].samples.size(), 2);
  EXPECT_EQ(series[6].samples[0].histogram->ToString(),
            "{count:5, sum:7, [-Inf,0.1]:2, (1,+Inf]:3}");
  EXPECT_EQ(series[6].samples[1].histogram->ToString(),
            "{count:6, sum:8, [-Inf,0.1]:2, (0.1,1]:1, (1,+Inf]:3}");
}

TEST(ExpandLoad, TakesTheCountForTheLastBucketAndTheOtherWayRound) {
  const auto without_end =
      Expand("load_with_nhcb 1m\n h_bucket{le=\"1\"} 2\n h_count 5").ValueOrDie();
  EXPECT_EQ(without_end.back().samples[0].histogram->ToString(),
            "{count:5, sum:0, [-Inf,1]:2, (1,+Inf]:3}");
  const auto without_count = Expand("load_with_nhcb 1m\n h_bucket{le=\"1\"} 2").ValueOrDie();
  EXPECT_EQ(without_count.back().samples[0].histogram->ToString(), "{count:2, sum:0, [-Inf,1]:2}");
}

TEST(ExpandLoad, MarksWhatGoesOnCounting) {
  const auto series = Expand(
                          "load 1m\n h {{count:1}} {{count:2}} {{count:1}} {{count:1}} stale "
                          "{{count:2}} {{count:1 counter_reset_hint:gauge}} {{count:5}}")
                          .ValueOrDie();
  std::vector<CounterResetHint> hints;
  for (const TimedSample& sample : series[0].samples) {
    if (sample.histogram != nullptr) hints.push_back(sample.histogram->counter_reset_hint);
  }
  using enum CounterResetHint;
  EXPECT_THAT(hints, testing::ElementsAre(kUnknown, kNotReset, kUnknown, kNotReset, kUnknown,
                                          kGauge, kUnknown));
}

TEST(ExpandLoad, RefusesClassicHistogramsThatDoNotFit) {
  EXPECT_THAT(Expand("load_with_nhcb 1m\n h_bucket{le=\"1\"} 2\n h_bucket{le=\"2\"} 1"),
              test::HasMessage("not cumulative"));
  EXPECT_THAT(Expand("load_with_nhcb 1m\n h_bucket{le=\"+Inf\"} 2\n h_count 3"),
              test::HasMessage("differ"));
}

}  // namespace
}  // namespace larnax::promqltest
