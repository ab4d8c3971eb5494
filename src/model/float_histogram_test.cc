#include "model/float_histogram.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace larnax::model {
namespace {

using testing::ElementsAre;
using enum CounterResetHint;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Positive buckets from `first` on, at schema 0 unless told.
FloatHistogram Exponential(std::vector<double> counts, int32_t first = 0, int32_t schema = 0) {
  FloatHistogram h;
  h.schema = schema;
  h.positive_spans = {{.offset = first, .length = static_cast<uint32_t>(counts.size())}};
  h.positive = std::move(counts);
  for (const double count : h.positive) h.count += count;
  h.sum = h.count * 2;
  return h;
}

FloatHistogram Custom(std::vector<double> bounds, std::vector<double> counts) {
  FloatHistogram h = Exponential(std::move(counts));
  h.schema = FloatHistogram::kCustomBounds;
  h.custom_bounds = std::move(bounds);
  return h;
}

TEST(ExponentialBound, GrowsByPowersOfTwo) {
  EXPECT_EQ(ExponentialBound(0, 0), 1);
  EXPECT_EQ(ExponentialBound(3, 0), 8);
  EXPECT_EQ(ExponentialBound(-2, 0), 0.25);
  EXPECT_EQ(ExponentialBound(1, 1), 1.414213562373095);
  EXPECT_EQ(ExponentialBound(1, -2), 16);
  EXPECT_EQ(ExponentialBound(-1, -4), std::ldexp(1, -16));
}

TEST(ExponentialBound, IsTheSameOnEverySchemaThatHasIt) {
  for (int32_t schema = 1; schema <= 8; ++schema) {
    for (int32_t index = -600; index < 600; ++index) {
      EXPECT_EQ(ExponentialBound(index * 2, schema), ExponentialBound(index, schema - 1));
      EXPECT_LT(ExponentialBound(index, schema), ExponentialBound(index + 1, schema));
    }
  }
}

TEST(ExponentialBound, LiesAtItsPowerOfTwo) {
  for (int32_t index = -2600; index < 2600; ++index) {
    EXPECT_NEAR(ExponentialBound(index, 8) / std::exp2(index / 256.0), 1, 1e-15) << index;
  }
}

TEST(ExponentialBound, EndsAtTheLargestDouble) {
  EXPECT_EQ(ExponentialBound(1024, 0), std::numeric_limits<double>::max());
  EXPECT_EQ(ExponentialBound(1025, 0), kInfinity);
  EXPECT_EQ(ExponentialBound(64, -4), std::numeric_limits<double>::max());
  EXPECT_EQ(ExponentialBound(65, -4), kInfinity);
  EXPECT_EQ(ExponentialBound(1024 << 8, 8), std::numeric_limits<double>::max());
  EXPECT_EQ(ExponentialBound(std::numeric_limits<int32_t>::max(), -4), kInfinity);
  EXPECT_EQ(ExponentialBound(std::numeric_limits<int32_t>::min(), -4), 0);
}

TEST(FloatHistogram, TakesIntegersAndFinerSchemasFromStorage) {
  NativeHistogram native;
  native.schema = 10;
  native.is_integer = true;
  native.integer_count = 10;
  native.integer_zero_count = 1;
  native.positive_spans = {{.offset = 1, .length = 5}, {.offset = 1, .length = 1}};
  native.integer_positive = {1, 1, 1, 1, 2, 3};
  const FloatHistogram h = FloatHistogram::FromNative(native);
  EXPECT_EQ(h.schema, 8);
  EXPECT_EQ(h.count, 10);
  EXPECT_EQ(h.zero_count, 1);
  EXPECT_THAT(h.positive, ElementsAre(4, 5));
  EXPECT_THAT(h.positive_spans, ElementsAre(BucketSpan{1, 2}));
  EXPECT_TRUE(h.Equals(FloatHistogram::FromNative(h.ToNative())));
}

TEST(FloatHistogram, PrintsItsBucketsInOrder) {
  FloatHistogram h = Exponential({3, 0, 2}, 1);
  h.negative_spans = {{.offset = 0, .length = 2}};
  h.negative = {1, 4};
  h.zero_threshold = 0.001;
  h.zero_count = 1.5;
  EXPECT_EQ(h.ToString(),
            "{count:5, sum:10, [-2,-1):4, [-1,-0.5):1, [-0.001,0.001]:1.5, (1,2]:3, (4,8]:2}");
  EXPECT_EQ(Custom({5, 10}, {1, 2, 3}).ToString(),
            "{count:6, sum:12, [-Inf,5]:1, (5,10]:2, (10,+Inf]:3}");
  EXPECT_EQ(FloatHistogram().ToString(), "{count:0, sum:0}");
}

TEST(FloatHistogram, ClipsBucketsAtTheZeroBucket) {
  FloatHistogram h = Exponential({3}, 1);
  h.zero_threshold = 1.5;
  h.zero_count = 1;
  EXPECT_EQ(h.Buckets().back().lower, 1.5);
}

TEST(FloatHistogram, ListsTheZeroBucketOnlyAboveZero) {
  FloatHistogram h = Exponential({3}, 1);
  h.zero_count = -1;
  EXPECT_EQ(h.Buckets().size(), 1);
  EXPECT_EQ(h.ToString(), "{count:3, sum:6, [-0,0]:-1, (1,2]:3}");
}

TEST(FloatHistogram, AddsBucketByBucket) {
  FloatHistogram h = Exponential({1, 2, 3});
  ASSERT_TRUE(h.Add(Exponential({10, 20}, 2)).has_value());
  EXPECT_THAT(h.positive, ElementsAre(1, 2, 13, 20));
  EXPECT_EQ(h.count, 36);
  EXPECT_EQ(h.sum, 72);
}

TEST(FloatHistogram, SubtractsToNegativeCounts) {
  FloatHistogram h = Exponential({1, 2});
  ASSERT_TRUE(h.Subtract(Exponential({1, 5, 1})).has_value());
  EXPECT_THAT(h.positive, ElementsAre(0, -3, -1));
  h.Compact();
  EXPECT_THAT(h.positive, ElementsAre(-3, -1));
  EXPECT_THAT(h.positive_spans, ElementsAre(BucketSpan{1, 2}));
}

TEST(FloatHistogram, AddsAtTheCoarserSchema) {
  FloatHistogram h = Exponential({1, 2, 3, 4}, 0, 1);  // Ends: 1, 1.41, 2, 2.83
  ASSERT_TRUE(h.Add(Exponential({10, 20}, 1)).has_value());
  EXPECT_EQ(h.schema, 0);
  EXPECT_THAT(h.positive, ElementsAre(1, 15, 24));
}

TEST(FloatHistogram, WidensTheZeroBucketToTheEndOfAPopulatedBucket) {
  FloatHistogram a = Exponential({1, 2, 4}, 0);  // (0.5,1] (1,2] (2,4]
  a.zero_count = 10;
  a.zero_threshold = 0.25;
  FloatHistogram b = Exponential({8}, 3);  // (4,8]
  b.zero_threshold = 1.5;
  b.zero_count = 100;
  FloatHistogram sum = a;
  ASSERT_TRUE(sum.Add(b).has_value());
  EXPECT_EQ(sum.zero_threshold, 2);
  EXPECT_EQ(sum.zero_count, 113);
  EXPECT_THAT(sum.positive, ElementsAre(4, 8));
  FloatHistogram other_way = b;
  ASSERT_TRUE(other_way.Add(a).has_value());
  EXPECT_TRUE(sum.Equals(other_way)) << other_way.ToString();
}

TEST(FloatHistogram, CountsAbsorbedObservationsOnceAlsoAtACoarserSchema) {
  FloatHistogram fine = Exponential({1, 2}, 0, 1);  // (0.71,1] (1,1.41]
  FloatHistogram coarse = Exponential({5}, 1, 0);   // (1,2]
  coarse.zero_threshold = 1.25;
  ASSERT_TRUE(coarse.Add(fine).has_value());
  EXPECT_EQ(coarse.zero_threshold, 2);
  EXPECT_EQ(coarse.zero_count, 8);
  EXPECT_TRUE(coarse.positive.empty());
}

TEST(FloatHistogram, BringsCustomBoundsToTheCommonOnes) {
  FloatHistogram h = Custom({1, 2, 5, 10}, {1, 2, 3, 4, 5});
  const auto report = h.Add(Custom({2, 3, 10}, {10, 20, 30, 40}));
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->bounds_reconciled);
  EXPECT_THAT(h.custom_bounds, ElementsAre(2, 10));
  EXPECT_THAT(h.positive, ElementsAre(13, 57, 45));
}

