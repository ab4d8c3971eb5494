// What ends a query that is too much: what is counted, and how often it is asked.
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "exec/query_budget.h"
#include "exec/query_fixture.h"
#include "exec/types.h"
#include "io/clock.h"

namespace larnax::exec {
namespace {

using test::IsKind;
using test::IsOk;

constexpr int64_t kMebibyte = 1 << 20;

// 160 buckets, which is 1456 bytes or 91 samples.
NativeHistogram Wide(double count) {
  NativeHistogram histogram;
  histogram.schema = 3;
  histogram.count = histogram.sum = count * 160;
  histogram.positive_spans = {{0, 160}};
  histogram.positive.assign(160, count);
  return histogram;
}

class LimitsTest : public QueryTest {
 protected:
  // Two wide histograms, and many steps at which they are looked at.
  void LoadWide() {
    source_.Add(LabelsOf("x"), 0, Wide(1));
    source_.Add(LabelsOf("x"), kMinuteMs, Wide(3));
    source_.Add(LabelsOf("f"), kMinuteMs, 1);
  }
  static QueryRequest ManySteps(std::string text) {
    QueryRequest request;
    request.text = std::move(text);
    request.start_ms = kMinuteMs;
    request.end_ms = kMinuteMs + 1999;
    request.step_ms = 1;
    return request;
  }
};

TEST_F(LimitsTest, HistogramsTakeMemoryWhereTheyAreMade) {
  LoadWide();
  for (const char* text :
       {"x * 2", "-x", "x + x", "sum(x)", "avg(x)", "rate(x[5m])", "irate(x[5m])",
        "sum_over_time(x[5m])", "x * on () group_left () f", "rate(x[5m:1m])"}) {
    SCOPED_TRACE(text);
    QueryRequest request = ManySteps(text);
    request.features = features_;
    request.max_memory_bytes = kMebibyte;
    EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
    request.max_memory_bytes = 64 * kMebibyte;
    ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
    ASSERT_EQ(result.series.size(), 1u);
    EXPECT_EQ(result.series[0].histograms.size(), 2000u);
    EXPECT_GT(result.stats.peak_bytes, 2000 * 1456);
  }
  // What is the same at all steps is there once.
  QueryRequest request = ManySteps("x");
  request.max_memory_bytes = kMebibyte;
  EXPECT_THAT(engine_.Run(source_, request), IsOk());
}

TEST_F(LimitsTest, AHistogramThatIsChosenKeepsNoOthers) {
  constexpr int kSeries = 128;
  constexpr int kSamples = 60;
  for (int i = 0; i < kSeries; ++i) {
    const Labels labels = LabelsOf("x{i=\"" + std::to_string(i) + "\"}");
    for (int k = 0; k < kSamples; ++k) source_.Add(labels, k, Wide(1 + k));
  }
  QueryRequest request;
  request.start_ms = kMinuteMs;
  request.features = features_;
  request.max_memory_bytes = 4 * kMebibyte;
  // All of them are 11 MB, those of a batch 1.4 MB.
  request.text = "x[1m1s]";
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
  for (const char* function : {"last_over_time", "first_over_time"}) {
    request.text = function + std::string("(x[1m1s])");
    ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
    EXPECT_EQ(result.series.size(), size_t{kSeries}) << function;
  }
}

TEST_F(LimitsTest, HistogramsAreManySamples) {
  LoadWide();
  for (const char* text : {"x", "last_over_time(x[1m])", "x @ 60"}) {
    QueryRequest request = ManySteps(text);
    request.max_samples = 2000 * 91;
    EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit)) << text;
    request.max_samples = 2 * 2000 * 91 + 2 * 91;
    EXPECT_THAT(engine_.Run(source_, request), IsOk()) << text;
  }
  QueryRequest request;
  request.text = "x[5m]";
  request.start_ms = kMinuteMs;
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
  EXPECT_EQ(result.stats.peak_samples, 4 * 91);  // As they are read, and in the answer.
}

