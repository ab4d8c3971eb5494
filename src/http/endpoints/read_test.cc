// Remote read as a client sees it, both kinds of answers, read back by the tests' own readers.

#include <snappy.h>

#include <future>
#include <latch>

#include "http/server_fixture.h"
#include "larnax/error.h"
#include "wire/remote_read/chunk_decoder_fixture.h"

namespace larnax::http {
namespace {

using testing::HasSubstr;
using wire::testing::ReadFields;

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string Number(uint32_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Bytes(uint32_t field, std::string_view bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}
std::string MatcherOf(uint64_t type, std::string_view name, std::string_view value) {
  return Bytes(3, Number(1, type) + Bytes(2, name) + Bytes(3, value));
}
std::string QueryOf(uint64_t start_ms, uint64_t end_ms, std::string_view rest) {
  return Bytes(1, Number(1, start_ms) + Number(2, end_ms) + std::string(rest));
}
const std::string kAll = MatcherOf(2, "__name__", ".+");
constexpr uint64_t kStreamed = 1;

std::string ShowLabels(std::string_view message) {
  std::string shown;
  for (const auto& field : ReadFields(message)) {
    if (field.id != 1) continue;
    const auto parts = ReadFields(field.bytes);
    shown.append(shown.empty() ? "" : " ");
    shown.append(parts[0].bytes).append("=").append(parts[1].bytes);
  }
  return shown;
}

struct ReadSeries {
  size_t query = 0;
  std::string labels;
  std::vector<std::pair<int64_t, double>> floats;
  std::vector<std::pair<int64_t, NativeHistogram>> histograms;
  int frames = 1;
};

std::vector<ReadSeries> ReadSamples(const RawResponse& response) {
  std::string message;
  EXPECT_TRUE(snappy::Uncompress(response.body.data(), response.body.size(), &message));
  std::vector<ReadSeries> found;
  size_t query = 0;
  for (const auto& result : ReadFields(message)) {
    for (const auto& series : ReadFields(result.bytes)) {
      ReadSeries& read = found.emplace_back();
      read.query = query;
      read.labels = ShowLabels(series.bytes);
      for (const auto& field : ReadFields(series.bytes)) {
        if (field.id != 2) continue;
        const auto sample = ReadFields(field.bytes);
        read.floats.emplace_back(sample[1].number, std::bit_cast<double>(sample[0].number));
      }
    }
    ++query;
  }
  return found;
}

// CRC-32C, bit by bit.
uint32_t Crc(std::string_view bytes) {
  uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78U : 0);
  }
  return ~crc;
}

void AddChunk(std::string_view message, ReadSeries* series) {
  const auto parts = ReadFields(message);
  ASSERT_EQ(parts.size(), 4);
  const std::string_view data = parts[3].bytes;
  int64_t first = 0;
  int64_t last = 0;
  if (parts[2].number == 1) {
    const auto samples = wire::testing::ReadXorChunk(data);
    ASSERT_TRUE(samples.has_value());
    series->floats.insert(series->floats.end(), samples->begin(), samples->end());
    first = samples->front().first;
    last = samples->back().first;
  } else {
    const auto samples = wire::testing::HistogramChunkReader(data, parts[2].number == 2).Read();
    ASSERT_TRUE(samples.has_value());
    series->histograms.insert(series->histograms.end(), samples->begin(), samples->end());
    first = samples->front().first;
    last = samples->back().first;
  }
  EXPECT_EQ(static_cast<int64_t>(parts[0].number), first);
  EXPECT_EQ(static_cast<int64_t>(parts[1].number), last);
}

std::vector<ReadSeries> ReadFrames(const RawResponse& response) {
  EXPECT_TRUE(response.complete);
  std::vector<ReadSeries> found;
  std::string_view rest = response.body;
  while (!rest.empty()) {
    uint64_t size = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(rest.front());
      rest.remove_prefix(1);
      size |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    uint32_t crc = 0;
    for (int i = 0; i < 4; ++i) crc = crc << 8 | static_cast<uint8_t>(rest[static_cast<size_t>(i)]);
    const std::string_view frame = rest.substr(4, size);
    EXPECT_EQ(frame.size(), size);
    EXPECT_EQ(Crc(frame), crc);
    EXPECT_LT(size, (1 << 20) + (128 << 10));
    rest.remove_prefix(4 + frame.size());
    ReadSeries read;
    for (const auto& field : ReadFields(frame)) {
      if (field.id == 2) read.query = field.number;
      if (field.id != 1) continue;
      read.labels = ShowLabels(field.bytes);
      for (const auto& part : ReadFields(field.bytes)) {
        if (part.id == 2) AddChunk(part.bytes, &read);
      }
    }
    ReadSeries* last = found.empty() ? nullptr : &found.back();
    if (last != nullptr && last->labels == read.labels && last->query == read.query) {
      last->floats.insert(last->floats.end(), read.floats.begin(), read.floats.end());
      ++last->frames;
    } else {
      found.push_back(std::move(read));
    }
  }
  return found;
}

class ReadTest : public ServerTest {
 protected:
  RawResponse Read(std::string_view request) {
    std::string body;
    snappy::Compress(request.data(), request.size(), &body);
    return Post("/api/v1/read", body,
                "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
                "Accept-Encoding: gzip\r\n");
  }
  std::vector<std::string> LabelsOf(const std::vector<ReadSeries>& series) {
    std::vector<std::string> labels;
    for (const ReadSeries& one : series) labels.push_back(one.labels);
    return labels;
  }
  static std::vector<FakeDatabase::Sample> Ramp(int count, int64_t step_ms = 1000) {
    std::vector<FakeDatabase::Sample> samples;
    for (int i = 0; i < count; ++i) samples.push_back({i * step_ms, i * 0.1});
    return samples;
  }
};

TEST_F(ReadTest, AnswersInOneMessage) {
  database_.AddSeries({{"__name__", "a"}, {"job", "x"}}, {{1000, 1}, {2000, -0.0}, {3000, 2.5}});
  database_.AddSeries({{"__name__", "b"}}, {{2500, 7}});
  Start();
  const RawResponse response =
      Read(QueryOf(2000, 3000, kAll) + QueryOf(0, 1500, MatcherOf(0, "job", "x")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("content-type"), "application/x-protobuf");
  EXPECT_EQ(response.Header("content-encoding"), "snappy");
  const auto series = ReadSamples(response);
  ASSERT_EQ(LabelsOf(series),
            (std::vector<std::string>{"__name__=a job=x", "__name__=b", "__name__=a job=x"}));
  ASSERT_EQ(series[0].floats.size(), 2);
  EXPECT_TRUE(std::signbit(series[0].floats[0].second));
  EXPECT_EQ(series[1].floats[0], std::pair(int64_t{2500}, 7.0));
  EXPECT_EQ(series[2].query, 1);
  EXPECT_EQ(series[2].floats.size(), 1);
}

TEST_F(ReadTest, StreamsChunks) {
  database_.AddSeries({{"__name__", "a"}}, Ramp(1000));
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->is_integer = true;
  histogram->integer_count = 3;
  histogram->positive_spans = {{0, 1}};
  histogram->integer_positive = {3};
  database_.AddSeries({{"__name__", "h"}}, {{1000, 1}});
  database_.AddHistograms({{2000, 0, histogram}, {3000, 0, histogram}});
  Start();
  const RawResponse response = Read(QueryOf(0, 1'000'000, kAll) + Number(2, kStreamed));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("content-type"),
            "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  EXPECT_EQ(response.Header("content-encoding"), "");
  const auto series = ReadFrames(response);
  ASSERT_EQ(LabelsOf(series), (std::vector<std::string>{"__name__=a", "__name__=h"}));
  ASSERT_EQ(series[0].floats.size(), 1000);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(series[0].floats[static_cast<size_t>(i)], std::pair(int64_t{i} * 1000, i * 0.1));
  }
  EXPECT_EQ(series[1].floats.size(), 1);
  ASSERT_EQ(series[1].histograms.size(), 2);
  EXPECT_EQ(series[1].histograms[1].second.integer_positive, (std::vector<int64_t>{3}));
}

// Files are ordered by job and instance before other labels; clients merge by labels in order.
TEST_F(ReadTest, OrdersSeriesByTheirLabels) {
  database_.AddSeries({{"__name__", "m"}, {"job", "1"}, {"a", "2"}}, {{1, 1}});
  database_.AddSeries({{"__name__", "m"}, {"job", "1"}}, {{1, 1}});
  database_.AddSeries({{"__name__", "m"}, {"job", "2"}, {"a", "1"}}, {{1, 1}});
  database_.AddSeries({{"__name__", "n"}, {"a", "0"}}, {{1, 1}});
  Start();
  const std::vector<std::string> wanted = {"__name__=m a=1 job=2", "__name__=m a=2 job=1",
                                           "__name__=m job=1", "__name__=n a=0"};
  EXPECT_EQ(LabelsOf(ReadFrames(Read(QueryOf(0, 9, kAll) + Number(2, kStreamed)))), wanted);
  EXPECT_EQ(LabelsOf(ReadSamples(Read(QueryOf(0, 9, kAll)))), wanted);
}

// A label before `__name__` breaks the order of metrics, too.
TEST_F(ReadTest, OrdersSeriesWithLabelsBeforeTheName) {
  database_.AddSeries({{"__name__", "m"}, {"Zone", "2"}}, {{1, 1}});
  database_.AddSeries({{"__name__", "m"}, {"job", "1"}}, {{1, 1}});
  database_.AddSeries({{"__name__", "n"}, {"Zone", "1"}}, {{1, 1}});
  Start();
  EXPECT_EQ(
      LabelsOf(ReadFrames(Read(QueryOf(0, 9, kAll) + Number(2, kStreamed)))),
      (std::vector<std::string>{"Zone=1 __name__=n", "Zone=2 __name__=m", "__name__=m job=1"}));
}

TEST_F(ReadTest, AddsExternalLabels) {
  database_.AddSeries({{"__name__", "m"}, {"cluster", "own"}}, {{1, 1}});
  database_.AddSeries({{"__name__", "m"}, {"job", "1"}}, {{1, 2}});
  ServerOptions options = SmallOptions();
  ASSERT_OK_AND_ASSIGN(options.external_labels, Labels::Make({{"cluster", "c"}, {"replica", "r"}}));
  Start(options);
  const auto series = ReadSamples(
      Read(QueryOf(0, 9, kAll + MatcherOf(0, "cluster", "c") + MatcherOf(0, "replica", "r"))));
  EXPECT_EQ(LabelsOf(series), (std::vector<std::string>{"__name__=m cluster=c job=1 replica=r",
                                                        "__name__=m cluster=own replica=r"}));
  // Another value is asked of the series themselves.
  EXPECT_EQ(LabelsOf(ReadSamples(Read(QueryOf(0, 9, MatcherOf(0, "cluster", "own"))))),
            (std::vector<std::string>{"__name__=m cluster=own replica=r"}));
}

TEST_F(ReadTest, AnswersLabelsAloneWhereNoMoreIsLookedAt) {
  database_.AddSeries({{"__name__", "m"}}, {{1, 1}});
  Start();
  const auto series =
      ReadFrames(Read(QueryOf(0, 9, kAll + Bytes(4, Bytes(2, "series"))) + Number(2, kStreamed)));
  ASSERT_EQ(LabelsOf(series), (std::vector<std::string>{"__name__=m"}));
  EXPECT_TRUE(series[0].floats.empty());
}

TEST_F(ReadTest, SplitsFramesOfLargeSeries) {
  std::vector<FakeDatabase::Sample> samples;
  uint64_t bits = 1;
  for (int i = 0; i < 400'000; ++i) {
    bits = bits * 6364136223846793005 + 1442695040888963407;
    samples.push_back({i, static_cast<double>(bits >> 12)});
  }
  database_.AddSeries({{"__name__", "m"}}, samples);
  Start();
  const auto series = ReadFrames(Read(QueryOf(0, 1'000'000, kAll) + Number(2, kStreamed)));
  ASSERT_EQ(series.size(), 1);
  EXPECT_GT(series[0].frames, 2);
  ASSERT_EQ(series[0].floats.size(), samples.size());
  EXPECT_EQ(series[0].floats.back().second, samples.back().value);
}

TEST_F(ReadTest, KeepsLittleInMemory) {
  // In reverse order of their labels, and more than may be held.
  for (int i = 99; i >= 0; --i) {
    database_.AddSeries({{"__name__", "m"}, {"n", std::to_string(100 + i)}}, Ramp(100));
  }
  database_.AddSeries({{"__name__", "n"}}, Ramp(100));
  ReadMessage message;
  const std::string request = QueryOf(0, 1'000'000, kAll) + Number(2, kStreamed);
  message.content_encoding = "identity";
  message.body = {reinterpret_cast<const uint8_t*>(request.data()), request.size()};
  message.max_buffered_bytes = 3000;
  ASSERT_OK_AND_ASSIGN(const auto answer, AnswerRemoteRead(&database_, message));
  RawResponse response;
  response.complete = true;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const bool more, answer->Next(&response.body));
    if (!more) break;
  }
  const auto series = ReadFrames(response);
  ASSERT_EQ(series.size(), 101);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(series[i].labels, "__name__=m n=" + std::to_string(100 + i));
    EXPECT_EQ(series[i].floats.size(), 100);
  }
}

