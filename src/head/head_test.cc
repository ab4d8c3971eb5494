#include "head/head.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "head/log_replay.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "model/label_order.h"
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
    head_ = std::make_unique<Head>(log_.get(), -1);
  }

  // Restart: what was committed is replayed.
  ReplayReport Reopen(LogPosition from = {}) {
    head_.reset();
    log_.reset();
    Open();
    ReplayOptions options;
    options.deliver_before_start = true;
    return ReplayLog(fs_, "wal/samples", from, options,
                     [&](const RecordView& record) { return head_->Replay(record, 77); })
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
  encoder.AddSample(-1, 4);
  encoder.AddSample(1000, 5);
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false));
  EXPECT_EQ(report_.samples, 1);
  ASSERT_EQ(report_.refused.size(), 2u);
  EXPECT_EQ(report_.refused[0].reason, "out of bounds");
  EXPECT_EQ(report_.refused[0].count, 3);
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

TEST_F(HeadTest, RefusesExemplarsThatTakeTooMuch) {
  wire::RequestEncoder encoder(wire::WriteVersion::kV2);
  encoder.BeginSeries(SeriesNumber(1).bytes());
  encoder.AddSample(1000, 1);
  const Labels trace = Labels::Make({{"trace_id", std::string(50'000, 'x')}}).ValueOrDie();
  // Few bytes in this version, where each text is sent once.
  for (int i = 0; i < 2000; ++i) encoder.AddExemplar(trace.bytes(), i, 1);
  EXPECT_THAT(AppendMessage(std::string(encoder.Finish()), /*version_2=*/true).status(),
              test::IsKind(ErrorKind::kTooLarge));
  // Nothing of it was stored.
  EXPECT_EQ(head_->sample_count(), 0);
  EXPECT_EQ(log_->pending_bytes(), 0u);
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
  ASSERT_OK_AND_ASSIGN(const bool committed, log_->IsCommitted(position.floats));
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

TEST_F(HeadTest, ReplayHoldsOnlySeriesThatHaveSamples) {
  Append({{1, 1000, 1}, {2, 1000, 2}, {3, 1000, 2}});
  ASSERT_OK_AND_ASSIGN(const auto frozen, head_->Freeze());
  const LogPosition end = frozen->generation->end();
  Append({{2, 2000, 3}});
  ASSERT_OK(log_->Commit());
  Reopen(end);
  EXPECT_EQ(head_->series_count(), 1);
}

TEST_F(HeadTest, CapturesInFileOrderBeforeAndAfterSeriesAreOrdered) {
  const auto expect_order = [&](size_t count) {
    const std::vector<Matcher> any = {Matcher::Make(MatchType::kRegex, "pod", ".*").ValueOrDie()};
    for (const std::vector<std::vector<Matcher>>& selectors :
         {std::vector<std::vector<Matcher>>{}, {any}, {any, any}}) {
      const HeadSnapshot snapshot = head_->Capture(selectors, {});
      ASSERT_EQ(snapshot.series.size(), count);
      for (size_t i = 1; i < count; ++i) {
        EXPECT_LT(model::CompareForFile(snapshot.series[i - 1].labels, snapshot.series[i].labels),
                  0);
      }
    }
  };
  Append({{5, 1000, 1}, {1, 1000, 2}, {3, 1000, 2}});
  expect_order(3);
  ASSERT_OK(head_->Freeze());
  expect_order(3);
  Append({{4, 2000, 1}, {0, 2000, 2}, {3, 2000, 2}});  // Some have a rank by now, some have not.
  expect_order(5);
  ASSERT_OK(head_->Freeze());
  expect_order(5);
}

TEST_F(HeadTest, DefinesSeriesAnewInEachSegment) {
  log_ = Log::Open(fs_, clock_, "wal/samples", {.segment_bytes = 600, .salt_seed = 1}).ValueOrDie();
  head_ = std::make_unique<Head>(log_.get(), -1);
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

// A histogram of one bucket that holds `count`.
std::string Histogram(int64_t time_ms, uint64_t count, double sum = 1) {
  wire::HistogramFields fields;
  fields.count_int = count;
  fields.sum = sum;
  fields.positive_spans = {{.offset = 0, .length = 1}};
  fields.positive_deltas = {static_cast<int64_t>(count)};
  fields.time_ms = time_ms;
  return wire::EncodeHistogram(fields);
}

class NonFloatHeadTest : public HeadTest {
 protected:
  // One write: floats, then histograms, of series 1.
  AppendPosition Write(const std::vector<std::pair<int64_t, double>>& floats,
                       const std::vector<std::pair<int64_t, uint64_t>>& histograms) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    encoder.BeginSeries(SeriesNumber(1).bytes());
    for (const auto& [time_ms, value] : floats) encoder.AddSample(time_ms, value);
    for (const auto& [time_ms, count] : histograms) encoder.AddHistogram(Histogram(time_ms, count));
    return AppendMessage(std::string(encoder.Finish()), /*version_2=*/false).ValueOrDie();
  }

  // All samples of series 1: a histogram of count n reads as "hn".
  std::map<int64_t, std::string> ReadBoth(TimeRange range = {}) {
    std::map<int64_t, std::string> content;
    const HeadSnapshot snapshot = head_->Capture({}, range);
    SampleColumns columns;
    std::vector<HistogramSample> histograms;
    for (const HeadSeries& series : snapshot.series) {
      for (const SeriesCapture& part : series.parts) {
        ReadCapture(part, range, &columns);
        EXPECT_OK(ReadHistograms(part, range, &histograms));
        for (size_t i = 0; i < columns.time_ms.size(); ++i) {
          content[columns.time_ms[i]] = std::to_string(static_cast<int>(columns.value[i]));
        }
        for (const HistogramSample& sample : histograms) {
          // At one time there is only one of them.
          EXPECT_EQ(std::count(columns.time_ms.begin(), columns.time_ms.end(), sample.time_ms), 0);
          content[sample.time_ms] = "h" + std::to_string(sample.histogram->integer_count);
        }
      }
    }
    return content;
  }
  using Both = std::map<int64_t, std::string>;
};

TEST_F(NonFloatHeadTest, OfFloatAndHistogramTheLaterOneWins) {
  Write({{10, 1}, {20, 2}, {30, 3}}, {});
  Write({}, {{20, 7}, {40, 8}});
  Write({{40, 4}}, {{30, 9}});
  const Both both{{10, "1"}, {20, "h7"}, {30, "h9"}, {40, "4"}};
  EXPECT_EQ(ReadBoth(), both);
  EXPECT_EQ(ReadBoth({.start_ms = 20, .end_ms = 30}), (Both{{20, "h7"}, {30, "h9"}}));
  ASSERT_OK(log_->Commit());
  Reopen();
  EXPECT_EQ(ReadBoth(), both);
}

TEST_F(NonFloatHeadTest, AFloatThatComesAgainAfterAHistogramCountsAgain) {
  Write({{10, 1}}, {});
  Write({}, {{10, 7}});
  Write({{10, 1}}, {});
  EXPECT_EQ(ReadBoth(), (Both{{10, "1"}}));
  Write({}, {{10, 7}});
  EXPECT_EQ(ReadBoth(), (Both{{10, "h7"}}));
  ASSERT_OK(log_->Commit());
  Reopen();
  EXPECT_EQ(ReadBoth(), (Both{{10, "h7"}}));
}

TEST_F(NonFloatHeadTest, OutOfOrderSamplesOfBothKindsAreResolvedToo) {
  std::mt19937_64 random(3);
  Both want;
  for (int i = 0; i < 3000; ++i) {
    const auto time_ms = static_cast<int64_t>(random() % 200);
    if (random() % 2 == 0) {
      Write({{time_ms, i}}, {});
      want[time_ms] = std::to_string(i);
    } else {
      Write({}, {{time_ms, static_cast<uint64_t>(i)}});
      want[time_ms] = "h" + std::to_string(i);
    }
    if (i % 1000 == 500) {
      ASSERT_OK(head_->Freeze());
    }
  }
  EXPECT_EQ(ReadBoth(), want);
}

TEST_F(NonFloatHeadTest, ARepeatedHistogramIsNotLoggedAgain) {
  Write({}, {{10, 7}});
  const size_t pending = log_->pending_bytes();
  const AppendPosition repeat = Write({}, {{10, 7}});
  EXPECT_EQ(log_->pending_bytes(), pending);
  EXPECT_EQ(report_.histograms, 1);
  EXPECT_EQ(head_->sample_count(), 1);
  // It is durable when what it repeats is.
  ASSERT_OK_AND_ASSIGN(const bool before, log_->IsCommitted(repeat.non_floats));
  EXPECT_FALSE(before);
  ASSERT_OK(log_->Commit());
  ASSERT_OK_AND_ASSIGN(const bool after, log_->IsCommitted(repeat.non_floats));
  EXPECT_TRUE(after);
}

TEST_F(NonFloatHeadTest, KeepsExemplarsAndMetadataThroughARestart) {
  const auto write = [&] {
    wire::RequestEncoder encoder(wire::WriteVersion::kV2);
    encoder.BeginSeries(SeriesNumber(1).bytes());
    encoder.AddHistogram(Histogram(1000, 3));
    encoder.AddExemplar(Labels::Make({{"trace_id", "abc"}}).ValueOrDie().bytes(), 7, 999);
    encoder.AddExemplar({}, -0.0, 998);
    encoder.AddMetadata(
        {.metric = "metric_1", .type = wire::MetricType::kHistogram, .help = "H", .unit = "s"});
    ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/true));
  };

  write();
  EXPECT_EQ(report_.histograms, 1);
  EXPECT_EQ(report_.exemplars, 2);
  ASSERT_OK(log_->Commit());
  for (int i = 0; i < 2; ++i) {
    const HeadSnapshot snapshot = head_->CaptureExemplars({}, {.start_ms = 0, .end_ms = 998});
    ASSERT_EQ(snapshot.series.size(), 1u);
    EXPECT_EQ(snapshot.series[0].labels, SeriesNumber(1).view());
    std::vector<const ExemplarNode*> exemplars;
    ReadExemplars(snapshot.series[0].parts[0], {}, &exemplars);
    ASSERT_EQ(exemplars.size(), 2u);
    EXPECT_EQ(LabelsView(exemplars[0]->labels()).ToString(), "{trace_id=\"abc\"}");
    EXPECT_EQ(exemplars[0]->value, 7);
    EXPECT_TRUE(std::signbit(exemplars[1]->value));
    EXPECT_TRUE(exemplars[1]->labels().empty());
    const auto metadata = head_->metadata();
    ASSERT_EQ(metadata.size(), 1u);
    EXPECT_EQ(metadata[0].metric, "metric_1");
    EXPECT_EQ(metadata[0].help, "H");
    EXPECT_EQ(metadata[0].seen_ms, clock_.NowMs());
    EXPECT_TRUE(head_->CaptureExemplars({}, {.start_ms = 1000, .end_ms = 2000}).series.empty());
    Reopen();
  }
}

TEST_F(NonFloatHeadTest, ExemplarsAloneDoNotMakeASeriesOfSamples) {
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(SeriesNumber(1).bytes());
  encoder.AddExemplar({}, 1, 10);
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false));
  EXPECT_TRUE(head_->Capture({}, {}).series.empty());
  ASSERT_OK_AND_ASSIGN(const auto frozen, head_->Freeze());
  ASSERT_NE(frozen, nullptr);
  ASSERT_EQ(frozen->series.size(), 1u);
  EXPECT_EQ(frozen->generation->exemplar_days(), (std::set<int64_t>{0}));
  head_->DropFrozen(*frozen);
  Append({{1, 1000, 1}});
  ASSERT_OK_AND_ASSIGN(const auto next, head_->Freeze());
  EXPECT_EQ(next->series[0].flushed_through_ms, -1);
  EXPECT_EQ(next->series[0].exemplars_through_ms, 10);
}

TEST_F(NonFloatHeadTest, RefusesBadHistogramsAndExemplarsByReason) {
  rules_.max_time_ms = 5000;
  wire::HistogramFields bad;
  bad.schema = 77;
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(SeriesNumber(1).bytes());
  encoder.AddHistogram(wire::EncodeHistogram(bad));
  encoder.AddHistogram(Histogram(5001, 1));
  encoder.AddExemplar({}, 1, 5001);
  encoder.AddExemplar(Labels::Make({{"a", "b"}}).ValueOrDie().bytes(), 1, -1);
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false));
  ASSERT_EQ(report_.refused.size(), 2u);
  EXPECT_EQ(report_.refused[0].reason, "unknown histogram schema");
  EXPECT_EQ(report_.refused[1].reason, "out of bounds");
  EXPECT_EQ(report_.refused[1].count, 3);
  EXPECT_EQ(report_.histograms + report_.exemplars, 0);
  EXPECT_EQ(head_->series_count(), 0);  // A series of which nothing is kept takes no memory.
  EXPECT_EQ(log_->pending_bytes(), 0u);
}