TEST(MakeHistogram, IsCountedUntilItIsFreed) {
  const auto meter = std::make_shared<MemoryMeter>();
  HistogramPtr histogram = MakeHistogram(model::FloatHistogram::FromNative(Wide(1)), meter);
  HistogramPtr other = histogram;
  histogram = nullptr;
  EXPECT_GE(meter->bytes(), 1456);
  EXPECT_EQ(other->positive.size(), 160u);
  {
    StepVector vector(10, meter);
    vector.SetAllHistograms(&vector.Add(LabelsView(), false), other);
    vector.CountRows();
    EXPECT_EQ(meter->samples(), 10 * 91);
    StepVector whole(10, meter);
    whole.Append(std::move(vector));
    whole.AddCopy(whole.series[0]);
    whole.CountRows();
    EXPECT_EQ(meter->samples(), 2 * 10 * 91);
  }
  EXPECT_EQ(meter->samples(), 0);
  other = nullptr;
  EXPECT_EQ(meter->bytes(), 0);
}

// Tells how often it is looked at: each check of a query's budget does.
class CountingClock final : public io::Clock {
 public:
  int64_t MonotonicNs() const override {
    ++reads;
    return 0;
  }
  int64_t NowMs() const override { return 0; }
  mutable int64_t reads = 0;
};

// Runs a query on one thread under a timeout; gives its status, and how often its budget asked.
std::pair<arrow::Status, int64_t> RunCounted(MemorySource* source, QueryRequest request) {
  CountingClock clock;
  Engine engine({.threads = 1, .clock = &clock});
  request.timeout_ms = 1000;
  const arrow::Status status = engine.Run(*source, request).status();
  return {status, clock.reads};
}

TEST_F(LimitsTest, LargeAggregationsAreAskedOnTheirWay) {
  constexpr int kSeries = 400;
  for (int i = 0; i < kSeries; ++i) {
    const Labels labels = LabelsOf("x{i=\"" + std::to_string(i) + "\"}");
    for (int step = 0; step < 1000; ++step) source_.Add(labels, step, i == 0 ? step : i);
  }
  source_.batch_series = kSeries;
  const auto reads_of = [&](const char* text) {
    QueryRequest request;
    request.text = text;
    request.end_ms = 999;
    request.step_ms = 1;
    request.features = features_;
    const auto [status, reads] = RunCounted(&source_, request);
    EXPECT_THAT(status, IsOk()) << text;
    return reads;
  };
  // 1000 new rows of 8000 bytes, or 400 that are gone over.
  EXPECT_GE(reads_of(R"(count_values("v", x{i="0"}))"), reads_of(R"(x{i="0"})") + 7);
  for (const char* text :
       {"topk(5, x)", "limitk(5, x)", "limit_ratio(0.5, x)", "max(x)", "sum by (i) (x)", "x + x"}) {
    // What only selects: the answer of `x` itself is asked for too.
    EXPECT_GE(reads_of(text), reads_of("absent(x)") + 3) << text;
  }
}

// Where each batch is ranked for itself, what cannot be picked goes, and what can is there once.
TEST_F(LimitsTest, RankingBatchesTakesNoMore) {
  for (int i = 0; i < 300; ++i) {
    source_.Add(LabelsOf("x{i=\"" + std::to_string(i) + "\"}"), 0, i);
  }
  source_.batch_series = 300;
  const auto peak_of = [&](const char* text) {
    QueryRequest request;
    request.text = text;
    request.end_ms = 99;
    request.step_ms = 1;
    const auto result = engine_.Run(source_, request);
    EXPECT_THAT(result.status(), IsOk()) << text;
    return result->stats.peak_samples;
  };
  const int64_t all = peak_of("topk by (i) (1, sum by (i) (x))");
  EXPECT_LT(peak_of("topk by (i) (1, sum by (i) (x) * 1)"), all + all / 2);
}

