#include "wire/remote_write/decoder.h"

#include <bit>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/varint.h"
#include "larnax/samples.h"
#include "test/matchers.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/encoder.h"

namespace larnax::wire {
namespace {

using test::HasMessage;
using test::IsKind;
using test::IsOk;

// A heap copy of exactly the bytes, so that reads past the end are seen by the sanitizer.
struct Message {
  explicit Message(std::string_view text)
      : size(text.size()), bytes(std::make_unique<uint8_t[]>(text.size())) {
    std::copy(text.begin(), text.end(), bytes.get());
  }
  std::span<const uint8_t> span() const { return {bytes.get(), size}; }
  size_t size;
  std::unique_ptr<uint8_t[]> bytes;
};

arrow::Status Decode(WriteVersion version, const Message& message, WriteRequest* request) {
  return version == WriteVersion::kV1 ? DecodeV1(message.span(), request)
                                      : DecodeV2(message.span(), request);
}

std::string LabelBytes(const std::vector<Label>& labels) {
  std::string out;
  for (const Label& label : labels) AppendLabel(label.name, label.value, &out);
  return out;
}

std::string Field(uint32_t field, std::string_view bytes) {
  std::string out;
  base::PutVarint(field << 3 | 2, &out);
  base::PutVarint(bytes.size(), &out);
  return out.append(bytes);
}

uint64_t BitsOf(double value) { return std::bit_cast<uint64_t>(value); }

HistogramFields SmallHistogram() {
  HistogramFields fields;
  fields.count_int = 12;
  fields.sum = 18.4;
  fields.schema = 1;
  fields.zero_threshold = 0.001;
  fields.zero_count_int = 2;
  fields.positive_spans = {{0, 2}, {1, 2}};
  fields.positive_deltas = {1, 1, -1, 0};  // 1 2 1 1
  fields.negative_spans = {{-3, 2}};
  fields.negative_deltas = {2, 1};  // 2 3
  fields.time_ms = 1000;
  return fields;
}

class DecoderTest : public testing::TestWithParam<WriteVersion> {
 protected:
  arrow::Status DecodeBuilt() {
    message_ = std::make_unique<Message>(encoder_.Finish());
    return Decode(GetParam(), *message_, &request_);
  }

