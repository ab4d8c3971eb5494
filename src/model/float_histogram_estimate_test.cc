#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/float_histogram.h"

namespace larnax::model {
namespace {

using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

FloatHistogram Exponential(int32_t first, std::vector<double> counts) {
  FloatHistogram h;
  h.positive_spans = {{.offset = first, .length = static_cast<uint32_t>(counts.size())}};
  h.positive = std::move(counts);
  for (const double count : h.positive) h.count += count;
  h.sum = 100;
  return h;
}

FloatHistogram Custom(std::vector<double> bounds, std::vector<double> counts) {
  FloatHistogram h = Exponential(0, std::move(counts));
  h.schema = FloatHistogram::kCustomBounds;
  h.custom_bounds = std::move(bounds);
  return h;
}

FloatHistogram Mirrored(FloatHistogram h) {
  std::swap(h.positive, h.negative);
  std::swap(h.positive_spans, h.negative_spans);
  return h;
}

double Quantile(const FloatHistogram& h, double q) { return HistogramQuantile(h, q).value; }
double Fraction(const FloatHistogram& h, double lower, double upper) {
  return HistogramFraction(h, lower, upper).value;
}

TEST(HistogramQuantile, InterpolatesOnTheScaleOfTheBucket) {
  const FloatHistogram h = Exponential(1, {4, 4});  // (1,2] (2,4]
  EXPECT_DOUBLE_EQ(Quantile(h, 0.25), std::exp2(0.5));
  EXPECT_DOUBLE_EQ(Quantile(h, 0.5), 2);
  EXPECT_DOUBLE_EQ(Quantile(h, 0.75), std::exp2(1.5));
  EXPECT_DOUBLE_EQ(Quantile(h, 1), 4);
  EXPECT_DOUBLE_EQ(Quantile(h, 0), 1);
  EXPECT_DOUBLE_EQ(Quantile(Mirrored(h), 0.25), -std::exp2(1.5));
  EXPECT_DOUBLE_EQ(Quantile(Mirrored(h), 0.75), -std::exp2(0.5));
}

TEST(HistogramQuantile, InterpolatesLinearlyBetweenCustomBounds) {
  const FloatHistogram h = Custom({10, 20}, {4, 4, 2});
  EXPECT_DOUBLE_EQ(Quantile(h, 0.2), 5);
  EXPECT_DOUBLE_EQ(Quantile(h, 0.6), 15);
  EXPECT_DOUBLE_EQ(Quantile(h, 0.95), 20);
  EXPECT_DOUBLE_EQ(Quantile(Custom({-10, 20}, {4, 4}), 0.2), -10);
}

TEST(HistogramQuantile, TakesTheZeroBucketToHaveTheSignOfTheOthers) {
  FloatHistogram h = Exponential(1, {2});
  h.zero_threshold = 0.5;
  h.zero_count = 2;
  h.count = 4;
  EXPECT_DOUBLE_EQ(Quantile(h, 0.25), 0.25);
  EXPECT_DOUBLE_EQ(Quantile(Mirrored(h), 0.75), -0.25);
  h.positive.clear();
  h.positive_spans.clear();
  h.count = 2;
  EXPECT_DOUBLE_EQ(Quantile(h, 0.25), -0.25);
}

TEST(HistogramQuantile, AnswersOutsideOfItsRange) {
  const FloatHistogram h = Exponential(1, {4});
  EXPECT_EQ(Quantile(h, -0.1), -kInfinity);
  EXPECT_EQ(Quantile(h, 1.1), kInfinity);
  EXPECT_TRUE(std::isnan(Quantile(h, std::nan(""))));
  EXPECT_TRUE(std::isnan(Quantile(FloatHistogram(), 0.5)));
}

TEST(HistogramQuantile, PutsNaNObservationsAboveAllOthers) {
  FloatHistogram h = Exponential(1, {4});
  h.sum = std::nan("");
  EXPECT_FALSE(HistogramQuantile(h, 0.5).has_nan_observations);
  h.count = 8;
  EXPECT_TRUE(HistogramQuantile(h, 0.25).has_nan_observations);
  EXPECT_DOUBLE_EQ(Quantile(h, 0.25), std::exp2(0.5));
  EXPECT_TRUE(std::isnan(Quantile(h, 0.75)));
}

TEST(HistogramFraction, MeasuresPartsOfBuckets) {
  const FloatHistogram h = Exponential(1, {4, 4});
  EXPECT_DOUBLE_EQ(Fraction(h, 1, 2), 0.5);
  EXPECT_DOUBLE_EQ(Fraction(h, std::exp2(0.5), std::exp2(1.5)), 0.5);
  EXPECT_DOUBLE_EQ(Fraction(h, -kInfinity, kInfinity), 1);
  EXPECT_DOUBLE_EQ(Fraction(Mirrored(h), -2, -std::exp2(0.5)), 0.25);
  EXPECT_EQ(Fraction(h, 2, 2), 0);
  EXPECT_TRUE(std::isnan(Fraction(h, std::nan(""), 2)));
  EXPECT_TRUE(std::isnan(Fraction(FloatHistogram(), 1, 2)));
}

TEST(HistogramFraction, CountsNothingInsideBucketsWithoutEnd) {
  const FloatHistogram h = Custom({10, 20}, {4, 4, 2});
  EXPECT_DOUBLE_EQ(Fraction(h, 15, 20), 0.2);
  EXPECT_DOUBLE_EQ(Fraction(h, 15, 1000), 0.2);
  EXPECT_DOUBLE_EQ(Fraction(h, 5, 10), 0.2);
  EXPECT_DOUBLE_EQ(Fraction(h, -kInfinity, 5), 0.2);
  EXPECT_DOUBLE_EQ(Fraction(Custom({-10, 20}, {4, 4}), -20, 20), 0.5);
  EXPECT_DOUBLE_EQ(Fraction(h, 15, kInfinity), 0.4);
}

TEST(HistogramFraction, CountsNaNObservationsInNoPart) {
  FloatHistogram h = Exponential(1, {4});
  h.sum = std::nan("");
  h.count = 8;
  EXPECT_DOUBLE_EQ(Fraction(h, -kInfinity, kInfinity), 0.5);
  EXPECT_TRUE(HistogramFraction(h, 0, 1).has_nan_observations);
}

TEST(HistogramVariance, TakesObservationsAtTheMiddleOfTheirBucket) {
  FloatHistogram h = Custom({10, 20}, {0, 4});
  h.sum = 60;
  EXPECT_DOUBLE_EQ(HistogramVariance(h), 0);
  h.sum = 40;
  EXPECT_DOUBLE_EQ(HistogramVariance(h), 25);
  FloatHistogram exponential = Exponential(2, {2});  // Middle: the geometric one of 2 and 4.
  exponential.sum = 0;
  EXPECT_DOUBLE_EQ(HistogramVariance(exponential), 8);
}

TEST(Trim, KeepsWholeBucketsBelow) {
  FloatHistogram h = Exponential(1, {4, 4});
  h.Trim(2, true);
  EXPECT_THAT(h.positive, ElementsAre(4));
  EXPECT_EQ(h.count, 4);
  EXPECT_DOUBLE_EQ(h.sum, 4 * std::sqrt(2.0));
}

TEST(Trim, SplitsTheBucketThatHoldsTheBound) {
  FloatHistogram h = Exponential(1, {4, 4});
  h.Trim(std::exp2(1.5), false);
  EXPECT_THAT(h.positive, ElementsAre(2));
  EXPECT_DOUBLE_EQ(h.sum, 2 * std::exp2(1.75));
  FloatHistogram negative = Mirrored(Exponential(1, {4, 4}));
  negative.Trim(-std::exp2(1.5), true);
  EXPECT_THAT(negative.negative, ElementsAre(2));
  EXPECT_DOUBLE_EQ(negative.sum, -2 * std::exp2(1.75));
}

TEST(Trim, LeavesCountAndSumWhereNothingWasCut) {
  FloatHistogram h = Exponential(1, {4, 4});
  h.count = 99;
  h.Trim(4, true);
  EXPECT_EQ(h.count, 99);
  EXPECT_EQ(h.sum, 100);
}

TEST(Trim, KnowsTheEndsOfCustomBounds) {
  const FloatHistogram h = Custom({10, 20}, {4, 4, 2});
  FloatHistogram below = h;
  below.Trim(5, true);
  EXPECT_THAT(below.positive, ElementsAre(2));
  EXPECT_DOUBLE_EQ(below.sum, 5);
  FloatHistogram above = h;
  above.Trim(30, false);
  EXPECT_THAT(above.positive, ElementsAre(2));
  EXPECT_DOUBLE_EQ(above.sum, 60);
  FloatHistogram middle = h;
  middle.Trim(15, true);
  EXPECT_THAT(middle.positive, ElementsAre(4, 2));
  EXPECT_DOUBLE_EQ(middle.sum, 4 * 5 + 2 * 12.5);
}

TEST(Trim, SplitsTheZeroBucket) {
  FloatHistogram h = Exponential(1, {4});
  h.zero_threshold = 0.5;
  h.zero_count = 4;
  h.count = 8;
  h.Trim(0.25, true);
  EXPECT_EQ(h.zero_count, 2);
  EXPECT_TRUE(h.positive.empty());
  EXPECT_DOUBLE_EQ(h.sum, 0.25);
}

}  // namespace
}  // namespace larnax::model
