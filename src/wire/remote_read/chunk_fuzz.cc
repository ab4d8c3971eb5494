// Input: samples of one series: each a byte for how, its time's distance from the one before, and a
// value.
//
// Whatever they are, the chunks that a remote read answers with give back every time and every bit
// of every value, read by a decoder that shares nothing with the encoder.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "larnax/samples.h"
#include "wire/remote_read/chunk_decoder_fixture.h"
#include "wire/remote_read/series_chunks.h"

namespace larnax::wire {
namespace {

struct Input {
  std::vector<int64_t> time_ms;
  std::vector<double> value;
  std::vector<HistogramSample> histograms;
};

// Two spans of two buckets and a threshold that a byte can choose.
std::shared_ptr<const NativeHistogram> MakeHistogram(uint8_t how, uint64_t bits) {
  auto histogram = std::make_shared<NativeHistogram>();
  NativeHistogram& h = *histogram;
  h.is_integer = (how & 4) != 0;
  h.schema = (how & 8) != 0 ? NativeHistogram::kCustomBounds : how >> 6;
  h.counter_reset_hint = static_cast<CounterResetHint>(how >> 4 & 3);
  if (h.schema == NativeHistogram::kCustomBounds)
    h.custom_bounds = {0.25, 1, std::bit_cast<double>(bits)};
  h.positive_spans = {{static_cast<int32_t>(bits % 3), 2}, {static_cast<int32_t>(bits % 5), 2}};
  h.sum = std::bit_cast<double>(bits);
  if (h.is_integer) {
    h.integer_count = bits;
    h.integer_zero_count = bits >> 7;
    for (int shift : {0, 9, 30, 50})
      h.integer_positive.push_back(static_cast<int64_t>(bits >> shift));
  } else {
    h.count = static_cast<double>(bits);
    h.zero_count = std::bit_cast<double>(bits * 3);
    for (int shift : {0, 9, 30, 50}) h.positive.push_back(std::bit_cast<double>(bits << shift));
  }
  return histogram;
}

Input ReadInput(std::span<const uint8_t> bytes) {
  Input input;
  int64_t time_ms = 0;
  uint64_t bits = 0;
  for (; bytes.size() >= 10; bytes = bytes.subspan(10)) {
    const uint8_t how = bytes[0];
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 2, 8);
    // A small step, one of days, or one to anywhere.
    time_ms += 1 + bytes[1] * (how % 3 == 0 ? int64_t{1} : how % 3 == 1 ? 1'000'000 : 1LL << 36);
    if (time_ms > kMaxTimeMs) break;
    bits = (how & 1) != 0 ? bits + word % 100 : word;
    if ((how & 2) != 0) {
      input.histograms.push_back({time_ms, 0, MakeHistogram(how, bits)});
    } else {
      input.time_ms.push_back(time_ms);
      input.value.push_back(std::bit_cast<double>(bits));
    }
  }
  return input;
}

// Bits of everything that a chunk keeps of a histogram.
std::vector<uint64_t> BitsOf(const NativeHistogram& h) {
  std::vector<uint64_t> bits = {static_cast<uint64_t>(h.is_integer),
                                std::bit_cast<uint64_t>(h.sum),
                                std::bit_cast<uint64_t>(h.count),
                                std::bit_cast<uint64_t>(h.zero_count),
                                h.integer_count,
                                h.integer_zero_count};
  if (std::bit_cast<uint64_t>(h.sum) == kStaleBits) return {bits[0], bits[1]};
  bits.push_back(static_cast<uint64_t>(h.schema));
  for (const BucketSpan& span : h.positive_spans) {
    bits.push_back(static_cast<uint64_t>(span.offset));
    bits.push_back(span.length);
  }
  for (const double each : h.positive) bits.push_back(std::bit_cast<uint64_t>(each));
  for (const int64_t each : h.integer_positive) bits.push_back(static_cast<uint64_t>(each));
  for (const double each : h.custom_bounds) bits.push_back(std::bit_cast<uint64_t>(each));
  return bits;
}

void CheckChunk(std::string_view field, const Input& input, size_t* floats, size_t* histograms) {
  uint64_t type = 0;
  std::string_view data;
  for (const auto& outer : testing::ReadFields(field)) {
    for (const auto& inner : testing::ReadFields(outer.bytes)) {
      if (inner.id == 3) type = inner.number;
      if (inner.id == 4) data = inner.bytes;
    }
  }
  if (type == static_cast<uint64_t>(ChunkType::kXor)) {
    const auto samples = testing::ReadXorChunk(data);
    LARNAX_CHECK(samples.has_value() && !samples->empty());
    for (const auto& [time_ms, value] : *samples) {
      LARNAX_CHECK(*floats < input.time_ms.size() && input.time_ms[*floats] == time_ms);
      LARNAX_CHECK(std::bit_cast<uint64_t>(input.value[*floats]) == std::bit_cast<uint64_t>(value));
      ++*floats;
    }
    return;
  }
  const bool is_integer = type == static_cast<uint64_t>(ChunkType::kHistogram);
  const auto samples = testing::HistogramChunkReader(data, is_integer).Read();
  LARNAX_CHECK(samples.has_value() && !samples->empty());
  for (const auto& [time_ms, histogram] : *samples) {
    LARNAX_CHECK(*histograms < input.histograms.size());
    const HistogramSample& wanted = input.histograms[*histograms];
    LARNAX_CHECK(wanted.time_ms == time_ms && BitsOf(*wanted.histogram) == BitsOf(histogram));
    ++*histograms;
  }
}

}  // namespace
}  // namespace larnax::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax::wire;  // NOLINT(google-build-using-namespace)
  const Input input = ReadInput({data, size});
  larnax::SeriesSamples series;
  series.time_ms = std::make_shared<const larnax::TimestampVector>(input.time_ms);
  series.value = input.value;
  series.histograms = input.histograms;
  const SeriesChunks chunks = EncodeChunks(series);
  size_t floats = 0;
  size_t histograms = 0;
  size_t begin = 0;
  for (const uint32_t end : chunks.ends) {
    CheckChunk(std::string_view(chunks.fields).substr(begin, end - begin), input, &floats,
               &histograms);
    begin = end;
  }
  LARNAX_CHECK(floats == input.time_ms.size() && histograms == input.histograms.size());
  return 0;
}