  RequestEncoder encoder_{GetParam()};
  std::unique_ptr<Message> message_;
  WriteRequest request_;
};

INSTANTIATE_TEST_SUITE_P(Versions, DecoderTest,
                         testing::Values(WriteVersion::kV1, WriteVersion::kV2),
                         [](const auto& version) {
                           return version.param == WriteVersion::kV1 ? "V1" : "V2";
                         });

TEST_P(DecoderTest, FindsLabelsAndSamples) {
  const std::string up = LabelBytes({{"__name__", "up"}, {"job", "node"}});
  const std::string long_value(300, 'x');
  const std::string down = LabelBytes({{"__name__", "down"}, {"value", long_value}, {"z", ""}});
  encoder_.BeginSeries(up);
  encoder_.AddSample(1000, 1.5);
  encoder_.AddSample(-7, -0.0);
  encoder_.BeginSeries(down);
  encoder_.AddSample(0, std::bit_cast<double>(kStaleBits));

  ASSERT_OK(DecodeBuilt());
  ASSERT_EQ(request_.series.size(), 2);
  EXPECT_EQ(request_.series[0].labels, up);
  EXPECT_EQ(request_.series[0].hash, base::Hash64(up));
  EXPECT_EQ(request_.series[0].sample_count, 2);
  EXPECT_EQ(request_.series[1].labels, down);
  EXPECT_EQ(request_.series[1].first_sample, 2);
  EXPECT_THAT(request_.time_ms, testing::ElementsAre(1000, -7, 0));
  EXPECT_EQ(BitsOf(request_.value[1]), BitsOf(-0.0));
  EXPECT_EQ(BitsOf(request_.value[2]), kStaleBits);
  EXPECT_TRUE(request_.start_ms.empty());
  EXPECT_EQ(request_.rejection_count, 0);
}

TEST_P(DecoderTest, KeepsSignallingNaNs) {
  encoder_.BeginSeries(LabelBytes({{"__name__", "x"}}));
  const std::vector<uint64_t> patterns{0x7ff0000000000001, 0xfff0000000000bad, 0x7ff8000000000001,
                                       0x8000000000000000, 1};
  for (size_t i = 0; i < patterns.size(); ++i) {
    encoder_.AddSample(static_cast<int64_t>(i), std::bit_cast<double>(patterns[i]));
  }
  ASSERT_OK(DecodeBuilt());
  for (size_t i = 0; i < patterns.size(); ++i) EXPECT_EQ(BitsOf(request_.value[i]), patterns[i]);
}

TEST_P(DecoderTest, ReadsExemplarsMetadataAndHistograms) {
  encoder_.BeginSeries(LabelBytes({{"__name__", "latency"}}));
  const std::string histogram = EncodeHistogram(SmallHistogram());
  encoder_.AddHistogram(histogram);
  HistogramFields stale;
  stale.sum = std::bit_cast<double>(kStaleBits);
  stale.time_ms = 2000;
  encoder_.AddHistogram(EncodeHistogram(stale));
  const std::string trace = LabelBytes({{"trace_id", "abc"}, {"a", "b"}});
  encoder_.AddExemplar(trace, 0.25, 999);
  encoder_.AddMetadata({"latency", MetricType::kHistogram, "Time taken.", "seconds"});

  ASSERT_OK(DecodeBuilt());
  ASSERT_EQ(request_.series.size(), 1);
  EXPECT_EQ(request_.series[0].histogram_count, 2);
  EXPECT_EQ(request_.series[0].exemplar_count, 1);
  EXPECT_EQ(request_.histograms[0].message, histogram);
  EXPECT_EQ(request_.histograms[0].time_ms, 1000);
  EXPECT_EQ(request_.histograms[0].rejection, RejectReason::kNone);
  EXPECT_FALSE(request_.histograms[0].stale);
  EXPECT_TRUE(request_.histograms[1].stale);
  EXPECT_EQ(request_.exemplars[0].labels, trace);
  EXPECT_EQ(request_.exemplars[0].value, 0.25);
  EXPECT_EQ(request_.exemplars[0].time_ms, 999);
  ASSERT_EQ(request_.metadata.size(), 1);
  EXPECT_EQ(request_.metadata[0].metric, "latency");
  EXPECT_EQ(request_.metadata[0].type, MetricType::kHistogram);
  EXPECT_EQ(request_.metadata[0].help, "Time taken.");
  EXPECT_EQ(request_.metadata[0].unit, "seconds");
}

TEST_P(DecoderTest, IsEmptyForAnEmptyMessage) {
  ASSERT_OK(DecodeBuilt());
  EXPECT_TRUE(request_.series.empty());
}

TEST_P(DecoderTest, AllocatesNothingWhenReused) {
  for (int i = 0; i < 500; ++i) {
    encoder_.BeginSeries(LabelBytes({{"__name__", "m" + std::to_string(i)}, {"job", "node"}}));
    encoder_.AddSample(i, i);
  }
  ASSERT_OK(DecodeBuilt());
  const void* const series = request_.series.data();
  const void* const values = request_.value.data();
  const std::string_view labels = request_.series[7].labels;
  ASSERT_OK(DecodeBuilt());
  EXPECT_EQ(request_.series.data(), series);
  EXPECT_EQ(request_.value.data(), values);
  // The arena starts over where it did.
  if (GetParam() == WriteVersion::kV2) {
    EXPECT_EQ(request_.series[7].labels.data(), labels.data());
  }
}

TEST_P(DecoderTest, LimitsEntries) {
  for (int i = 0; i < 11; ++i) {
    encoder_.BeginSeries(LabelBytes({{"__name__", "m"}}));
    encoder_.AddSample(i, i);
  }
  request_.max_entries = 10;
  EXPECT_THAT(DecodeBuilt(), IsKind(ErrorKind::kTooLarge));
}

// Random requests come back as they were built, whatever the version.
TEST_P(DecoderTest, RoundTripsRandomRequests) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    const auto up_to = [&random](uint32_t limit) {
      return static_cast<uint32_t>(random() % (limit + 1));
    };
    const auto text = [&] { return std::string(up_to(9) == 0 ? up_to(400) : up_to(20), 'a'); };
    encoder_.Clear();
    std::vector<std::string> labels;
    std::vector<uint64_t> bits;
    std::vector<int64_t> times;
    std::vector<uint32_t> counts;
    const uint32_t series_count = 1 + up_to(20);
    for (uint32_t i = 0; i < series_count; ++i) {
      std::vector<std::pair<std::string, std::string>> pairs;
      for (uint32_t label = 0; label <= up_to(12); ++label) pairs.emplace_back(text(), text());
      std::string bytes;
      for (const auto& [name, value] : pairs) AppendLabel(name, value, &bytes);
      encoder_.BeginSeries(bytes);
      labels.push_back(bytes);
      counts.push_back(1 + up_to(3));
      for (uint32_t sample = 0; sample < counts.back(); ++sample) {
        bits.push_back(uint64_t{random()} << 32 | random());
        times.push_back(static_cast<int64_t>(uint64_t{random()} << up_to(32)));
        encoder_.AddSample(times.back(), std::bit_cast<double>(bits.back()));
      }
    }
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    ASSERT_OK(DecodeBuilt());
    ASSERT_EQ(request_.series.size(), series_count);
    EXPECT_EQ(request_.time_ms, times);
    for (size_t i = 0; i < bits.size(); ++i) ASSERT_EQ(BitsOf(request_.value[i]), bits[i]);
    for (size_t i = 0; i < series_count; ++i) {
      EXPECT_EQ(request_.series[i].labels, labels[i]);
      EXPECT_EQ(request_.series[i].sample_count, counts[i]);
    }
  }
}

