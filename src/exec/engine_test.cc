#include "exec/engine.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>

#include "exec/query_fixture.h"
#include "io/sim_clock.h"

namespace larnax::exec {
namespace {

using test::HasMessage;
using test::IsKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using EngineTest = QueryTest;

TEST_F(EngineTest, SelectorLooksBackAndEndsAtStaleMarkers) {
  Load({R"(x{a="1"} 1 2 stale _ 5)", R"(x{a="2"} 7)"}, &source_);
  EXPECT_THAT(Range("x", 8), ElementsAre(R"({__name__="x", a="1"} 1 2 _ _ 5 5 5 5)",
                                         R"({__name__="x", a="2"} 7 7 7 7 7 _ _ _)"));
  EXPECT_THAT(Instant("x offset 1m", 1),
              ElementsAre(R"({__name__="x", a="1"} 1)", R"({__name__="x", a="2"} 7)"));
}

TEST_F(EngineTest, MatrixHasRawTimes) {
  Load({R"(x{b="1"} 1 2 stale 4)", R"(x{a="1"} _ _ h3)"}, &source_);
  QueryRequest request;
  request.text = "x[3m]";
  request.start_ms = 3 * kMinuteMs + 1;
  EXPECT_THAT(Run(request, {kMinuteMs, 2 * kMinuteMs, 3 * kMinuteMs}),
              ElementsAre(R"({__name__="x", a="1"} _ h3 _)", R"({__name__="x", b="1"} 2 _ 4)"));
  EXPECT_EQ(last_.type, QueryValueType::kMatrix);
  // Steps of a subquery are multiples of its step, and its window is open at the start too.
  request.text = "(-x{b=\"1\"})[2m:1m] offset 1m30s";
  EXPECT_THAT(Run(request, {0, kMinuteMs, 90'000}), ElementsAre(R"({b="1"} -1 -2 _)"));
  request.text = "(-x{b=\"1\"})[2m:1m] offset 1m";
  EXPECT_THAT(Run(request, {0, kMinuteMs, 2 * kMinuteMs}), ElementsAre(R"({b="1"} _ -2 _)"));
}

TEST_F(EngineTest, RangesSlideOverLeftOpenWindows) {
  Load({R"(x{a="1"} 1 2 stale 4 5)"}, &source_);
  EXPECT_THAT(Range("sum_over_time(x[2m])", 6), ElementsAre(R"({a="1"} 1 3 2 4 9 5)"));
  EXPECT_THAT(Range("count_over_time(x[2m] @ 60)", 3), ElementsAre(R"({a="1"} 2 2 2)"));
  EXPECT_THAT(Range("sum_over_time(sum(x)[2m:30s])", 3), ElementsAre("{} 1 4 5"));
}

TEST_F(EngineTest, ScalarsAndStrings) {
  EXPECT_THAT(Range("time() / 60 + 2 ^ 3", 3), ElementsAre("{} 8 9 10"));
  EXPECT_EQ(last_.type, QueryValueType::kMatrix);
  EXPECT_THAT(Instant("-(7 % 4) * 2 atan2 0", 1), SizeIs(1));
  EXPECT_EQ(last_.type, QueryValueType::kScalar);
  EXPECT_THAT(Instant(R"(("text"))", 1), IsEmpty());
  EXPECT_EQ(last_.text, "text");
}

TEST_F(EngineTest, AnswersDoNotDependOnThreads) {
  std::vector<std::string> lines;
  for (int i = 0; i < 300; ++i) {
    std::string line = "x{g=\"" + std::to_string(i % 7) + "\",i=\"" + std::to_string(i) + "\"}";
    for (int j = 0; j < 50; ++j) line += " " + std::to_string(std::sin(i * 50 + j) * 1e6 / 3);
    lines.push_back(std::move(line));
  }
  Load(lines, &source_);
  for (const char* text :
       {"sum by (g) (x)", "avg(rate(x[5m]))", "x * 3 > 1", "topk(3, x)", "stddev without (i) (x)",
        "sum by (g) (abs(-x)) / on (g) count by (g) (x)"}) {
    source_.batch_series = 100;
    ASSERT_OK_AND_ASSIGN(const QueryResult one, engine_.Run(source_, RangeOf(text, 40)));
    source_.batch_series = 5;
    Engine four({.threads = 4});
    ASSERT_OK_AND_ASSIGN(const QueryResult other, four.Run(source_, RangeOf(text, 40)));
    ASSERT_EQ(one.series.size(), other.series.size()) << text;
    for (size_t i = 0; i < one.series.size(); ++i) {
      EXPECT_EQ(one.series[i].labels, other.series[i].labels) << text;
      EXPECT_EQ(one.series[i].value, other.series[i].value) << text;
    }
  }
}

TEST_F(EngineTest, EqualWarningsStandWhereTheLastIs) {
  Load({"x 1"}, &source_);
  for (const char* text : {"quantile(2, quantile(2, x))", "quantile(2, (quantile(2, x)))"}) {
    QueryRequest request;
    request.text = text;
    ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
    EXPECT_THAT(
        result.warnings,
        ElementsAre("PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"))
        << text;
  }
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, {}, [](double x) { return std::bit_cast<uint64_t>(x); },
      [](double x) { return std::bit_cast<uint64_t>(x); });
}

// Where there are many, ranges of steps have threads of their own, or each batch is ranked first.
TEST_F(EngineTest, RanksDoNotDependOnThreads) {
  std::vector<std::string> lines;
  for (int i = 0; i < 600; ++i) {
    std::string line = "x{a=\"" + std::to_string(i) + "\",g=\"" + std::to_string(i % 2) + "\"}";
    for (int j = 0; j < 60; ++j) {
      const int kind = (i * 31 + j * 17) % 11;
      // At some times there are ties, or nothing else.
      const double most = j % 3 == 0 ? 20 : j % 3 == 1 ? 2e6 : 0.4;
      const std::string value = std::to_string(std::round(std::sin(i * 60 + j) * most));
      line += kind == 0                  ? " _"
              : kind == 1                ? " NaN"
              : kind == 2 && i % 50 == 0 ? " h4"
                                         : " " + value;
    }
    lines.push_back(std::move(line));
  }
  Load(lines, &source_);
  Engine four({.threads = 4});
  for (const char* text :
       {"topk(3, x)", "bottomk(5, x)", "topk by (g) (2, x)", "bottomk without (a) (1, x)",
        "topk(150, x)", "topk(time() % 4, x)", "bottomk(0, x)", "sum by (g) (topk(3, x))",
        "quantile(0.3, x)", "quantile by (g) (time() % 2, x)"}) {
    QueryRequest request = RangeOf(text, 60);
    request.step_ms = kMinuteMs / 2;
    request.lookback_ms = kMinuteMs;
    source_.batch_series = 20;  // So few are ranked all together.
    ASSERT_OK_AND_ASSIGN(const QueryResult one, engine_.Run(source_, request));
    source_.batch_series = 200;  // Tasks of which each can pick on its own.
    ASSERT_OK_AND_ASSIGN(const QueryResult other, four.Run(source_, request));
    EXPECT_FALSE(one.infos.empty()) << text;
    EXPECT_EQ(one.infos, other.infos) << text;
    ASSERT_EQ(one.series.size(), other.series.size()) << text;
    for (size_t i = 0; i < one.series.size(); ++i) {
      EXPECT_EQ(one.series[i].labels, other.series[i].labels) << text;
      EXPECT_EQ(*one.series[i].time_ms, *other.series[i].time_ms) << text;
      EXPECT_TRUE(SameBits(one.series[i].value, other.series[i].value)) << text;
    }
    // What one thread finds at a step alone is what several find of all.
    for (const int64_t step : {0, 63, 64, 118}) {
      QueryRequest alone = request;
      alone.start_ms = step * request.step_ms;
      alone.step_ms = 0;
      source_.batch_series = 20;
      ASSERT_OK_AND_ASSIGN(const QueryResult instant, engine_.Run(source_, alone));
      source_.batch_series = lines.size();
      ASSERT_OK_AND_ASSIGN(const QueryResult whole, four.Run(source_, alone));
      EXPECT_EQ(Print(instant, {alone.start_ms}), Print(whole, {alone.start_ms})) << text;
      std::vector<std::string> expected;
      for (const std::string& line : Print(other, {alone.start_ms})) {
        if (!line.ends_with(" _")) expected.push_back(line);
      }
      EXPECT_THAT(Print(instant, {alone.start_ms}), testing::UnorderedElementsAreArray(expected))
          << text << " at step " << step;
    }
  }
}

// Two ways to one answer: all steps at once, and each step alone.
TEST_F(EngineTest, RangeIsAnInstantAtEveryStep) {
  Load({R"(x{g="a",i="1"} 1 3 stale 2 5 _ _ 8 13 1 4 9)", R"(x{g="a",i="2"} _ 4 4 4 NaN 3 2 1)",
        R"(x{g="b",i="1"} 5 _ _ _ _ _ _ 1 1 2 3 5)", R"(y{g="a"} 1 2 stale 3 4 5 6 7 8)",
        R"(y{g="b"} _ _ 1 1 1 _ _ 0 2 3 9)", R"(h{g="a"} h1 h3 h6 _ h10 h2 h4 h8 h9 h12)",
        R"(m{g="a"} 1 h2 h3 4 5 h6 h7 8)"},
       &source_);
  for (const char* text : {"x",
                           "x offset 90s",
                           "h",
                           "m",
                           "x @ 240",
                           "rate(x[3m])",
                           "increase(h[4m])",
                           "max_over_time(x[2m30s])",
                           "count_over_time(m[3m])",
                           "sum by (g) (x)",
                           "avg(h)",
                           "max(x)",
                           "topk(1, x)",
                           "quantile by (g) (0.3, x)",
                           "count_values(\"v\", x)",
                           "stddev(x)",
                           "x > 2",
                           "2 * x - x",
                           "x + on (g) group_left () y",
                           "y and on (g) x",
                           "x or y",
                           "x unless on (g) (y > 3)",
                           "sum_over_time(x[5m:1m])",
                           "-m",
                           "abs(x - 4)",
                           "sum_over_time(sum by (g) (x)[3m:45s] offset 30s)",
                           "scalar(y{g=\"a\"}) + x",
                           "sort(x)",
                           "absent(x{g=\"a\"})",
                           "timestamp(x)",
                           "time() - 3",
                           "minute()"}) {
    const int64_t steps = 15;
    ASSERT_OK_AND_ASSIGN(const QueryResult range, engine_.Run(source_, RangeOf(text, steps)));
    for (int64_t step = 0; step < steps; ++step) {
      QueryRequest request;
      request.text = text;
      request.start_ms = step * kMinuteMs;
      ASSERT_OK_AND_ASSIGN(const QueryResult instant, engine_.Run(source_, request));
      std::vector<std::string> expected;
      for (const std::string& line : Print(range, {request.start_ms})) {
        if (!line.ends_with(" _")) expected.push_back(line);
      }
      EXPECT_THAT(Print(instant, {request.start_ms}), testing::UnorderedElementsAreArray(expected))
          << text << " at step " << step;
    }
  }
}

TEST_F(EngineTest, ReadsEqualSelectorsOnce) {
  Load({R"(x{a="1"} 1 2 3 4)", R"(y{a="1"} 4 5 6 7)"}, &source_);
  CountingSource counting(&source_);
  ASSERT_OK(engine_.Run(counting, RangeOf("sum(x) / count(x) + max(x offset 1m)", 3)));
  ASSERT_THAT(counting.requests, SizeIs(1));
  EXPECT_EQ(counting.requests[0].range.start_ms, -6 * kMinuteMs + 1);
  EXPECT_EQ(counting.requests[0].range.end_ms, 2 * kMinuteMs);
  // A day apart: not worth reading what lies between.
  counting.requests.clear();
  ASSERT_OK(engine_.Run(counting, RangeOf("x - on (a) y - x offset 1d", 3)));
  EXPECT_THAT(counting.requests, SizeIs(3));
}

TEST_F(EngineTest, EvaluatesRepeatedExpressionsOnce) {
  Load({R"(x{a="1"} 1 2 3 4)"}, &source_);
  QueryRequest request = RangeOf("rate(x[2m]) / (rate(x[2m]) + rate(x[2m]))", 3);
  request.explain = QueryExplain::kAnalyze;
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
  int fresh = 0;
  for (const QueryPlanLine& line : result.plan) fresh += line.text == "rate(x[2m])" ? 1 : 0;
  EXPECT_EQ(fresh, 1);
  EXPECT_THAT(Print(result, {kMinuteMs, 2 * kMinuteMs}), ElementsAre(R"({a="1"} 0.5 0.5)"));
}

// Prometheus evaluates each, and a note stands where it was made last.
TEST_F(EngineTest, NotesOfRepeatedExpressionsStandAtTheLast) {
  Load({R"(x{a="1"} 1 2 3 4)"}, &source_);
  ASSERT_OK_AND_ASSIGN(const QueryResult result,
                       engine_.Run(source_, RangeOf("rate(x[2m]) / rate(x[2m])", 3)));
  ASSERT_THAT(result.infos, SizeIs(1));
  EXPECT_THAT(result.infos[0], HasSubstr("(1:20)"));
}

TEST_F(EngineTest, ExplainsWhatOperatorsPutOut) {
  Load({R"(x{a="1"} 1 2 3)", R"(x{a="2"} 1 _ 3)"}, &source_);
  QueryRequest request = RangeOf("sum by (a) (x > 1) or vector(1) @ 0", 3);
  request.text = "sum by (a) (x > 1)";
  request.explain = QueryExplain::kAnalyze;
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
  ASSERT_THAT(result.plan, SizeIs(3));
  EXPECT_EQ(result.plan[0].text, "sum by (a)");
  EXPECT_EQ(result.plan[0].samples, 3);
  EXPECT_EQ(result.plan[1].text, ">");
  EXPECT_EQ(result.plan[2].text, "x");
  EXPECT_EQ(result.plan[2].depth, 2);
  EXPECT_EQ(result.plan[2].series, 2);
  EXPECT_EQ(result.plan[2].samples, 6);
  EXPECT_EQ(result.stats.samples, 6);
  EXPECT_EQ(result.stats.samples_read, 5);
  EXPECT_EQ(result.stats.series, 2);
  EXPECT_EQ(result.stats.steps, 3);
  EXPECT_GE(result.stats.peak_samples, 5);
}

TEST_F(EngineTest, PlansWithoutReading) {
  Load({R"(x{a="1"} 1 2 3)"}, &source_);
  CountingSource counting(&source_);
  QueryRequest request = RangeOf("x", 3);
  request.explain = QueryExplain::kPlan;
  for (const char* text :
       {"sum by (a) (rate(x[2m]))", "topk(scalar(x), x)", "x @ 60 + x", "max_over_time(x[5m:1m])",
        "quantile(scalar(x), x)", "label_replace(x, \"b\", \"$1\", \"a\", \"(.*)\")", "absent(x)",
        "scalar(x)", "vector(scalar(x @ end()))", "1"}) {
    request.text = text;
    ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(counting, request));
    EXPECT_FALSE(result.plan.empty()) << text;
    EXPECT_TRUE(result.series.empty()) << text;
    EXPECT_EQ(counting.requests.size(), 0U) << text;
  }
  request.step_ms = 0;
  for (const char* text : {"x[5m]", "x[5m:1m]", "\"text\""}) {
    request.text = text;
    ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(counting, request));
    EXPECT_FALSE(result.plan.empty()) << text;
    EXPECT_EQ(counting.requests.size(), 0U) << text;
  }
}

TEST_F(EngineTest, CountsSamplesByStep) {
  Load({R"(x{a="1"} 1 2 3 4)", R"(x{a="2"} 1 _ _ 3)"}, &source_);
  using Counts = std::vector<int64_t>;
  struct Case {
    const char* text;
    Counts samples_at;
    Counts taken_at;
  };
  for (const auto& [text, samples_at, taken_at] : {
           Case{"x", {2, 2, 2, 2}, {2, 2, 2, 2}},
           Case{"sum(count_over_time(x[2m])) + 0 * sum(x)", {4, 5, 4, 5}, {4, 5, 4, 5}},
           // The same at every step: counted at each, taken once.
           Case{"x @ 60", {2, 2, 2, 2}, {2, 0, 0, 0}},
           Case{"1", {0, 0, 0, 0}, {0, 0, 0, 0}},
           // The windows of a subquery count; what is taken is inside of it.
           Case{"max_over_time(sum(x)[2m:1m])", {1, 2, 2, 2}, {2, 2, 2, 2}},
           Case{"max_over_time(sum(x)[1m:20s])", {1, 3, 3, 3}, {2, 6, 6, 6}},
           // As often as it is written, though it is evaluated once.
           Case{"sum(x) + sum(x)", {4, 4, 4, 4}, {4, 4, 4, 4}},
       }) {
    QueryRequest request = RangeOf(text, 4);
    request.step_stats = true;
    ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(source_, request));
    EXPECT_EQ(result.stats.samples_at, samples_at) << text;
    EXPECT_EQ(result.stats.samples_taken_at, taken_at) << text;
    EXPECT_EQ(result.stats.samples_taken, std::accumulate(taken_at.begin(), taken_at.end(), 0))
        << text;
    EXPECT_EQ(result.stats.samples, std::accumulate(samples_at.begin(), samples_at.end(), 0))
        << text;
    request.step_stats = false;
    ASSERT_OK_AND_ASSIGN(const QueryResult plain, engine_.Run(source_, request));
    EXPECT_TRUE(plain.stats.samples_at.empty());
    EXPECT_EQ(plain.stats.samples, result.stats.samples);
  }
}

TEST_F(EngineTest, EvaluatesWhatIsTheSameAtEveryStepOnce) {
  Load({R"(x{a="1"} 1 2 3)"}, &source_);
  CountingSource counting(&source_);
  QueryRequest request = RangeOf("x @ 60 + x", 3);
  request.explain = QueryExplain::kAnalyze;
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(counting, request));
  EXPECT_THAT(Print(result, {0, kMinuteMs, 2 * kMinuteMs}), ElementsAre(R"({a="1"} 3 4 5)"));
  ASSERT_GE(result.plan.size(), 3);
  EXPECT_EQ(result.plan[1].text, "once");
  EXPECT_EQ(result.plan[2].samples, 1);
}