TEST(FloatHistogram, DoesNotMixExponentialWithCustomBounds) {
  FloatHistogram h = Exponential({1});
  EXPECT_FALSE(h.Add(Custom({1}, {1})).has_value());
  EXPECT_TRUE(h.Equals(Exponential({1})));
}

TEST(FloatHistogram, CombinesHints) {
  const auto combined = [](CounterResetHint a, CounterResetHint b) {
    FloatHistogram left;
    left.counter_reset_hint = a;
    FloatHistogram right;
    right.counter_reset_hint = b;
    const bool conflict = left.Add(right)->hints_conflict;
    return std::pair(left.counter_reset_hint, conflict);
  };
  EXPECT_EQ(combined(kReset, kReset), std::pair(kReset, false));
  EXPECT_EQ(combined(kGauge, kReset), std::pair(kGauge, false));
  EXPECT_EQ(combined(kNotReset, kGauge), std::pair(kGauge, false));
  EXPECT_EQ(combined(kUnknown, kReset), std::pair(kUnknown, false));
  EXPECT_EQ(combined(kNotReset, kUnknown), std::pair(kUnknown, false));
  EXPECT_EQ(combined(kNotReset, kReset), std::pair(kUnknown, true));
}

TEST(FloatHistogram, ScalesCountsAndSum) {
  FloatHistogram h = Exponential({1, 2});
  h.zero_count = 4;
  h.Multiply(-2);
  EXPECT_THAT(h.positive, ElementsAre(-2, -4));
  EXPECT_EQ(h.zero_count, -8);
  EXPECT_EQ(h.sum, -12);
  EXPECT_EQ(h.counter_reset_hint, kGauge);
  h.Divide(4);
  EXPECT_THAT(h.positive, ElementsAre(-0.5, -1));
}