// Every cut and every changed byte either decodes or is refused as a bad sample; the sanitizers
// watch the reads.
TEST_P(DecoderTest, SurvivesCutsAndFlips) {
  encoder_.BeginSeries(LabelBytes({{"__name__", "latency"}, {"job", "node"}}));
  encoder_.AddSample(1000, 1.5, 900);
  encoder_.AddHistogram(EncodeHistogram(SmallHistogram()));
  encoder_.AddExemplar(LabelBytes({{"trace_id", "abc"}}), 0.25, 999);
  encoder_.AddMetadata({"latency", MetricType::kHistogram, "Time taken.", "seconds"});
  encoder_.BeginSeries(LabelBytes({{"__name__", "up"}}));
  encoder_.AddSample(2000, 1);
  const std::string whole(encoder_.Finish());
  const auto check = [&](const std::string& text) {
    const Message message(text);
    const arrow::Status status = Decode(GetParam(), message, &request_);
    if (status.ok()) {
      for (const DecodedSeries& series : request_.series) (void)CanonicalLabels(series.labels);
    } else {
      EXPECT_THAT(status, IsKind(ErrorKind::kBadSample));
    }
    return status.ok();
  };
  size_t refused_cuts = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    refused_cuts += check(whole.substr(0, size)) ? 0 : 1;
  }
  // Only cuts between top-level fields leave a whole message.
  EXPECT_GT(refused_cuts, whole.size() * 4 / 5);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 1, 2, 3, 4, 5, 6, 7}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      check(changed);
    }
  }
}