TEST_F(EngineTest, RefusesWhatItCannotUnderstand) {
  EXPECT_THAT(engine_.Run(source_, RangeOf("x[5m]", 2)), IsKind(ErrorKind::kBadQuery));
  EXPECT_THAT(engine_.Run(source_, RangeOf("sum(", 2)), HasMessage("parse error"));
  QueryRequest request = RangeOf("x", 2);
  request.end_ms = -1;
  EXPECT_THAT(engine_.Run(source_, request),
              HasMessage("end timestamp must not be before start time"));
  request.step_ms = -1;
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kBadQuery));
  request = RangeOf("1", 2);
  request.end_ms = std::numeric_limits<int64_t>::max();
  request.step_ms = 1;
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
  EXPECT_THAT(engine_.Run(source_, RangeOf("max_over_time(vector(1)[100y:1ms])", 2)),
              IsKind(ErrorKind::kLimit));
}

TEST_F(EngineTest, ExtremeTimesAreNoTrouble) {
  Load({R"(x{a="1"} 1 2 3)"}, &source_);
  for (const int64_t start_ms :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    QueryRequest request;
    request.start_ms = start_ms;
    for (const char* text :
         {"x", "x offset 290y", "x offset -290y", "rate(x[290y])", "sum_over_time(x[5m:1m])"}) {
      request.text = text;
      EXPECT_THAT(engine_.Run(source_, request), test::IsOk()) << text;
    }
  }
}