TEST(FloatHistogram, LosesItsBucketsWhenDividedByZero) {
  FloatHistogram h = Exponential({1, 2});
  h.Divide(0);
  EXPECT_EQ(h.count, kInfinity);
  EXPECT_TRUE(std::isnan(h.zero_count));
  EXPECT_TRUE(h.positive.empty());
  EXPECT_TRUE(h.positive_spans.empty());
}

TEST(FloatHistogram, CompactDropsEmptyBucketsAndSpans) {
  FloatHistogram h = Exponential({0, 1, 0, 0, 2, 0}, -3);
  h.positive_spans.push_back({.offset = 2, .length = 0});
  h.negative_spans = {{.offset = 4, .length = 1}, {.offset = 0, .length = 1}};
  h.negative = {1, 1};
  h.Compact();
  EXPECT_THAT(h.positive, ElementsAre(1, 2));
  EXPECT_THAT(h.positive_spans, ElementsAre(BucketSpan{-2, 1}, BucketSpan{2, 1}));
  EXPECT_THAT(h.negative_spans, ElementsAre(BucketSpan{4, 2}));
}

TEST(FloatHistogram, EqualsComparesBits) {
  FloatHistogram a = Exponential({1});
  FloatHistogram b = a;
  b.counter_reset_hint = kGauge;
  b.positive_spans = {{.offset = -2, .length = 0}, {.offset = 2, .length = 1}};
  EXPECT_TRUE(a.Equals(b));
  a.sum = b.sum = std::nan("");
  EXPECT_TRUE(a.Equals(b));
  b.zero_count = -0.0;
  EXPECT_FALSE(a.Equals(b));
  b = a;
  b.positive_spans[0].offset = 1;
  EXPECT_FALSE(a.Equals(b));
}