TEST(DecodeV1, CollectsLabelsFromOddEncodings) {
  const std::string plain = LabelBytes({{"__name__", "up"}, {"job", "node"}, {"zone", ""}});
  const std::string name_label = Field(1, Field(1, "__name__") + Field(2, "up"));
  const std::string reversed = Field(1, Field(2, "node") + Field(1, "job"));
  const std::string without_value = Field(1, Field(1, "zone"));
  const std::string sample = Field(2, std::string("\x10\x05", 2));
  const std::string unknown = Field(9, "what") + std::string("\x98\x06\x01", 3);
  WriteRequest request;
  // Labels on both sides of a sample, value before name, value left out, unknown fields between.
  const Message odd(Field(1, name_label + sample + reversed + unknown + without_value));
  ASSERT_OK(DecodeV1(odd.span(), &request));
  ASSERT_EQ(request.series.size(), 1);
  EXPECT_EQ(request.series[0].labels, plain);
  EXPECT_EQ(request.series[0].hash, base::Hash64(plain));
  EXPECT_THAT(request.time_ms, testing::ElementsAre(5));
  EXPECT_EQ(BitsOf(request.value[0]), 0);

  // Sizes in more bytes than needed.
  std::string padded_size = "\x0a\x8c\x80";
  padded_size.push_back('\0');
  const Message padded(Field(1, padded_size + name_label.substr(2) + sample));
  EXPECT_THAT(DecodeV1(padded.span(), &request), IsKind(ErrorKind::kBadSample));
  padded_size[1] = static_cast<char>(0x80 | (name_label.size() - 2));
  const Message fitting(Field(1, padded_size + name_label.substr(2) + sample));
  ASSERT_OK(DecodeV1(fitting.span(), &request));
  EXPECT_EQ(request.series[0].labels, LabelBytes({{"__name__", "up"}}));
}

TEST(DecodeV1, RewritesLabelsWithMoreThanNameAndValue) {
  const std::string sample = Field(2, std::string("\x10\x05", 2));
  const std::string name = Field(1, Field(1, "__name__") + Field(2, "up"));
  const std::string unknown = Field(1, Field(1, "a") + Field(2, "1") + Field(3, "x"));
  const std::string twice = Field(1, Field(1, "b") + Field(2, "old") + Field(2, "new"));
  WriteRequest request;
  const Message message(Field(1, name + unknown + twice + sample));
  ASSERT_OK(DecodeV1(message.span(), &request));
  EXPECT_EQ(request.series[0].labels, LabelBytes({{"__name__", "up"}, {"a", "1"}, {"b", "new"}}));
  // A value that is longer than its label.
  const Message broken(Field(1, name + Field(1, Field(1, "a") + "\x12\x05x") + sample));
  EXPECT_THAT(DecodeV1(broken.span(), &request), IsKind(ErrorKind::kBadSample));
}

TEST(DecodeV1, NamesTheBrokenByte) {
  WriteRequest request;
  const Message cut(Field(9, "ab") + "\x0a\x05zz");
  EXPECT_THAT(DecodeV1(cut.span(), &request), IsKind(ErrorKind::kBadSample));
  EXPECT_THAT(DecodeV1(cut.span(), &request), HasMessage("offset_bytes=5"));
  // A field of another type than it has.
  const Message typed(std::string("\x08\x01", 2));
  EXPECT_THAT(DecodeV1(typed.span(), &request), IsKind(ErrorKind::kBadSample));
}

TEST(DecodeV1, LeavesOutEmptySeries) {
  WriteRequest request;
  const Message message(Field(1, "") + Field(1, ""));
  ASSERT_OK(DecodeV1(message.span(), &request));
  EXPECT_TRUE(request.series.empty());
}