TEST_F(EngineTest, LargeExpressionsAreEvaluated) {
  Load({R"(x{a="1"} 1 2 3)"}, &source_);
  for (const int terms : {900, 2000}) {
    std::string sum = "x";
    for (int i = 1; i < terms; ++i) sum += " + x";
    EXPECT_THAT(Instant(sum, 0), ElementsAre("{a=\"1\"} " + std::to_string(terms)));
  }
  // Many selectors, few levels: each is read, none is looked for among all.
  std::string tree = "x";
  for (int i = 0; i < 13; ++i) tree = "(" + tree + "+" + tree + ")";
  CountingSource counting(&source_);
  QueryRequest request;
  request.text = tree;
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Run(counting, request));
  EXPECT_THAT(Print(result, {0}), ElementsAre("{a=\"1\"} 8192"));
  EXPECT_THAT(counting.requests, SizeIs(1));
}

TEST_F(EngineTest, LimitsAreKept) {
  Load({R"(x{a="1"} 1 2 3 4 5 6 7 8)", R"(x{a="2"} 1 2 3 4 5 6 7 8)"}, &source_);
  QueryRequest request = RangeOf("x", 8);
  request.max_samples = 8;
  EXPECT_THAT(engine_.Run(source_, request),
              HasMessage("query processing would load too many samples into memory"));
  request.max_samples = 0;
  request.max_memory_bytes = 100;
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit));
  request.max_memory_bytes = 1 << 20;
  // 100,000 steps of a few series: before they are made.
  request.end_ms = 100'000;
  request.step_ms = 1;
  for (const char* text : {"x @ 0", "sum by (a) (x @ 0)"}) {
    request.text = text;
    EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kLimit)) << text;
  }
  request = RangeOf("x", 8);
  request.series_limit = 1;
  ASSERT_OK_AND_ASSIGN(const QueryResult cut, engine_.Run(source_, request));
  EXPECT_THAT(cut.series, SizeIs(1));
  EXPECT_TRUE(cut.truncated);
}

