#include "exec/functions/function_fixture.h"
#include "exec/functions/histograms/classic_histogram.h"

namespace larnax::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr double kInf = std::numeric_limits<double>::infinity();

double QuantileOf(double q, std::vector<ClassicBucket> buckets) {
  MonotonicityFix fix;
  return BucketQuantile(q, &buckets, &fix);
}

TEST(BucketQuantileTest, InterpolatesInsideBuckets) {
  const std::vector<ClassicBucket> buckets = {{1, 2}, {2, 6}, {4, 8}, {kInf, 10}};
  EXPECT_EQ(QuantileOf(0, buckets), 0);
  EXPECT_EQ(QuantileOf(0.1, buckets), 0.5);
  EXPECT_EQ(QuantileOf(0.2, buckets), 1);
  EXPECT_EQ(QuantileOf(0.4, buckets), 1.5);
  EXPECT_EQ(QuantileOf(0.7, buckets), 3);
  // Nothing is known above the last bound.
  EXPECT_EQ(QuantileOf(0.9, buckets), 4);
  EXPECT_EQ(QuantileOf(1, buckets), 4);
  EXPECT_EQ(QuantileOf(-0.1, buckets), -kInf);
  EXPECT_EQ(QuantileOf(1.1, buckets), kInf);
  EXPECT_TRUE(std::isnan(QuantileOf(std::nan(""), buckets)));
}

TEST(BucketQuantileTest, LowestBucketBeginsAtZeroUnlessItEndsBelow) {
  EXPECT_EQ(QuantileOf(0.25, {{2, 2}, {kInf, 4}}), 1);
  EXPECT_EQ(QuantileOf(0.25, {{-2, 2}, {kInf, 4}}), -2);
  EXPECT_EQ(QuantileOf(0.25, {{0, 2}, {kInf, 4}}), 0);
}

TEST(BucketQuantileTest, NeedsBucketsAndObservations) {
  EXPECT_TRUE(std::isnan(QuantileOf(0.5, {{1, 2}, {2, 4}})));
  EXPECT_TRUE(std::isnan(QuantileOf(0.5, {{kInf, 4}})));
  EXPECT_TRUE(std::isnan(QuantileOf(0.5, {{kInf, 2}, {kInf, 4}})));
  EXPECT_TRUE(std::isnan(QuantileOf(0.5, {{1, 0}, {kInf, 0}})));
}

TEST(BucketQuantileTest, MergesEqualBounds) {
  EXPECT_EQ(QuantileOf(0.5, {{1, 1}, {1, 1}, {kInf, 4}}), 1);
}

TEST(BucketQuantileTest, RepairsFallingCounts) {
  std::vector<ClassicBucket> buckets = {{1, 4}, {2, 3}, {3, 2}, {4, 8}, {kInf, 7}};
  MonotonicityFix fix;
  EXPECT_EQ(BucketQuantile(0.75, &buckets, &fix), 3.5);
  EXPECT_TRUE(fix.forced);
  EXPECT_EQ(fix.lowest, 2);
  EXPECT_EQ(fix.highest, kInf);
  EXPECT_EQ(fix.max_difference, 2);
  // Rounding errors are not worth a note.
  std::vector<ClassicBucket> rounded = {{1, 4}, {2, 4 - 1e-13}, {kInf, 8}};
  MonotonicityFix none;
  EXPECT_EQ(BucketQuantile(0.5, &rounded, &none), 1);
  EXPECT_FALSE(none.forced);
}

TEST(BucketFractionTest, InterpolatesAtBothEnds) {
  const auto fraction = [](double lower, double upper, std::vector<ClassicBucket> buckets) {
    return BucketFraction(lower, upper, &buckets);
  };
  const std::vector<ClassicBucket> buckets = {{1, 2}, {2, 6}, {4, 8}, {kInf, 10}};
  EXPECT_EQ(fraction(-kInf, kInf, buckets), 1);
  EXPECT_EQ(fraction(1, 2, buckets), 0.4);
  EXPECT_EQ(fraction(0.5, 1.5, buckets), 0.3);
  EXPECT_EQ(fraction(-5, 0, buckets), 0);
  EXPECT_EQ(fraction(4, kInf, buckets), 0.2);
  EXPECT_EQ(fraction(10, kInf, buckets), 0.2);
  EXPECT_EQ(fraction(2, 2, buckets), 0);
  EXPECT_EQ(fraction(3, 2, buckets), 0);
  EXPECT_EQ(fraction(-kInf, -1, {{0, 2}, {kInf, 4}}), 0.5);
  EXPECT_TRUE(std::isnan(fraction(std::nan(""), 2, buckets)));
  EXPECT_TRUE(std::isnan(fraction(0, 1, {{1, 1}})));
  EXPECT_TRUE(std::isnan(fraction(0, 1, {{1, 0}, {kInf, 0}})));
}