TEST_F(ReadTest, BoundsAnswersInOneMessage) {
  database_.AddSeries({{"__name__", "m"}}, Ramp(11));
  ServerOptions options = SmallOptions();
  options.remote_read_sample_limit = 10;
  Start(options);
  const RawResponse refused = Read(QueryOf(0, 1'000'000, kAll));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("exceeded sample limit (10)"));
  EXPECT_EQ(Read(QueryOf(0, 9000, kAll)).status, 200);
}

TEST_F(ReadTest, BoundsTheBytesOfOneMessage) {
  database_.AddSeries({{"__name__", "m"}}, Ramp(100));
  ReadMessage message;
  const std::string request = QueryOf(0, 1'000'000, kAll);
  message.content_encoding = "identity";
  message.body = {reinterpret_cast<const uint8_t*>(request.data()), request.size()};
  message.max_message_bytes = 1000;
  ASSERT_OK_AND_ASSIGN(const auto answer, AnswerRemoteRead(&database_, message));
  std::string body;
  EXPECT_THAT(answer->Next(&body), test::HasMessage("ask for STREAMED_XOR_CHUNKS"));
  EXPECT_EQ(body, "");
}

TEST_F(ReadTest, AnswersNothingToEmptyQuestions) {
  database_.AddSeries({{"__name__", "m"}}, Ramp(1));
  Start();
  EXPECT_TRUE(ReadSamples(Read("")).empty());
  EXPECT_TRUE(ReadSamples(Read(QueryOf(5, 1, kAll))).empty());
  const RawResponse none = Read(QueryOf(0, 9, MatcherOf(0, "a", "b")) + Number(2, kStreamed));
  EXPECT_EQ(none.status, 200);
  EXPECT_EQ(none.body, "");
}