// Rows for each of many values: what is made is asked for before all of it is there.
TEST_F(LimitsTest, RowsForEachValueAreAskedForOnTheirWay) {
  for (int i = 0; i < 200; ++i) {
    const std::string number = std::to_string(i);
    source_.Add(LabelsOf(R"(target_info{job="j",instance="i",n=")" + number + "\"}"), i, 1);
  }
  for (int step = 0; step < 2000; ++step) {
    source_.Add(LabelsOf(R"(x{job="j",instance="i"})"), step, step);
    source_.Add(LabelsOf("x_seconds"), step, Wide(1 + step));
  }
  const auto reads_of = [&](const char* text) {
    QueryRequest request;
    request.text = text;
    request.end_ms = 1999;
    request.step_ms = 1;
    request.features = features_;
    const auto [status, reads] = RunCounted(&source_, request);
    EXPECT_THAT(status, IsOk()) << text;
    return reads;
  };
  // A row takes 16 kB; 200 and 2000 of them are made, and none of them is in the answer. What is
  // read for info() is asked for a few times less often than by itself, its rows three times.
  EXPECT_GE(reads_of("absent(info(x))"),
            reads_of("absent(x)") + reads_of("absent(target_info)") - 2);
  EXPECT_GE(reads_of(R"(absent(histogram_quantiles(x_seconds, "q", time() / 2)))"),
            reads_of("absent(x_seconds)") + 20);
}

TEST_F(LimitsTest, WideWindowsAreAskedOnTheirWay) {
  for (int i = 0; i < 3000; ++i) source_.Add(LabelsOf("c_total"), i, i);
  const auto reads_of = [&](const char* text) {
    QueryRequest request;
    request.text = text;
    request.start_ms = 3000;
    request.end_ms = 5999;
    request.step_ms = 1;
    request.features.extended_range_selectors = true;
    const auto [status, reads] = RunCounted(&source_, request);
    EXPECT_THAT(status, IsOk()) << text;
    return reads;
  };
  // 3000 windows of at most 3000 samples.
  EXPECT_GE(reads_of("rate(c_total[1h] anchored)"), reads_of("c_total") + 5);
  EXPECT_GE(reads_of("increase(c_total[1h] smoothed)"), reads_of("c_total") + 5);
}

TEST_F(LimitsTest, AnswersAreCounted) {
  // Few samples that stand for many steps, of no two series the same: each has times of its own.
  for (int i = 0; i < 200; ++i) source_.Add(LabelsOf("x{i=\"" + std::to_string(i) + "\"}"), i, i);
  QueryRequest request;
  request.text = "x";
  request.end_ms = 999;
  request.step_ms = 1;
  request.lookback_ms = 700;
  // 1.6 MB of rows, 2.2 MB of answer.
  request.max_memory_bytes = 2 * kMebibyte;
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
  request.max_memory_bytes = 6 * kMebibyte;
  EXPECT_THAT(engine_.Run(source_, request), IsOk());
  request.text = "absent(x)";
  request.max_memory_bytes = 2 * kMebibyte;
  EXPECT_THAT(engine_.Run(source_, request), IsOk());
}

TEST_F(LimitsTest, PicksAreCounted) {
  for (int i = 0; i < 200; ++i) source_.Add(LabelsOf("x{i=\"" + std::to_string(i) + "\"}"), 0, i);
  QueryRequest request;
  request.end_ms = 999;
  request.step_ms = 1;
  request.text = "bottomk(200, x)";
  // 1.6 MB of samples, and twice as much for the picks.
  request.max_memory_bytes = 4 * kMebibyte;
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
  request.text = "bottomk(2, x)";
  EXPECT_THAT(engine_.Run(source_, request), IsOk());
}

TEST_F(LimitsTest, AnyTimeoutIsOne) {
  source_.Add(LabelsOf("x"), 0, 1.0);
  QueryRequest request;
  request.text = "x";
  for (const int64_t timeout_ms :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::max() / 1'000'000}) {
    request.timeout_ms = timeout_ms;
    EXPECT_THAT(engine_.Run(source_, request), IsOk()) << timeout_ms;
  }
}

TEST_F(LimitsTest, SubqueriesOfAllTimeAreTooLong) {
  QueryRequest request;
  request.text = "sum_over_time(x[290y:1m])";
  request.start_ms = -(int64_t{1} << 62);
  request.end_ms = (int64_t{1} << 62) - 1;
  request.step_ms = int64_t{1} << 60;
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
}

}  // namespace
}  // namespace larnax::exec