TestTable Classic() {
  return {.rows = {{"m_bucket{job=\"a\",le=\"1\"}", "2 4"},
                   {"m_bucket{job=\"a\",le=\"2.0\"}", "6 12"},
                   {"m_bucket{job=\"a\",le=\"+Inf\"}", "8 16"},
                   {"m_bucket{job=\"b\",le=\"1e0\"}", "_ 4"},
                   {"m_bucket{job=\"b\",le=\"inf\"}", "_ 8"}},
          .grid = {.start_ms = 0, .step_ms = 10'000, .count = 2}};
}

TEST(HistogramQuantileTest, GroupsByAllLabelsButTheBound) {
  const TestOutcome outcome = Evaluate("histogram_quantile(0.5, m_bucket)", Classic());
  EXPECT_THAT(outcome.rows,
              ElementsAre("m_bucket{job=\"a\"}: 1.5 1.5", "m_bucket{job=\"b\"}: _ 1"));
  EXPECT_THAT(outcome.drops_name, ElementsAre(true, true));
  EXPECT_THAT(outcome.warnings, IsEmpty());
  TestTable at_once = Classic();
  at_once.features.delayed_name_removal = false;
  EXPECT_THAT(Evaluate("histogram_quantile(0.5, m_bucket)", at_once).rows,
              ElementsAre("{job=\"a\"}: 1.5 1.5", "{job=\"b\"}: _ 1"));
}

TEST(HistogramQuantileTest, TakesNativeHistogramsToo) {
  const TestTable table{.rows = {{"m", "h4 1 h4"}, {"m{le=\"1\"}", "_ _ 3"}, {"n", "h8"}},
                        .grid = {.start_ms = 0, .step_ms = 10'000, .count = 3},
                        .lookback_ms = 1000};
  const TestOutcome outcome = Evaluate("histogram_quantile(0.5, {__name__=~'.+'})", table);
  EXPECT_THAT(outcome.rows, ElementsAre("m: 0.7071067811865476 _ _", "n: 0.7071067811865476 _ _"));
  EXPECT_THAT(
      outcome.warnings,
      UnorderedElementsAre("PromQL warning: bucket label \"le\" is missing or has a malformed "
                           "value of \"\" for metric name \"m\" (1:25)",
                           "PromQL warning: vector contains a mix of classic and native histograms "
                           "for metric name \"m\" (1:25)"));
}

TEST(HistogramQuantileTest, BoundsAreNumbers) {
  for (const char* bad : {"", "x", "1_0", "1e999", "0x1", " 1", "1 ", "--1", "+"}) {
    const TestTable table{.rows = {{"m{le=\"" + std::string(bad) + "\"}", "1"}}};
    EXPECT_EQ(Evaluate("histogram_quantile(0.5, m)", table).warnings.size(), 1) << bad;
  }
  for (const char* good : {"1", "+1", "-1", "1e3", ".5", "0x1p-2", "NaN", "Infinity", "-INF"}) {
    const TestTable table{.rows = {{"m{le=\"" + std::string(good) + "\"}", "1"}}};
    EXPECT_THAT(Evaluate("histogram_quantile(0.5, m)", table).warnings, IsEmpty()) << good;
  }
}

TEST(HistogramQuantileTest, TellsOfRepairsOverAllSteps) {
  const TestTable table{.rows = {{"m_bucket{le=\"1\"}", "4 8"},
                                 {"m_bucket{le=\"2\"}", "3 4"},
                                 {"m_bucket{le=\"+Inf\"}", "8 9"}},
                        .grid = {.start_ms = 0, .step_ms = 10'000, .count = 2}};
  EXPECT_THAT(
      Evaluate("histogram_quantile(0.5, m_bucket)", table).infos,
      ElementsAre(testing::AllOf(
          testing::StartsWith("PromQL info: input to histogram_quantile needed to be fixed for "
                              "monotonicity (see https://prometheus.io/docs/prometheus/latest/"
                              "querying/functions/#histogram_quantile) for metric name "
                              "\"m_bucket\", from buckets 2 to 2, with a max diff of 4, over 2 "
                              "samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z"),
          testing::EndsWith("(1:25)"))));
}

TEST(HistogramQuantileTest, WarnsOfTheQuantile) {
  EXPECT_THAT(Evaluate("histogram_quantile(-1, m)", {.rows = {}}).warnings,
              ElementsAre("PromQL warning: quantile value should be between 0 and 1, got -1 "
                          "(1:20)"));
}

TEST(HistogramQuantilesTest, AddsALabelForEach) {
  EXPECT_THAT(Evaluate("histogram_quantiles(m, 'q', 0, 0.5, 1)", Classic()).rows,
              UnorderedElementsAre(
                  "m_bucket{job=\"a\", q=\"0.0\"}: 0 0", "m_bucket{job=\"b\", q=\"0.0\"}: _ 0",
                  "m_bucket{job=\"a\", q=\"0.5\"}: 1.5 1.5", "m_bucket{job=\"b\", q=\"0.5\"}: _ 1",
                  "m_bucket{job=\"a\", q=\"1.0\"}: 2 2", "m_bucket{job=\"b\", q=\"1.0\"}: _ 1"));
  // A quantile that moves makes a series at each of its values.
  EXPECT_THAT(Evaluate("histogram_quantiles(m, 'q', time())", Classic()).rows,
              UnorderedElementsAre("m_bucket{job=\"a\", q=\"0.0\"}: 0 _",
                                   "m_bucket{job=\"a\", q=\"10.0\"}: _ +Inf",
                                   "m_bucket{job=\"b\", q=\"10.0\"}: _ +Inf"));
}

TEST(HistogramFractionTest, OfBothKinds) {
  EXPECT_THAT(Evaluate("histogram_fraction(0, 1, m)", Classic()).rows,
              ElementsAre("m_bucket{job=\"a\"}: 0.25 0.25", "m_bucket{job=\"b\"}: _ 0.5"));
  EXPECT_EQ(ValueOf("histogram_fraction(0.5, 1, x)", "h4", 0), "1");
  EXPECT_EQ(ValueOf("histogram_fraction(1, 2, x)", "h4", 0), "0");
}

TestTable Targets() {
  return {.rows = {{"m{instance=\"a\",job=\"1\"}", "1 2 3"}, {"m{instance=\"b\",job=\"1\"}", "4"}},
          .grid = {.start_ms = 0, .step_ms = 10'000, .count = 3},
          .info_rows = {{"target_info{instance=\"a\",job=\"1\",data=\"x\",more=\"y\"}", "1 1 1"},
                        {"target_info{instance=\"c\",job=\"1\",data=\"z\"}", "1 1 1"}}};
}

TEST(InfoTest, AddsLabelsOfTheSeriesOfTheSameTarget) {
  const auto rows = [](const char* call) { return Evaluate(call, Targets()).rows; };
  EXPECT_THAT(rows("info(m)"),
              ElementsAre("m{data=\"x\", instance=\"a\", job=\"1\", more=\"y\"}: 1 2 3",
                          "m{instance=\"b\", job=\"1\"}: 4 4 4"));
  EXPECT_THAT(rows("info(m, {data=~'.+'})"),
              ElementsAre("m{data=\"x\", instance=\"a\", job=\"1\"}: 1 2 3"));
  EXPECT_THAT(rows("info(m, {data=~'.*'})"),
              ElementsAre("m{data=\"x\", instance=\"a\", job=\"1\"}: 1 2 3",
                          "m{instance=\"b\", job=\"1\"}: 4 4 4"));
  EXPECT_THAT(rows("info(m, {data='none'})"), IsEmpty());
  EXPECT_THAT(
      rows("info(m, {__name__='build_info'})"),
      ElementsAre("m{instance=\"a\", job=\"1\"}: 1 2 3", "m{instance=\"b\", job=\"1\"}: 4 4 4"));
  EXPECT_THAT(rows("info(m, {__name__!='target_info'})")[0], "m{instance=\"a\", job=\"1\"}: 1 2 3");
}

TEST(InfoTest, NewestSeriesWins) {
  TestTable table = Targets();
  table.info_rows = {{"target_info{instance=\"a\",job=\"1\",data=\"old\"}", "1 1 _"},
                     {"target_info{instance=\"a\",job=\"1\",data=\"new\"}", "_ _ 1"}};
  EXPECT_THAT(Evaluate("info(m, {data=~'.+'})", table).rows,
              ElementsAre("m{data=\"old\", instance=\"a\", job=\"1\"}: 1 2 _",
                          "m{data=\"new\", instance=\"a\", job=\"1\"}: _ _ 3"));
  table.info_rows[1].samples = "1 _ _";
  EXPECT_THAT(Evaluate("info(m)", table).status,
              test::HasMessage("found duplicate series for info metric: existing "
                               "{__name__=\"target_info\", data=\"old\", instance=\"a\", "
                               "job=\"1\"} @ 0, new {__name__=\"target_info\", data=\"new\", "
                               "instance=\"a\", job=\"1\"} @ 0"));
}

TEST(InfoTest, LabelsOfTheSeriesItselfStay) {
  TestTable table = Targets();
  table.rows = {{"m{instance=\"a\",job=\"1\",data=\"own\"}", "1 1 1"},
                {"build_info{instance=\"a\",job=\"1\"}", "1 1 1"}};
  table.info_rows.push_back({"build_info{instance=\"a\",job=\"1\",more=\"y\"}", "1 1 1"});
  EXPECT_THAT(Evaluate("info(m, {__name__=~'.+_info'})", table).rows,
              ElementsAre("m{data=\"own\", instance=\"a\", job=\"1\", more=\"y\"}: 1 1 1",
                          "build_info{instance=\"a\", job=\"1\"}: 1 1 1"));
  table.info_rows.back().labels = "build_info{instance=\"a\",job=\"1\",more=\"other\"}";
  EXPECT_THAT(Evaluate("info(m, {__name__=~'.+_info'})", table).status,
              test::HasMessage("conflicting label: more"));
}

TEST(InfoTest, InfoSeriesAreFloats) {
  TestTable table = Targets();
  table.info_rows[0].samples = "h1";
  EXPECT_THAT(Evaluate("info(m)", table).status, test::IsKind(ErrorKind::kExecution));
}

}  // namespace
}  // namespace larnax::exec