TEST_F(ReadTest, RefusesWhatIsBroken) {
  Start();
  EXPECT_THAT(Read("\x0A\x7F").body, HasSubstr("broken read request: offset_bytes=1"));
  EXPECT_THAT(Post("/api/v1/read", "not snappy").body, HasSubstr("snappy"));
  EXPECT_EQ(Post("/api/v1/read", "x", "Content-Encoding: br\r\n").status, 415);
  EXPECT_EQ(Get("/api/v1/read").status, 405);
  database_.failure = MakeError(ErrorKind::kTimeout, "it took too long");
  EXPECT_EQ(Read(QueryOf(0, 9, kAll)).status, 503);
}

// Its messages cannot say that something is missing: then it fails.
TEST_F(ReadTest, FailsWhereSamplesAreMissing) {
  database_.AddSeries({{"__name__", "m"}}, Ramp(1));
  database_.warnings = {"samples are missing from this answer: path=x.parquet"};
  Start();
  for (const std::string kind : {"", "streamed"}) {
    const RawResponse failed =
        Read(QueryOf(0, 9, kAll) + (kind.empty() ? "" : Number(2, kStreamed)));
    EXPECT_EQ(failed.status, 500) << kind;
    EXPECT_THAT(failed.body, HasSubstr("x.parquet")) << kind;
  }
  const RawResponse samples = Get("/api/v1/samples?match[]=m");
  EXPECT_EQ(samples.status, 500);
  EXPECT_THAT(samples.body, HasSubstr("x.parquet"));
}

