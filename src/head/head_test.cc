#include "head/head.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "head/log_replay.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "test/matchers.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/encoder.h"

namespace larnax::head {
namespace {

Labels SeriesNumber(int i) {
  return Labels::Make({{"__name__", "metric_" + std::to_string(i % 5)},
                       {"instance", "host-" + std::to_string(i % 3)},
                       {"pod", "pod-" + std::to_string(i)}})
      .ValueOrDie();
}

struct Sample {
  int series;
  int64_t time_ms;
  double value;
  int64_t start_ms = 0;
};

// A head over a simulated disk, written to by encoded requests as a sender makes them.
class HeadTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    log_ = Log::Open(fs_, clock_, "wal/samples", {.salt_seed = 1}).ValueOrDie();
    typed_log_ = Log::Open(fs_, clock_, "wal/typed", {.salt_seed = 2}).ValueOrDie();
    head_ = std::make_unique<Head>(log_.get(), typed_log_.get(), -1);
  }

  // Restart: what was committed is replayed.
  ReplayReport Reopen(LogPosition from = {}) {
    head_.reset();
    log_.reset();
    Open();
    ReplayOptions options;
    options.deliver_before_start = true;
    return ReplayLog(fs_, "wal/samples", from, options,
                     [&](const RecordView& record) {
                       return head_->Replay(record.payload, record.position, !record.before_start,
                                            clock_.NowMs());
                     })
        .ValueOrDie();
  }

  arrow::Result<AppendPosition> AppendMessage(std::string message, bool version_2) {
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(message.data()),
                                         message.size());
    const arrow::Status decoded =
        version_2 ? wire::DecodeV2(bytes, &request_) : wire::DecodeV1(bytes, &request_);
    if (!decoded.ok()) return decoded;
    report_ = {};
    return head_->Append(request_, rules_, clock_.NowMs(), &report_);
  }

  AppendPosition Append(const std::vector<Sample>& samples) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV2);
    for (const Sample& sample : samples) {
      encoder.BeginSeries(SeriesNumber(sample.series).bytes());
      encoder.AddSample(sample.time_ms, sample.value, sample.start_ms);
    }
    return AppendMessage(std::string(encoder.Finish()), /*version_2=*/true).ValueOrDie();
  }

  using Content = std::map<std::string, std::map<int64_t, double>>;

  Content Read(std::vector<std::vector<Matcher>> selectors = {}, TimeRange range = {}) {
    Content content;
    const HeadSnapshot snapshot = head_->Capture(selectors, range);
    SampleColumns columns;
    for (const HeadSeries& series : snapshot.series) {
      for (const SeriesCapture& part : series.parts) {
        ReadCapture(part, range, &columns);
        for (size_t i = 0; i < columns.time_ms.size(); ++i) {
          content[series.labels.ToString()][columns.time_ms[i]] = columns.value[i];
        }
      }
    }
    return content;
  }

  io::SimFileSystem fs_{1};
  io::SimClock clock_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Log> typed_log_;
  std::unique_ptr<Head> head_;
  wire::WriteRequest request_;
  AppendRules rules_;
  WriteReport report_;
};

TEST_F(HeadTest, KeepsWhatWasSent) {
  Append({{1, 1000, 1.5}, {2, 1000, 2.5}, {1, 2000, 3.5}});
  EXPECT_EQ(report_.samples, 3);
  EXPECT_EQ(Read(), (Content{{SeriesNumber(1).ToString(), {{1000, 1.5}, {2000, 3.5}}},
                             {SeriesNumber(2).ToString(), {{1000, 2.5}}}}));
  EXPECT_EQ(head_->sample_count(), 3);
  EXPECT_EQ(head_->series_count(), 2);
}

TEST_F(HeadTest, SelectsByMatchersAndTime) {
  for (int i = 0; i < 30; ++i) Append({{i, 1000 * i, 1}});
  const auto select = [](std::string_view text) {
    return std::vector<std::vector<Matcher>>{ParseSelector(text).ValueOrDie()};
  };
  EXPECT_EQ(Read(select("metric_1")).size(), 6u);
  EXPECT_EQ(Read(select("{pod=~\"pod-1.*\"}")).size(), 11u);
  EXPECT_EQ(Read(select("metric_1{pod!=\"pod-1\"}")).size(), 5u);
  EXPECT_EQ(Read(select("metric_1"), {.start_ms = 0, .end_ms = 6000}).size(), 2u);
  EXPECT_EQ(Read(select("nothing")).size(), 0u);
  auto both = select("metric_1");
  both.push_back(ParseSelector("{pod=\"pod-1\"}").ValueOrDie());
  EXPECT_EQ(Read(both).size(), 6u);  // A series that both match comes once.
}