TEST_F(EngineTest, EndsWhenCancelledOrLate) {
  Load({R"(x{a="1"} 1 2)"}, &source_);
  QueryRequest request = RangeOf("sum(x)", 2);
  request.cancelled = std::make_shared<std::atomic<bool>>(true);
  EXPECT_THAT(engine_.Run(source_, request), IsKind(ErrorKind::kCancelled));
  request.cancelled = nullptr;
  request.timeout_ms = 10;
  EXPECT_OK(engine_.Run(source_, request));

  // A source that takes its time.
  class SlowSource final : public SampleSource {
   public:
    SlowSource(MemorySource* source, io::SimClock* clock) : source_(source), clock_(clock) {}
    arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& select) override {
      EXPECT_GT(select.timeout_ms, 0);
      clock_->AdvanceMs(20);
      return source_->Select(select);
    }

   private:
    MemorySource* source_;
    io::SimClock* clock_;
  };
  io::SimClock clock(0);
  SlowSource slow(&source_, &clock);
  Engine engine({.threads = 1, .clock = &clock});
  EXPECT_THAT(engine.Run(slow, request), IsKind(ErrorKind::kTimeout));
}

TEST_F(EngineTest, ErrorsOfTheSourceAreAnswers) {
  class BrokenSource final : public SampleSource {
   public:
    arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest&) override {
      return MakeError(ErrorKind::kCorrupt, "page damaged");
    }
  };
  BrokenSource broken;
  EXPECT_THAT(engine_.Run(broken, RangeOf("sum(x) / sum(x)", 2)), IsKind(ErrorKind::kCorrupt));
}