TEST(FloatHistogram, DetectsResets) {
  const FloatHistogram before = Exponential({1, 2, 3});
  FloatHistogram after = Exponential({1, 3, 3});
  EXPECT_FALSE(after.DetectReset(before));
  EXPECT_TRUE(before.DetectReset(after));
  EXPECT_TRUE(Exponential({2, 1, 9}).DetectReset(before));
  EXPECT_TRUE(Exponential({1, 9}).DetectReset(before));
  after.counter_reset_hint = kReset;
  EXPECT_TRUE(after.DetectReset(before));
  after = Exponential({0});
  after.counter_reset_hint = kNotReset;
  EXPECT_FALSE(after.DetectReset(before));
}

TEST(FloatHistogram, DetectsResetsByLayout) {
  const FloatHistogram before = Exponential({1, 2, 3});
  EXPECT_TRUE(Exponential({5, 5, 5}, 0, 1).DetectReset(before));
  EXPECT_FALSE(Exponential({1, 5}, 0, -1).DetectReset(before));
  EXPECT_TRUE(Custom({1}, {50, 50}).DetectReset(before));
  FloatHistogram wide = Exponential({2, 3}, 1);
  wide.zero_threshold = 1;
  wide.zero_count = 1;
  wide.count = 6;
  EXPECT_FALSE(wide.DetectReset(before));
  EXPECT_TRUE(before.DetectReset(wide));
  wide.zero_threshold = 1.5;  // Inside a populated bucket of the one before.
  wide.zero_count = 100;
  EXPECT_TRUE(wide.DetectReset(before));
  EXPECT_FALSE(Custom({2}, {3, 9}).DetectReset(Custom({1, 2}, {1, 2, 3})));
  EXPECT_TRUE(Custom({2}, {2, 9}).DetectReset(Custom({1, 2}, {1, 2, 3})));
}

// Buckets -5, 0, 1, 2 and 1 << 20 of a schema, one observation each.
NativeHistogram Fine(int32_t schema) {
  NativeHistogram native;
  native.schema = schema;
  native.positive_spans = {{-5, 1}, {4, 3}, {(1 << 20) - 3, 1}};
  native.positive = {1, 1, 1, 1, 1};
  native.negative_spans = native.positive_spans;
  native.negative = native.positive;
  return native;
}

TEST(FloatHistogram, TakesSchemasFinerThanItsOwn) {
  const FloatHistogram halved = FloatHistogram::FromNative(Fine(9));
  EXPECT_THAT(halved.positive_spans,
              ElementsAre(BucketSpan{-2, 1}, BucketSpan{1, 2}, BucketSpan{(1 << 19) - 2, 1}));
  EXPECT_THAT(halved.positive, ElementsAre(1, 1, 2, 1));
  // So fine that all above 1 is one bucket, and all up to 1 the one before.
  for (const int32_t schema : {28, 39, 40, 52}) {
    SCOPED_TRACE(schema);
    const FloatHistogram h = FloatHistogram::FromNative(Fine(schema));
    EXPECT_EQ(h.schema, FloatHistogram::kMaxSchema);
    EXPECT_THAT(h.positive_spans, ElementsAre(BucketSpan{0, 2}));
    EXPECT_THAT(h.positive, ElementsAre(2, 3));
    EXPECT_EQ(h.positive_spans, h.negative_spans);
    EXPECT_EQ(h.positive, h.negative);
  }
}