TEST_F(HeadTest, RefusesWhatCannotBeAndKeepsTheRest) {
  rules_.max_time_ms = 5000;
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(SeriesNumber(1).bytes());
  encoder.AddSample(1000, 1);
  encoder.AddSample(5001, 2);
  encoder.AddSample(-1, 3);
  encoder.BeginSeries(Labels::Make({{"a", "b"}}).ValueOrDie().bytes());
  encoder.AddSample(1000, 4);
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false));
  EXPECT_EQ(report_.samples, 1);
  ASSERT_EQ(report_.refused.size(), 2u);
  EXPECT_EQ(report_.refused[0].reason, "out of bounds");
  EXPECT_EQ(report_.refused[0].count, 2);
  EXPECT_THAT(report_.refused[0].first, testing::HasSubstr("time_ms=5001"));
  EXPECT_EQ(report_.refused[1].count, 1);
  EXPECT_EQ(Read().size(), 1u);
}

TEST_F(HeadTest, ASeriesOfWhichNothingIsKeptTakesNoMemory) {
  rules_.max_time_ms = 5000;
  Append({{1, 5001, 1}, {2, -1, 2}, {1, 6000, 3}});
  EXPECT_EQ(report_.samples, 0);
  ASSERT_EQ(report_.refused.size(), 1u);
  EXPECT_EQ(report_.refused[0].count, 3);
  EXPECT_THAT(report_.refused[0].first, testing::HasSubstr("time_ms=5001"));
  EXPECT_EQ(head_->series_count(), 0);
}

