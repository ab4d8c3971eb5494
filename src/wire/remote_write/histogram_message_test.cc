#include "wire/remote_write/histogram_message.h"

#include <bit>
#include <limits>
#include <string>

#include "test/matchers.h"
#include "wire/native_histogram_for_test.h"
#include "wire/remote_write/encoder.h"

namespace larnax::wire {
namespace {

using test::HasMessage;
using test::IsKind;

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

NativeHistogram Integers() {
  NativeHistogram histogram;
  histogram.schema = 52;
  histogram.counter_reset_hint = CounterResetHint::kNotReset;
  histogram.is_integer = true;
  histogram.zero_threshold = 0x1p-128;
  histogram.sum = std::bit_cast<double>(uint64_t{0x7ff4000000000123});
  histogram.integer_count = 22 + static_cast<uint64_t>(kMaxInt);
  histogram.integer_zero_count = 2;
  histogram.positive_spans = {{-5, 2}, {0, 0}, {std::numeric_limits<int32_t>::max(), 1}};
  histogram.negative_spans = {{std::numeric_limits<int32_t>::min(), 1}};
  histogram.integer_positive = {7, kMaxInt, 0};
  histogram.integer_negative = {13};
  return histogram;
}

NativeHistogram Floats() {
  NativeHistogram histogram;
  histogram.schema = -4;
  histogram.counter_reset_hint = CounterResetHint::kGauge;
  histogram.sum = std::bit_cast<double>(kStaleBits);
  histogram.count = 7.5;
  histogram.zero_count = 0.5;
  histogram.positive_spans = {{1, 2}};
  histogram.positive = {-0.0, 3.25};
  histogram.negative_spans = {{0, 1}};
  histogram.negative = {0.125};
  return histogram;
}

NativeHistogram Custom() {
  NativeHistogram histogram;
  histogram.schema = NativeHistogram::kCustomBounds;
  histogram.is_integer = true;
  histogram.integer_count = 9;
  histogram.positive_spans = {{0, 1}, {1, 1}};
  histogram.integer_positive = {4, 5};
  histogram.custom_bounds = {-1.5, 2, 1e300};
  return histogram;
}

TEST(HistogramMessage, ComesBackBitForBit) {
  for (const NativeHistogram& histogram : {Integers(), Floats(), Custom()}) {
    const std::string message = EncodeHistogram(histogram, -7, 12);
    ASSERT_OK_AND_ASSIGN(const HistogramMessage decoded, DecodeHistogram(message));
    EXPECT_EQ(decoded.time_ms, -7);
    EXPECT_EQ(decoded.start_ms, 12);
    ExpectSameBits(decoded.histogram, histogram);
    EXPECT_EQ(decoded.histogram.counter_reset_hint, histogram.counter_reset_hint);
    EXPECT_EQ(EncodeHistogram(decoded.histogram, -7, 12), message);
  }
}

TEST(HistogramMessage, ReadsNumbersOneByOneAndUnknownFields) {
  // Buckets 3 and 5 as single deltas, a field 99, and a hint that does not exist yet.
  const std::string message = std::string("\x08\x08\x5a\x02\x10\x02\x60\x06\x60\x04", 10) +
                              std::string("\x9a\x06\x01x\x70\x09\x78\x05", 8);
  ASSERT_OK_AND_ASSIGN(const HistogramMessage decoded, DecodeHistogram(message));
  EXPECT_EQ(decoded.time_ms, 5);
  EXPECT_EQ(decoded.histogram.integer_positive, (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(decoded.histogram.counter_reset_hint, CounterResetHint::kUnknown);
}

TEST(HistogramMessage, AnEmptyMessageIsAHistogramOfIntegers) {
  ASSERT_OK_AND_ASSIGN(const HistogramMessage decoded, DecodeHistogram({}));
  EXPECT_TRUE(decoded.histogram.is_integer);
}

TEST(HistogramMessage, RejectsWhatCannotBeStored) {
  HistogramFields fields;
  fields.positive_spans = {{.offset = 0, .length = 2}};
  fields.positive_deltas = {kMaxInt, 1};  // The second bucket is over what 64 bits hold.
  EXPECT_THAT(DecodeHistogram(EncodeHistogram(fields)), HasMessage("negative histogram bucket"));
  EXPECT_THAT(DecodeHistogram("\x08"), IsKind(ErrorKind::kBadSample));
}

TEST(HistogramMessage, RejectsMoreThanAFileHolds) {
  constexpr auto kMost = static_cast<uint32_t>(NativeHistogram::kMaxBuckets);
  HistogramFields fields;
  fields.positive_spans = {{.offset = 0, .length = kMost}};
  fields.positive_deltas.resize(kMost);
  EXPECT_OK(DecodeHistogram(EncodeHistogram(fields)));
  fields.positive_deltas.push_back(0);
  EXPECT_THAT(DecodeHistogram(EncodeHistogram(fields)), HasMessage("too many buckets"));
  fields.positive_deltas.clear();
  fields.positive_spans.assign(kMost + 1, {.offset = 1, .length = 0});
  EXPECT_THAT(DecodeHistogram(EncodeHistogram(fields)), HasMessage("too many buckets"));
}

TEST(HistogramMessage, KeepsStartTimesThatAFileHolds) {
  HistogramFields fields;
  for (const auto& [sent, kept] : {std::pair<int64_t, int64_t>{77, 77},
                                   {kMaxTimeMs, kMaxTimeMs},
                                   {kMaxTimeMs + 1, 0},
                                   {-1, 0},
                                   {kMaxInt, 0}}) {
    fields.start_ms = sent;
    ASSERT_OK_AND_ASSIGN(const HistogramMessage decoded, DecodeHistogram(EncodeHistogram(fields)));
    EXPECT_EQ(decoded.start_ms, kept);
  }
}

}  // namespace
}  // namespace larnax::wire