TEST(FloatHistogram, TakesTheFarthestIndexes) {
  NativeHistogram native = Fine(9);
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  native.positive_spans = {{kMin, 1}, {kMax, 1}, {kMax - 1, 1}};
  native.positive = {1, 1, 1};
  FloatHistogram h = FloatHistogram::FromNative(native);
  EXPECT_THAT(h.positive_spans, ElementsAre(BucketSpan{-(1 << 30), 1}, BucketSpan{(1 << 30) - 1, 1},
                                            BucketSpan{(1 << 30) - 1, 1}));
  EXPECT_EQ(h.Buckets().back().upper, kInfinity);
  ASSERT_TRUE(h.Add(FloatHistogram::FromNative(Fine(52))).has_value());
  EXPECT_EQ(h.positive.size(), 4u);
}

// What an archive of before thresholds were checked may hold.
TEST(FloatHistogram, ComesToAnEndWithAnyThreshold) {
  for (const double threshold : {std::nan(""), -1.0, -kInfinity, kInfinity}) {
    SCOPED_TRACE(threshold);
    FloatHistogram odd = Exponential({1, 2});
    odd.zero_threshold = threshold;
    for (int i = 0; i < 2; ++i) {
      FloatHistogram sum = i == 0 ? odd : Exponential({1, 2, 3});
      const FloatHistogram& term = i == 0 ? Exponential({1, 2, 3}) : odd;
      ASSERT_TRUE(sum.Add(term).has_value());
      EXPECT_EQ(sum.count, 9);
      (void)sum.DetectReset(term);
      (void)term.DetectReset(sum);
    }
  }
}

TEST(HistogramAccumulator, KeepsSmallTermsBesideLargeOnes) {
  HistogramAccumulator sum(HistogramAccumulator::Kind::kSum);
  FloatHistogram large = Exponential({1e100, 1});
  FloatHistogram minus_large = large;
  minus_large.Multiply(-1);
  for (const FloatHistogram& term : {Exponential({1}, 1), large, Exponential({2}), minus_large}) {
    ASSERT_TRUE(sum.Add(term).has_value());
  }
  EXPECT_THAT(sum.Result().positive, ElementsAre(2, 1));
  EXPECT_EQ(sum.Result().count, 3);
  EXPECT_FALSE(sum.Add(Custom({1}, {1})).has_value());
}

// Whether the sum has room for the buckets of a term already, or not.
TEST(HistogramAccumulator, AddsBucketsWhereverTheyStand) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    HistogramAccumulator sum(HistogramAccumulator::Kind::kSum);
    FloatHistogram want;
    for (int term = 0; term < 8; ++term) {
      FloatHistogram h;
      int32_t next = 0;
      for (int32_t index = -6; index < 6; ++index) {
        if (random() % 3 == 0) continue;
        // Runs that touch may be told apart.
        if (h.positive_spans.empty() || index != next || random() % 8 == 0) {
          h.positive_spans.push_back({index - next, 0});
        }
        ++h.positive_spans.back().length;
        h.positive.push_back(static_cast<double>(random() % 5));
        next = index + 1;
      }
      if (term == 0) {
        want = h;
      } else {
        ASSERT_TRUE(want.Add(h).has_value());
      }
      ASSERT_TRUE(sum.Add(h).has_value());
    }
    want.Compact();
    EXPECT_EQ(sum.Result().positive_spans, want.positive_spans);
    EXPECT_EQ(sum.Result().positive, want.positive);
  }
}

TEST(HistogramAccumulator, MeanGoesOnWhereTheSumWouldOverflow) {
  HistogramAccumulator mean(HistogramAccumulator::Kind::kMean);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(mean.Add(Exponential({1.5e308})).has_value());
  EXPECT_DOUBLE_EQ(mean.Result().positive[0], 1.5e308);
  HistogramAccumulator plain(HistogramAccumulator::Kind::kMean);
  ASSERT_TRUE(plain.Add(Exponential({1}, 0)).has_value());
  ASSERT_TRUE(plain.Add(Exponential({2}, 3)).has_value());
  EXPECT_THAT(plain.Result().positive, ElementsAre(0.5, 1));
}

}  // namespace
}  // namespace larnax::model