TEST_F(HeadTest, RefusesExemplarsThatRepeatLongLabelsTooOften) {
  const Labels labels =
      Labels::Make({{"__name__", "m"}, {"a", std::string(50'000, 'x')}}).ValueOrDie();
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(labels.bytes());
  encoder.AddSample(1000, 1);
  for (int i = 0; i < 2000; ++i) encoder.AddExemplar({}, 1, 1);
  EXPECT_THAT(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false).status(),
              test::IsKind(ErrorKind::kTooLarge));
  // Nothing of it was stored.
  EXPECT_EQ(head_->sample_count(), 0);
  EXPECT_EQ(log_->pending_bytes() + typed_log_->pending_bytes(), 0u);
}

TEST_F(HeadTest, HoldsLimitsOnLabels) {
  rules_.max_value_bytes = 10;
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(
      Labels::Make({{"__name__", "m"}, {"a", std::string(11, 'x')}}).ValueOrDie().bytes());
  encoder.AddSample(1, 1);
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false));
  ASSERT_EQ(report_.refused.size(), 1u);
  EXPECT_EQ(report_.refused[0].reason, "label value is too long");
  EXPECT_EQ(head_->series_count(), 0);
}

TEST_F(HeadTest, ReplaysWhatWasCommitted) {
  Append({{1, 1000, 1}, {2, 1000, std::bit_cast<double>(kStaleBits)}});
  Append({{1, 2000, 3, 500}});
  ASSERT_OK(log_->Commit());
  const Content before = Read();
  const ReplayReport report = Reopen();
  EXPECT_EQ(report.record_count, 2);
  EXPECT_EQ(Read().size(), before.size());
  EXPECT_EQ(Read()[SeriesNumber(1).ToString()], (std::map<int64_t, double>{{1000, 1}, {2000, 3}}));
  const auto stale = Read()[SeriesNumber(2).ToString()][1000];
  EXPECT_EQ(std::bit_cast<uint64_t>(stale), kStaleBits);
}

TEST_F(HeadTest, LogsARepeatOfWhatTheLogLost) {
  Append({{1, 1000, 1}});
  fs_.FailNth(io::SimOperation::kSync, 1, io::SimError::kIo);
  ASSERT_FALSE(log_->Commit().ok());
  // The sender tries again: memory has the sample, the log must get it.
  const AppendPosition position = Append({{1, 1000, 1}});
  EXPECT_EQ(report_.duplicates, 1);
  ASSERT_OK(log_->Commit());
  ASSERT_OK_AND_ASSIGN(const bool committed, log_->IsCommitted(position.samples));
  EXPECT_TRUE(committed);
  fs_.Crash();
  Reopen();
  EXPECT_EQ(Read(), (Content{{SeriesNumber(1).ToString(), {{1000, 1}}}}));
}

TEST_F(HeadTest, ReplayFromAPositionKnowsEarlierDefinitions) {
  Append({{1, 1000, 1}, {2, 1000, 2}});
  ASSERT_OK_AND_ASSIGN(const auto frozen, head_->Freeze());
  const LogPosition end = frozen->generation->end();
  Append({{1, 2000, 3}});  // Not defined again: same segment.
  ASSERT_OK(log_->Commit());
  Reopen(end);
  EXPECT_EQ(Read(), (Content{{SeriesNumber(1).ToString(), {{2000, 3}}}}));
}

TEST_F(HeadTest, DefinesSeriesAnewInEachSegment) {
  log_ = Log::Open(fs_, clock_, "wal/samples", {.segment_bytes = 600, .salt_seed = 1}).ValueOrDie();
  head_ = std::make_unique<Head>(log_.get(), typed_log_.get(), -1);
  for (int i = 0; i < 50; ++i) {
    Append({{i % 3, 1000 + i, 1.0 * i}});
    ASSERT_OK(log_->Commit());
  }
  EXPECT_GT(log_->segments().size(), 3u);
  const Content before = Read();
  Reopen();
  EXPECT_EQ(Read(), before);
}

TEST_F(HeadTest, FreezesInFileOrderAndGoesOn) {
  for (int i = 20; i >= 0; --i) Append({{i, 1000, 1.0 * i}});
  ASSERT_OK_AND_ASSIGN(const auto frozen, head_->Freeze());
  ASSERT_EQ(frozen->series.size(), 21u);
  for (size_t i = 1; i < frozen->series.size(); ++i) {
    EXPECT_LE(frozen->series[i - 1].labels.metric(), frozen->series[i].labels.metric());
  }
  Append({{1, 2000, 5}});
  // Frozen samples stay visible until they are in files.
  EXPECT_EQ(Read()[SeriesNumber(1).ToString()].size(), 2u);
  head_->DropFrozen(*frozen);
  EXPECT_EQ(Read(), (Content{{SeriesNumber(1).ToString(), {{2000, 5}}}}));
  ASSERT_OK_AND_ASSIGN(const auto next, head_->Freeze());
  EXPECT_EQ(next->series[0].flushed_through_ms, 1000);
  head_->DropFrozen(*next);
  ASSERT_OK_AND_ASSIGN(const auto none, head_->Freeze());
  EXPECT_EQ(none, nullptr);
}

TEST_F(HeadTest, AGenerationKnowsOfThoseThatWaitToBeFlushed) {
  Append({{1, 1000, 1}});
  ASSERT_OK_AND_ASSIGN(const auto first, head_->Freeze());
  Append({{1, 1000, 1}, {2, 1000, 1}});
  ASSERT_OK_AND_ASSIGN(const auto second, head_->Freeze());
  // The first will be in files when the second is flushed: repeats have to be looked for.
  EXPECT_EQ(first->series[0].flushed_through_ms, -1);
  ASSERT_EQ(second->series.size(), 2u);
  EXPECT_EQ(second->series[0].labels, SeriesNumber(1).view());
  EXPECT_EQ(second->series[0].flushed_through_ms, 1000);
  EXPECT_EQ(second->series[1].flushed_through_ms, -1);
}

TEST_F(HeadTest, AStartTimeThatCannotBeIsUnknown) {
  Append({{1, 1000, 1, kMaxTimeMs}, {1, 2000, 2, kMaxTimeMs + 1}, {1, 3000, 3, -1}});
  EXPECT_EQ(report_.samples, 3);
  const HeadSnapshot snapshot = head_->Capture({}, {});
  ASSERT_EQ(snapshot.series.size(), 1u);
  SampleColumns columns;
  ReadCapture(snapshot.series[0].parts[0], {}, &columns);
  EXPECT_EQ(columns.start_ms, (std::vector<int64_t>{kMaxTimeMs, 0, 0}));
}

TEST_F(HeadTest, LogsHistogramsExemplarsAndMetadata) {
  wire::HistogramFields fields;
  fields.count_int = 3;
  fields.sum = 4.5;
  fields.positive_spans = {{.offset = 0, .length = 2}};
  fields.positive_deltas = {1, 1};
  fields.time_ms = 1000;
  wire::RequestEncoder encoder(wire::WriteVersion::kV2);
  encoder.BeginSeries(SeriesNumber(1).bytes());
  encoder.AddHistogram(wire::EncodeHistogram(fields));
  encoder.AddExemplar(Labels::Make({{"trace_id", "abc"}}).ValueOrDie().bytes(), 7, 999);
  encoder.AddMetadata(
      {.metric = "metric_1", .type = wire::MetricType::kHistogram, .help = "Help.", .unit = "s"});
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/true));
  EXPECT_EQ(report_.histograms, 1);
  EXPECT_EQ(report_.exemplars, 1);
  ASSERT_OK(typed_log_->Commit());
  std::vector<TypedRecord> records;
  std::vector<std::string> payloads;
  ASSERT_OK(ReplayLog(fs_, "wal/typed", {}, {}, [&](const RecordView& record) {
    EXPECT_EQ(record.type, kTypedRecord);
    TypedRecord typed;
    EXPECT_OK(DecodeTypedRecord(record.payload, &typed));
    EXPECT_EQ(typed.histograms.size(), 1u);
    EXPECT_EQ(typed.histograms[0].labels, SeriesNumber(1).bytes());
    EXPECT_EQ(typed.histograms[0].message, wire::EncodeHistogram(fields));
    EXPECT_EQ(typed.exemplars.size(), 1u);
    EXPECT_EQ(typed.exemplars[0].value, 7);
    EXPECT_EQ(typed.metadata.size(), 1u);
    return arrow::Status::OK();
  }));
}

TEST_F(HeadTest, DamagedRecordsAreErrorsNotCrashes) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> bytes(random() % 80);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % (i % 2 == 0 ? 256 : 6));
    (void)head_->Replay(bytes, {.segment = 1, .offset_bytes = 64}, true, 0);
  }
}

}  // namespace
}  // namespace larnax::head