TEST_F(ReadTest, LetsSoManyInAtATime) {
  database_.AddSeries({{"__name__", "m"}}, Ramp(1));
  ServerOptions options = SmallOptions();
  options.remote_read_concurrency = 1;
  options.query_queue = 1;
  std::latch reading(1);
  std::promise<void> release;
  auto released = release.get_future().share();
  database_.on_batch = [&](int batch) {
    if (batch == 0) reading.count_down();
    released.wait();
    return arrow::Status::OK();
  };
  Start(options);
  const std::string body = QueryOf(0, 9, kAll);
  const std::string request =
      "POST /api/v1/read HTTP/1.1\r\nHost: t\r\nContent-Encoding: identity\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  RawClient first(server_->port());
  first.Send(request);
  reading.wait();
  database_.on_batch = {};
  RawClient waiting(server_->port());
  waiting.Send(request);
  ASSERT_EQ(Get("/-/healthy").status, 200);
  // Nobody else has to wait, but a third is too many.
  EXPECT_EQ(Get("/api/v1/labels").status, 200);
  EXPECT_EQ(Read(body).status, 503);
  release.set_value();
  EXPECT_EQ(first.ReadResponse().status, 200);
  EXPECT_EQ(waiting.ReadResponse().status, 200);
  EXPECT_EQ(Read(body).status, 200);
}

}  // namespace
}  // namespace larnax::http
