// Chunks, read back by readers that owe nothing to the encoders.

#include <cmath>
#include <limits>
#include <random>

#include "test/matchers.h"
#include "wire/native_histogram_for_test.h"
#include "wire/remote_read/chunk_decoder_fixture.h"
#include "wire/remote_read/histogram_chunk.h"
#include "wire/remote_read/series_chunks.h"
#include "wire/remote_read/xor_chunk.h"

namespace larnax::wire {
namespace {

using Samples = std::vector<std::pair<int64_t, double>>;
using testing::HistogramChunkReader;
using testing::ReadXorChunk;

uint64_t Bits(double value) { return std::bit_cast<uint64_t>(value); }

void ExpectXorRoundTrip(const Samples& samples) {
  XorChunk chunk;
  for (const auto& [time_ms, value] : samples) chunk.Append(time_ms, value);
  const std::string data = chunk.Finish();
  const auto read = ReadXorChunk(data);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ((*read)[i].first, samples[i].first) << i;
    EXPECT_EQ(Bits((*read)[i].second), Bits(samples[i].second)) << i;
  }
}

TEST(XorChunk, KeepsBitsOfSpecialValues) {
  const double stale = std::bit_cast<double>(kStaleBits);
  const double nan = std::bit_cast<double>(uint64_t{0xFFF8'0000'DEAD'BEEF});
  const double values[] = {
      0.0, -0.0,  1,        1,         stale,
      nan, stale, INFINITY, -INFINITY, std::numeric_limits<double>::denorm_min(),
      0.1, 1e300, -1};
  Samples samples;
  for (const double value : values) samples.emplace_back(1000 * std::ssize(samples), value);
  ExpectXorRoundTrip(samples);
}

// The edges of every width that a change of the time delta has.
TEST(XorChunk, KeepsTimesAtTheEdgesOfEveryWidth) {
  for (const int width : {14, 17, 20}) {
    const int64_t most = int64_t{1} << (width - 1);
    for (const int64_t change : {most, most + 1, -most + 1, -most}) {
      const int64_t delta = int64_t{1} << 30;
      ExpectXorRoundTrip({{5, 1}, {5 + delta, 2}, {5 + 2 * delta + change, 3}});
    }
  }
  ExpectXorRoundTrip({{-1, 1}, {0, 2}, {kMaxTimeMs, 3}, {kMaxTimeMs + 1, 4}});
  ExpectXorRoundTrip({{kMaxTimeMs, 7}});
}

TEST(XorChunk, KeepsRandomSamplesAndCanBeReused) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    Samples samples;
    int64_t time_ms = static_cast<int64_t>(random() % 2'000'000'000'000);
    double value = 0;
    for (int i = 0; i < 120; ++i) {
      time_ms += 1 + static_cast<int64_t>(random() >> (random() % 2 == 0 ? 50 : 30));
      switch (random() % 4) {
        case 0:
          value = std::bit_cast<double>(random());
          break;
        case 1:
          value += 1;
          break;
        default:
          break;
      }
      samples.emplace_back(time_ms, value);
    }
    ExpectXorRoundTrip(samples);
  }
}

// As Prometheus' own encoder writes it: 1000 -> 1.5, 16000 -> 1.5, 31000 -> 3.
TEST(XorChunk, HasTheBytesOfTheFormat) {
  XorChunk chunk;
  chunk.Append(1000, 1.5);
  chunk.Append(16'000, 1.5);
  chunk.Append(31'000, 3);
  // 3: count; d0 0f: zigzag 2000; value; 98 75: 15000; 0: same; 0: no change; then 1.5 xor 3 =
  // 7ff0... ^ ...: leading 1, 10+1 bits.
  const std::string data = chunk.Finish();
  EXPECT_EQ(data.substr(0, 14), std::string("\x00\x03\xD0\x0F\x3F\xF8\0\0\0\0\0\0\x98\x75", 14));
}

NativeHistogram IntegerHistogram() {
  NativeHistogram h;
  h.is_integer = true;
  h.schema = 3;
  h.zero_threshold = 0.001;
  h.sum = 12.5;
  h.integer_count = 21;
  h.integer_zero_count = 2;
  h.positive_spans = {{-3, 2}, {1, 1}, {0, 0}};
  h.negative_spans = {{5, 2}};
  h.integer_positive = {4, 1, 9};
  h.integer_negative = {0, 5};
  h.counter_reset_hint = CounterResetHint::kNotReset;
  return h;
}

NativeHistogram FloatHistogram() {
  NativeHistogram h;
  h.schema = NativeHistogram::kCustomBounds;
  h.sum = -0.0;
  h.count = 3.25;
  h.positive_spans = {{0, 3}};
  h.positive = {1.5, 0, 1.75};
  h.custom_bounds = {-1.5, 0.1, 1.0 / 3, 5, 33554.43, 33554.431, 1e300};
  h.counter_reset_hint = CounterResetHint::kGauge;
  return h;
}

NativeHistogram Stale(bool is_integer) {
  NativeHistogram h;
  h.is_integer = is_integer;
  h.sum = std::bit_cast<double>(kStaleBits);
  return h;
}

HistogramSample At(int64_t time_ms, NativeHistogram histogram) {
  return {time_ms, 0, std::make_shared<NativeHistogram>(std::move(histogram))};
}

// Chunks of a series of histograms, read back; `sizes`: samples in each.
void ExpectHistograms(const std::vector<HistogramSample>& sent, const std::vector<size_t>& sizes) {
  std::vector<std::string> chunks;
  std::vector<bool> is_integer;
  HistogramChunk chunk;
  const auto finish = [&] {
    is_integer.push_back(chunk.is_integer());
    chunks.push_back(chunk.Finish());
  };
  for (const auto& sample : sent) {
    if (chunk.TryAppend(sample)) continue;
    finish();
    ASSERT_TRUE(chunk.TryAppend(sample));
  }
  finish();
  ASSERT_EQ(chunks.size(), sizes.size());
  size_t at = 0;
  for (size_t c = 0; c < chunks.size(); ++c) {
    const auto read = HistogramChunkReader(chunks[c], is_integer[c]).Read();
    ASSERT_TRUE(read.has_value()) << c;
    ASSERT_EQ(read->size(), sizes[c]) << c;
    for (size_t i = 0; i < read->size(); ++i, ++at) {
      SCOPED_TRACE(at);
      EXPECT_EQ((*read)[i].first, sent[at].time_ms);
      ExpectSameBits((*read)[i].second, *sent[at].histogram);
      if (i == 0) {
        EXPECT_EQ((*read)[i].second.counter_reset_hint, sent[at].histogram->counter_reset_hint);
      }
    }
  }
  EXPECT_EQ(at, sent.size());
}

TEST(HistogramChunk, KeepsIntegerHistograms) {
  NativeHistogram first = IntegerHistogram();
  NativeHistogram second = first;
  second.integer_count = 1'000'000'000'000;
  second.integer_positive = {5, 1'000'000, 9};
  second.sum = 13;
  NativeHistogram third = second;
  third.integer_zero_count = uint64_t{1} << 63;
  third.integer_negative = {std::numeric_limits<int64_t>::max(), 0};
  ExpectHistograms({At(-5, first), At(10'000, second), At(25'000, third)}, {3});
}

TEST(HistogramChunk, KeepsFloatHistograms) {
  NativeHistogram first = FloatHistogram();
  NativeHistogram second = first;
  second.positive = {0, 0.1, -0.0};
  second.zero_count = 1e-9;
  ExpectHistograms({At(0, first), At(1, second), At(3, first), At(kMaxTimeMs, second)}, {4});
}

TEST(HistogramChunk, KeepsThresholdsOfEveryKind) {
  for (const double threshold : {0.0, std::ldexp(1.0, -243), std::ldexp(1.0, -128), 1.0, 1024.0,
                                 std::ldexp(1.0, -244), 2048.0, 0.3}) {
    NativeHistogram h = IntegerHistogram();
    h.zero_threshold = threshold;
    ExpectHistograms({At(1, h)}, {1});
  }
}

TEST(HistogramChunk, EndsWhereTheLayoutChanges) {
  NativeHistogram first = IntegerHistogram();
  NativeHistogram wider = first;
  wider.positive_spans = {{-3, 3}};
  NativeHistogram schema = first;
  schema.schema = 2;
  NativeHistogram floats = FloatHistogram();
  NativeHistogram bounds = floats;
  bounds.custom_bounds.push_back(INFINITY);
  ExpectHistograms(
      {At(1, first), At(2, wider), At(3, wider), At(4, schema), At(5, floats), At(6, bounds)},
      {1, 2, 1, 1, 1});
}

TEST(HistogramChunk, EndsWhereACounterMayHaveReset) {
  NativeHistogram unknown = IntegerHistogram();
  unknown.counter_reset_hint = CounterResetHint::kUnknown;
  NativeHistogram grown = unknown;
  grown.integer_count += 3;
  NativeHistogram fallen = grown;
  fallen.integer_positive[0] -= 1;
  NativeHistogram reset = grown;
  reset.counter_reset_hint = CounterResetHint::kReset;
  NativeHistogram gauge = unknown;
  gauge.counter_reset_hint = CounterResetHint::kGauge;
  // Unknown and grown: no reset. Unknown and fallen, or said to be one: another chunk.
  ExpectHistograms({At(1, unknown), At(2, grown), At(3, fallen), At(4, reset), At(5, reset),
                    At(6, gauge), At(7, gauge)},
                   {2, 1, 1, 1, 2});
}

TEST(HistogramChunk, KeepsStaleMarkers) {
  for (const bool is_integer : {true, false}) {
    NativeHistogram h = is_integer ? IntegerHistogram() : FloatHistogram();
    NativeHistogram stale = Stale(is_integer);
    // A stale one fits behind anything, and nothing else behind it; alone it has no layout.
    ExpectHistograms({At(1, h), At(2, stale), At(3, stale), At(4, h)}, {3, 1});
    ExpectHistograms({At(1, stale), At(2, h)}, {1, 1});
  }
}

TEST(HistogramChunk, KeepsRandomHistograms) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<HistogramSample> sent;
    const bool is_integer = round % 2 == 0;
    NativeHistogram h = is_integer ? IntegerHistogram() : FloatHistogram();
    int64_t time_ms = 0;
    for (int i = 0; i < 20; ++i) {
      const int shift = static_cast<int>(random() % 64);
      h.sum = std::bit_cast<double>(random() >> shift);
      if (Bits(h.sum) == kStaleBits) h.sum = 0;
      h.integer_count = is_integer ? random() >> shift : 0;
      for (int64_t& bucket : h.integer_positive) bucket = static_cast<int64_t>(random() >> shift);
      for (double& bucket : h.positive) bucket = static_cast<double>(random() >> shift);
      sent.push_back(At(time_ms += 1 + static_cast<int64_t>(random() >> 40), h));
    }
    ExpectHistograms(sent, {20});
  }
}

TEST(EncodeChunks, CutsByKindAndCount) {
  TimestampVector times;
  std::vector<double> values;
  for (int i = 0; i < 300; ++i) {
    times.push_back(i * 10);
    values.push_back(i);
  }
  const std::vector<HistogramSample> histograms = {
      At(5, IntegerHistogram()), At(15, IntegerHistogram()), At(3000, FloatHistogram())};
  const Labels labels = Labels::Make({{"__name__", "m"}}).ValueOrDie();
  const SeriesChunks chunks =
      EncodeChunks({labels, std::make_shared<TimestampVector>(times), values, {}, histograms});
  // Float 0 | histogram 5 | float 10 | histogram 15 | floats by 120 | float histogram.
  std::vector<std::array<uint64_t, 3>> found;
  size_t samples = 0;
  for (const auto& field : testing::ReadFields(chunks.fields)) {
    EXPECT_EQ(field.id, 2);
    const auto parts = testing::ReadFields(field.bytes);
    ASSERT_EQ(parts.size(), 4);
    found.push_back({parts[0].number, parts[1].number, parts[2].number});
    samples += static_cast<size_t>(static_cast<uint8_t>(parts[3].bytes[1]));
  }
  const std::vector<std::array<uint64_t, 3>> wanted = {
      {0, 0, 1},     {5, 5, 2},       {10, 10, 1},     {15, 15, 2},
      {20, 1210, 1}, {1220, 2410, 1}, {2420, 2990, 1}, {3000, 3000, 3}};
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(samples, 303);
  EXPECT_EQ(chunks.ends.size(), wanted.size());
  EXPECT_EQ(chunks.ends.back(), chunks.fields.size());
}

}  // namespace
}  // namespace larnax::wire