TEST_F(EngineTest, NamesGoAtOnceOrAtTheEnd) {
  Load({R"(x{a="1"} 1 2)", R"(y{a="1"} 3 4)", R"(z{a="2",__type__="gauge"} 5 6)"}, &source_);
  const std::string all = R"({__name__=~".+"})";
  EXPECT_THAT(Range("count by (__name__) (-" + all + ")", 2),
              ElementsAre("vector cannot contain metrics with the same labelset"));
  EXPECT_THAT(Range("rate(" + all + "[2m])", 2),
              ElementsAre("vector cannot contain metrics with the same labelset"));
  EXPECT_THAT(Range("z * 2", 2), ElementsAre(R"({a="2"} 10 12)"));
  features_.delayed_name_removal = true;
  EXPECT_THAT(Range("count(count by (__name__) (-" + all + "))", 2), ElementsAre("{} 3 3"));
  EXPECT_THAT(Range("-" + all, 2),
              ElementsAre("vector cannot contain metrics with the same labelset"));
  EXPECT_THAT(Range("z * 2", 2), ElementsAre(R"({a="2"} 10 12)"));
}

TEST_F(EngineTest, SeriesThatBecomeEqualAreMergedWhereTheyDoNotMeet) {
  Load({R"(x{a="1"} 1 stale)", R"(y{a="1"} _ 2 3)"}, &source_);
  EXPECT_THAT(Range(R"({__name__=~"x|y"} * 2)", 3), ElementsAre(R"({a="1"} 2 4 6)"));
  EXPECT_THAT(Range("-x or -y", 3), ElementsAre(R"({a="1"} -1 -2 -3)"));
  features_.delayed_name_removal = true;
  EXPECT_THAT(Range(R"({__name__=~"x|y"} * 2)", 3), ElementsAre(R"({a="1"} 2 4 6)"));
}

TEST_F(EngineTest, NotesSayWhere) {
  Load({R"(x{a="1"} h1 h2)", R"(x{a="2"} 1 2)"}, &source_);
  EXPECT_THAT(Range("sum(x)", 2), IsEmpty());
  EXPECT_THAT(last_.warnings,
              ElementsAre("PromQL warning: encountered a mix of histograms and floats for "
                          "aggregation (1:5)"));
  EXPECT_THAT(Range("1 +\n max(x)", 2), ElementsAre("{} 2 3"));
  EXPECT_THAT(last_.infos, ElementsAre("PromQL info: ignored histogram in max aggregation (2:6)"));
}

}  // namespace
}  // namespace larnax::exec