TEST(DecodeV2, KeepsStartTimes) {
  RequestEncoder encoder(WriteVersion::kV2);
  encoder.BeginSeries(LabelBytes({{"__name__", "a"}}));
  encoder.AddSample(1, 1);
  encoder.AddSample(2, 1, 77);
  encoder.BeginSeries(LabelBytes({{"__name__", "b"}}));
  encoder.AddSample(3, 1);
  // No file holds such a time: as good as unknown.
  encoder.AddSample(4, 1, kMaxTimeMs + 1);
  encoder.AddSample(5, 1, -1);
  const Message message(encoder.Finish());
  WriteRequest request;
  ASSERT_OK(DecodeV2(message.span(), &request));
  EXPECT_THAT(request.start_ms, testing::ElementsAre(0, 77, 0, 0, 0));
}

TEST(DecodeV2, RefusesBadSymbols) {
  WriteRequest request;
  const auto decode = [&request](const std::string& text) {
    const Message message(text);
    return DecodeV2(message.span(), &request);
  };
  const std::string symbols = Field(4, "") + Field(4, "__name__") + Field(4, "up");
  const std::string sample = Field(2, std::string("\x10\x05", 2));
  EXPECT_OK(decode(symbols + Field(5, Field(1, "\x01\x02") + sample)));
  EXPECT_THAT(decode(Field(4, "x")), HasMessage("first symbol"));
  EXPECT_THAT(decode(symbols + Field(5, Field(1, "\x01\x03") + sample)),
              HasMessage("out of range: reference=3 symbols=3"));
  EXPECT_THAT(decode(symbols + Field(5, Field(1, "\x01") + sample)), HasMessage("odd number"));
  EXPECT_THAT(decode(Field(5, Field(1, "\x01\x02") + sample)), IsKind(ErrorKind::kBadSample));
}

TEST(DecodeV2, ReadsSymbolsAfterSeriesAndUnpackedReferences) {
  const std::string symbols = Field(4, "") + Field(4, "__name__") + Field(4, "up");
  const std::string references = "\x08\x01\x08\x02";
  const Message message(Field(5, references + Field(2, std::string("\x10\x05", 2))) + symbols);
  WriteRequest request;
  ASSERT_OK(DecodeV2(message.span(), &request));
  EXPECT_EQ(request.series[0].labels, LabelBytes({{"__name__", "up"}}));
}

TEST(DecodeV2, RejectsSeriesWithoutSamplesAlone) {
  RequestEncoder encoder(WriteVersion::kV2);
  encoder.BeginSeries(LabelBytes({{"__name__", "a"}}));
  encoder.BeginSeries(LabelBytes({{"__name__", "b"}}));
  encoder.AddSample(1, 1);
  const Message message(encoder.Finish());
  WriteRequest request;
  ASSERT_OK(DecodeV2(message.span(), &request));
  EXPECT_EQ(request.rejection_count, 1);
  EXPECT_EQ(request.rejections[0].series, 0);
  EXPECT_EQ(request.rejections[0].reason, RejectReason::kNoSamples);
}

TEST(DecodeV2, TakesSeriesOfExemplarsAlone) {
  RequestEncoder encoder(WriteVersion::kV2);
  encoder.BeginSeries(LabelBytes({{"__name__", "a"}}));
  encoder.AddExemplar(LabelBytes({{"trace_id", "x"}}), 1, 1);
  const Message message(encoder.Finish());
  WriteRequest request;
  ASSERT_OK(DecodeV2(message.span(), &request));
  EXPECT_EQ(request.rejection_count, 0);
  EXPECT_EQ(request.exemplars.size(), 1);
}

TEST(DecodeV2, LimitsBytesThatReferencesMultiply) {
  RequestEncoder encoder(WriteVersion::kV2);
  const std::string labels = LabelBytes({{"__name__", std::string(100'000, 'x')}});
  for (int i = 0; i < 100; ++i) {
    encoder.BeginSeries(labels);
    encoder.AddSample(1, 1);
  }
  const Message message(encoder.Finish());
  WriteRequest request;
  request.max_arena_bytes = 1'000'000;
  EXPECT_THAT(DecodeV2(message.span(), &request), IsKind(ErrorKind::kTooLarge));
}

}  // namespace
}  // namespace larnax::wire