TEST_F(NonFloatHeadTest, WhatIsNoFloatCountsByItsBytes) {
  Write({{10, 1}}, {});
  EXPECT_EQ(head_->load(), 1);
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(SeriesNumber(1).bytes());
  encoder.AddExemplar(Labels::Make({{"a", std::string(1600, 'x')}}).ValueOrDie().bytes(), 1, 1);
  ASSERT_OK(AppendMessage(std::string(encoder.Finish()), /*version_2=*/false));
  EXPECT_GT(head_->load(), 100);
  EXPECT_EQ(head_->sample_count(), 1);
}

// Matching goes on without the mutex: meanwhile series come, get their place in the order, and are
// forgotten.
class WideCaptureTest : public HeadTest, public testing::WithParamInterface<bool> {};

TEST_P(WideCaptureTest, SeesWholeWritesWhileSeriesComeAndGo) {
  const bool drops = GetParam();
  constexpr int kFirst = 6000;
  constexpr int kPairs = 3000;
  std::vector<Sample> first;
  for (int i = 0; i < kFirst; ++i) first.push_back({i, 1000, 1});
  Append(first);
  std::atomic<int> written = 0;
  std::thread writer([&] {
    for (int i = 0; i < kPairs; ++i) {
      const int number = kFirst + 2 * i;
      Append({{number, 2000, 1}, {number + 1, 2000, 1}});
      written = i + 1;
      if (i % 500 != 499) continue;
      const auto frozen = head_->Freeze().ValueOrDie();
      if (drops) head_->DropFrozen(*frozen, true);
    }
  });
  const std::vector<std::vector<Matcher>> wide = {
      {Matcher::Make(MatchType::kRegex, "pod", "pod-[0-9]*[0-9]").ValueOrDie()}};
  for (int before = 0; before < kPairs;) {
    before = written;
    const HeadSnapshot snapshot = head_->Capture(wide, {.start_ms = 2000});
    std::set<std::string_view> found;
    for (const HeadSeries& series : snapshot.series) found.insert(series.labels.bytes());
    EXPECT_EQ(found.size(), snapshot.series.size());
    EXPECT_EQ(found.size() % 2, 0u);
    if (!drops) {
      EXPECT_GE(found.size(), 2 * static_cast<size_t>(before));
    }
  }
  writer.join();
}
INSTANTIATE_TEST_SUITE_P(KeptAndDropped, WideCaptureTest, testing::Bool());

TEST_F(HeadTest, DamagedRecordsAreErrorsNotCrashes) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> bytes(random() % 80);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % (i % 2 == 0 ? 256 : 6));
    RecordView record;
    record.position = {.segment = 1, .offset_bytes = 64};
    record.type = static_cast<uint8_t>(i % 5);
    record.payload = bytes;
    (void)head_->Replay(record, 0);
  }
}

}  // namespace
}  // namespace larnax::head
