#include <atomic>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "exec/functions/function_fixture.h"
#include "exec/query_budget.h"
#include "io/sim_clock.h"

namespace larnax::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Case {
  std::string call;
  std::string samples;  // 10 s apart, from 0 s on.
  int64_t time_s;
  std::string want;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.call << " of \"" << c.samples << "\" at " << c.time_s;
}

// Reads lines `call | samples | time in seconds | what it gives`; those with # are remarks.
std::vector<Case> Table(std::string_view text) {
  std::vector<Case> cases;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) {
      cell.erase(0, cell.find_first_not_of(' '));
      cell.erase(cell.find_last_not_of(' ') + 1);
      cells.push_back(cell);
    }
    LARNAX_CHECK(cells.size() == 4);
    cases.push_back({cells[0], cells[1], std::stoll(cells[2]), cells[3]});
  }
  return cases;
}

class RangeFunctionTest : public testing::TestWithParam<Case> {};

TEST_P(RangeFunctionTest, GivesTheValue) {
  const Case& c = GetParam();
  EXPECT_EQ(ValueOf(c.call, c.samples, c.time_s), c.want);
}

INSTANTIATE_TEST_SUITE_P(Rate, RangeFunctionTest, testing::ValuesIn(Table(R"(
# Windows are open on the left: the sample at 0 s is not in (0 s, 40 s].
increase(x[40s])            | 0 10 20 30 40        | 40 | 40
rate(x[40s])                | 0 10 20 30 40        | 40 | 1
delta(x[40s])               | 40 30 20 10 0        | 40 | -40
# Towards an edge farther than 1.1 gaps away, half a gap.
increase(x[100s])           | 1000 1010 1020 _ _ _ | 50 | 30
# A counter is not taken below 0: 4 at the first sample is 4 s after zero.
increase(x[100s])           | 4 14 24              | 20 | 24
delta(x[100s])              | 4 14 24              | 20 | 25
# Falls are resets: 3 to 1 counts 1.
increase(x[31s])            | 0 3 1 2              | 30 | 5
increase(x[31s])            | 5 3 1 0              | 30 | 4.133333333333334
rate(x[10s])                | 1 2 3                | 20 | -
rate(x[1m])                 | 7                    | 0 | -
rate(x[1m])                 |                      | 0 | -
increase(x[21s])            | 1 NaN 3              | 20 | 2.1
increase(x[21s])            | 1 2 NaN              | 20 | NaN
rate(x[21s])                | 1 2 Inf              | 20 | +Inf
increase(x[21s])            | -3 -2 -1             | 20 | 2.1
increase(x[21s] offset 10s) | 1 2 3 100            | 30 | 2.1
)")));

INSTANTIATE_TEST_SUITE_P(HistogramRate, RangeFunctionTest, testing::ValuesIn(Table(R"(
increase(x[31s]) | h0 h10 h20 h30 | 30 | {count:30, sum:30, (0.5,1]:30}
# After a reset what was counted before is added.
increase(x[20s]) | _ h5 h10 h4    | 30 | {count:8, sum:8, (0.5,1]:8}
rate(x[21s])     | h1 f2 c3       | 20 | -
rate(x[21s])     | h1             | 20 | -
rate(x[21s])     | 1 h2 h3        | 20 | -
# The first one does not count if the second tells of a reset.
increase(x[31s]) | _ c7 r1 h3     | 30 | {count:3.75, sum:3.75, (0.5,1]:3.75}
increase(x[30s]) | _ f1 f2 h3     | 30 | {count:3, sum:3, (0.5,1]:3}
)")));

INSTANTIATE_TEST_SUITE_P(InstantRate, RangeFunctionTest, testing::ValuesIn(Table(R"(
irate(x[1m])  | 0 10 30    | 20 | 2
irate(x[1m])  | 0 30 10    | 20 | 1
idelta(x[1m]) | 0 30 10    | 20 | -20
idelta(x[1m]) | 5          | 20 | -
idelta(x[1m]) | 1 NaN      | 20 | NaN
irate(x[1m])  | 3 h1 h11   | 20 | {count:1, sum:1, (0.5,1]:1}
irate(x[1m])  | h1 h5 3    | 20 | -
irate(x[1m])  | h1 h20 h10 | 20 | {count:1, sum:1, (0.5,1]:1}
irate(x[1m])  | h1 c1      | 20 | {count:0.1, sum:0.1, [-Inf,1]:0.1}
idelta(x[1m]) | g1 c1      | 20 | -
irate(x[1m])  | 1 _ _ 4    | 30 | 0.1
)")));

INSTANTIATE_TEST_SUITE_P(Edges, RangeFunctionTest, testing::ValuesIn(Table(R"(
# `anchored` starts from the newest sample not after the window's start.
increase(x[15s] anchored) | 1 2 4 8    | 30 | 6
increase(x[15s] anchored) | 1 2 4 8    | 25 | 2
increase(x[15s] anchored) | 9 2 4 1    | 30 | 3
rate(x[20s] anchored)     | 1 2 4 8    | 30 | 0.3
delta(x[15s] anchored)    | 9 2 4 1    | 30 | -1
increase(x[5s] anchored)  | 1 2 4 8    | 39 | -
increase(x[1m] anchored)  | _ 2        | 10 | 0
# `smoothed` reads the values at both edges off the lines between samples.
increase(x[10s] smoothed) | 0 10 30    | 15 | 15
rate(x[10s] smoothed)     | 0 10 30    | 15 | 1.5
increase(x[10s] smoothed) | 0 10 4     | 15 | 7
delta(x[10s] smoothed)    | 0 10 4     | 15 | 2
increase(x[10s] smoothed) | 5          | 5 | 0
increase(x[10s] smoothed) | _ _ _ 5 6  | 10 | -
increase(x[10s] anchored) | h1 h2 h4   | 20 | {count:2, sum:2, (0.5,1]:2}
increase(x[10s] anchored) | h1 h4 h2   | 20 | {count:2, sum:2, (0.5,1]:2}
increase(x[10s] smoothed) | h0 h10 h30 | 15 | {count:15, sum:15, (0.5,1]:15}
increase(x[10s] smoothed) | h0 h10 h4  | 15 | {count:7, sum:7, (0.5,1]:7}
rate(x[10s] smoothed)     | h0 h10 c30 | 15 | -
rate(x[10s] anchored)     | 1 h10 h30  | 20 | -
)")));

INSTANTIATE_TEST_SUITE_P(Changes, RangeFunctionTest, testing::ValuesIn(Table(R"(
changes(x[1m])           | 1 2 2 3       | 30 | 2
changes(x[1m])           | NaN NaN 1 NaN | 30 | 2
changes(x[1m])           | 0 -0          | 30 | 0
changes(x[1m])           | 5             | 30 | 0
changes(x[1m])           |               | 30 | -
changes(x[1m])           | 1 h1 h1 h2 2  | 50 | 3
changes(x[20s])          | 1 2 3 3       | 30 | 0
changes(x[20s] anchored) | 1 2 3 3       | 30 | 1
changes(x[5s] anchored)  | 1 2 3 3       | 36 | -
changes(x[20s] anchored) | h1 2 h1 h1    | 30 | 1
resets(x[1m])            | 1 2 1 0 5     | 40 | 2
resets(x[1m])            | 1 NaN 0       | 40 | 0
resets(x[1m])            | h2 h1 1 2 h3  | 40 | 3
resets(x[1m])            | h2 r3 n1      | 40 | 1
resets(x[10s] anchored)  | 3 2 1         | 20 | 1
)")));

INSTANTIATE_TEST_SUITE_P(Sums, RangeFunctionTest, testing::ValuesIn(Table(R"(
sum_over_time(x[1m])     | 1 2 3.5           | 20 | 6.5
sum_over_time(x[1m])     | 1 1e100 1 -1e100  | 30 | 2
sum_over_time(x[1m])     | 1 Inf 2           | 20 | +Inf
sum_over_time(x[1m])     | Inf -Inf          | 20 | NaN
sum_over_time(x[1m])     | 9e307 9e307 9e307 | 20 | +Inf
sum_over_time(x[1m])     | -0 -0             | 20 | 0
sum_over_time(x[1m])     | h1 h2 h4          | 20 | {count:7, sum:7, (0.5,1]:7}
sum_over_time(x[1m])     | h1 c2             | 20 | -
sum_over_time(x[1m])     | h1 2              | 20 | -
avg_over_time(x[1m])     | 1 2 6             | 20 | 3
avg_over_time(x[1m])     | 9e307 9e307 9e307 | 20 | 9e+307
avg_over_time(x[1m])     | 1 1e100 1 -1e100  | 30 | 0.5
avg_over_time(x[1m])     | 1 -Inf            | 30 | -Inf
avg_over_time(x[1m])     | NaN 1             | 30 | NaN
avg_over_time(x[1m])     | h1 h2 h3          | 20 | {count:2, sum:2, (0.5,1]:2}
stdvar_over_time(x[30s]) | 2 4 4 4 1 3       | 50 | 1.5555555555555556
stdvar_over_time(x[2m])  | 2 4 4 4 5 5 7 9   | 70 | 4
stddev_over_time(x[2m])  | 2 4 4 4 5 5 7 9   | 70 | 2
stddev_over_time(x[2m])  | 7                 | 70 | 0
stddev_over_time(x[2m])  | 1 NaN             | 70 | NaN
stddev_over_time(x[2m])  | 1 h5 3            | 70 | 1
stddev_over_time(x[2m])  | h5 h3             | 70 | -
)")));

INSTANTIATE_TEST_SUITE_P(Selections, RangeFunctionTest, testing::ValuesIn(Table(R"(
count_over_time(x[1m])       | 1 NaN h3  | 20 | 3
count_over_time(x[10s])      | 1 _ _     | 20 | -
present_over_time(x[1m])     | NaN       | 20 | 1
present_over_time(x[1m])     | h1        | 20 | 1
first_over_time(x[1m])       | h1 2      | 20 | {count:1, sum:1, (0.5,1]:1}
last_over_time(x[1m])        | h1 2      | 20 | 2
last_over_time(x[1m])        | 1 h2      | 20 | {count:2, sum:2, (0.5,1]:2}
last_over_time(x[1m])        | 1 NaN     | 20 | NaN
ts_of_first_over_time(x[1m]) | _ 1 h1    | 20 | 10
ts_of_last_over_time(x[1m])  | _ 1 h1    | 20 | 20
max_over_time(x[1m])         | 1 5 3     | 20 | 5
max_over_time(x[1m])         | NaN 5 NaN | 20 | 5
max_over_time(x[1m])         | NaN NaN   | 20 | NaN
max_over_time(x[1m])         | -0 0      | 20 | -0
min_over_time(x[1m])         | 0 -0      | 20 | 0
min_over_time(x[1m])         | 3 -Inf 5  | 20 | -Inf
min_over_time(x[1m])         | h3 2 h1   | 20 | 2
min_over_time(x[1m])         | h3        | 20 | -
ts_of_max_over_time(x[1m])   | 1 5 5 3   | 30 | 20
ts_of_min_over_time(x[1m])   | 1 0 5 0   | 30 | 30
ts_of_min_over_time(x[1m])   | NaN NaN   | 30 | 10
)")));

INSTANTIATE_TEST_SUITE_P(Quantiles, RangeFunctionTest, testing::ValuesIn(Table(R"(
quantile_over_time(0.5, x[1m])  | 3 1 2           | 20 | 2
quantile_over_time(0.25, x[1m]) | 4 1 2 3         | 30 | 1.75
quantile_over_time(0, x[1m])    | 1 NaN           | 20 | NaN
quantile_over_time(1, x[1m])    | 1 NaN           | 20 | 1
quantile_over_time(0.3, x[1m])  | -Inf -Inf       | 20 | -Inf
quantile_over_time(-1, x[1m])   | 1               | 20 | -Inf
quantile_over_time(2, x[1m])    | 1               | 20 | +Inf
quantile_over_time(NaN, x[1m])  | 1               | 20 | NaN
quantile_over_time(0.5, x[1m])  | h1 2            | 20 | 2
quantile_over_time(0.5, x[1m])  | h1              | 20 | -
mad_over_time(x[2m])            | 4 6 2 1 999 1 2 | 60 | 1
mad_over_time(x[2m])            | 1 NaN 2         | 60 | NaN
mad_over_time(x[2m])            | 5               | 60 | 0
mad_over_time(x[2m])            | h5              | 60 | -
)")));

INSTANTIATE_TEST_SUITE_P(Trends, RangeFunctionTest, testing::ValuesIn(Table(R"(
deriv(x[1m])                                    | 0 5 10     | 20 | 0.5
deriv(x[1m])                                    | 3 3 3      | 20 | 0
deriv(x[1m])                                    | Inf Inf    | 20 | NaN
deriv(x[1m])                                    | 3          | 20 | -
deriv(x[1m])                                    | 3 NaN      | 20 | NaN
deriv(x[1m])                                    | 0 h1 10    | 20 | 0.5
predict_linear(x[1m], 60)                       | 0 5 10     | 20 | 40
predict_linear(x[1m], 60)                       | 0 5 10 _ _ | 40 | 50
predict_linear(x[1m] offset 20s, 0)             | 0 5 10 _ _ | 40 | 20
predict_linear(x[1m], 60)                       | 7 7        | 20 | 7
double_exponential_smoothing(x[1m], 0.5, 0.5)   | 0 10 20 30 | 30 | 30
double_exponential_smoothing(x[1m], 0.5, 0.25)  | 1 2 4 3    | 30 | 3.8125
double_exponential_smoothing(x[1m], 0.5, 0.5)   | 1          | 30 | -
)")));

TEST(SmoothingFactorsTest, AreBetweenZeroAndOne) {
  EXPECT_EQ(ValueOf("double_exponential_smoothing(x[1m], 1, 0.5)", "1 2", 30),
            "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000");
  EXPECT_EQ(ValueOf("double_exponential_smoothing(x[1m], 0.5, -0.25)", "1 2", 30),
            "invalid trend factor. Expected: 0 < tf < 1, got: -0.250000");
}

// Every step must give what it gives alone: windows that slide along must not carry anything over.
TEST(RangeFunctionStepsTest, EveryStepIsAsIfAlone) {
  const std::string samples =
      "5 3 NaN 8 8 2 _ _ 9 1 Inf 4 4 0.1 0.2 -7 1e16 3 -0 0 5 6 7 _ _ _ 1 2";
  for (const char* call : {"rate(x[45s])",
                           "increase(x[21s])",
                           "delta(x[35s])",
                           "irate(x[45s])",
                           "changes(x[45s])",
                           "resets(x[45s])",
                           "sum_over_time(x[45s])",
                           "avg_over_time(x[45s])",
                           "min_over_time(x[45s])",
                           "max_over_time(x[25s])",
                           "ts_of_max_over_time(x[45s])",
                           "ts_of_min_over_time(x[25s])",
                           "stddev_over_time(x[45s])",
                           "quantile_over_time(0.4, x[55s])",
                           "mad_over_time(x[55s])",
                           "deriv(x[45s])",
                           "predict_linear(x[45s], 9)",
                           "increase(x[25s] anchored)",
                           "increase(x[25s] smoothed)",
                           "changes(x[15s] anchored)",
                           "last_over_time(x[15s])",
                           "count_over_time(x[45s])"}) {
    for (const int64_t step_ms : {1000, 10'000, 70'000}) {
      const TestTable table{
          .rows = {{"x_total", samples}},
          .grid = {
              .start_ms = 0, .step_ms = step_ms, .count = static_cast<size_t>(300'000 / step_ms)}};
      const TestOutcome all = Evaluate(call, table);
      ASSERT_EQ(all.rows.size(), 1) << call;
      std::string alone = "x_total:";
      for (size_t step = 0; step < table.grid.count; ++step) {
        TestTable one = table;
        one.grid = {.start_ms = table.grid.TimeAt(step)};
        const TestOutcome outcome = Evaluate(call, one);
        alone += outcome.rows.empty() ? " _" : outcome.rows[0].substr(8);
      }
      EXPECT_EQ(all.rows[0], alone) << call << " every " << step_ms;
    }
  }
}

// Long random series, so that windows slide, and several are evaluated at once.
TEST(RangeFunctionStepsTest, EveryStepOfRandomSeriesIsAsIfAlone) {
  std::mt19937_64 random(3);
  const auto value = [&](int shape) -> std::string {
    switch (shape) {
      case 0:
        return std::to_string(random() % 1000);
      case 1:
        return std::to_string(static_cast<double>(random() % 1000) / 7);
      case 2:
        return random() % 3 == 0 ? "0" : random() % 2 == 0 ? "-0" : "0.5";
      default:
        return random() % 9 == 0 ? "NaN" : random() % 30 == 0 ? "1e308" : "0.1";
    }
  };
  for (int shape = 0; shape < 4; ++shape) {
    std::string samples;
    for (int i = 0; i < 150; ++i) samples += (random() % 10 == 0 ? "_" : value(shape)) + " ";
    for (const char* call :
         {"rate(x[5m])", "sum_over_time(x[5m])", "avg_over_time(x[5m])", "stddev_over_time(x[5m])",
          "min_over_time(x[5m])", "max_over_time(x[5m])", "max_over_time(x[20m])",
          "min_over_time(x[20m])", "quantile_over_time(0.7, x[5m])", "mad_over_time(x[5m])",
          "deriv(x[5m])", "changes(x[5m])"}) {
      const TestTable table{.rows = {{"x_total", samples}},
                            .grid = {.start_ms = 0, .step_ms = 10'000, .count = 155}};
      const TestOutcome all = Evaluate(call, table);
      std::string alone = "x_total:";
      for (size_t step = 0; step < table.grid.count; ++step) {
        TestTable one = table;
        one.grid = {.start_ms = table.grid.TimeAt(step)};
        const TestOutcome outcome = Evaluate(call, one);
        alone += outcome.rows.empty() ? " _" : outcome.rows[0].substr(8);
      }
      EXPECT_EQ(all.rows.at(0), alone) << call << " shape " << shape;
    }
  }
}

TEST(LongWindowsTest, AskWhetherTheQueryMayGoOn) {
  std::string samples;
  for (int i = 0; i < 3000; ++i) samples += i % 2 == 0 ? "0.1 " : "0.3 ";
  QueryRequest request;
  request.cancelled = std::make_shared<std::atomic<bool>>(true);
  const io::SimClock clock;
  const QueryBudget budget(request, clock);
  const TestTable table{.rows = {{"x_total", samples}},
                        .grid = {.start_ms = 0, .step_ms = 10'000, .count = 3000},
                        .budget = &budget};
  for (const char* call :
       {"sum_over_time(x[1d])", "stddev_over_time(x[1d])", "deriv(x[1d])", "rate(x[1d])",
        "mad_over_time(x[1d])", "double_exponential_smoothing(x[1d], 0.5, 0.5)"}) {
    EXPECT_THAT(Evaluate(call, table).status, test::IsKind(ErrorKind::kCancelled)) << call;
  }
  EXPECT_OK(Evaluate("count_over_time(x[1d])", table).status);
}

TestOutcome At(std::string_view call, std::string_view samples, int64_t time_s,
               std::string_view metric = "x_total") {
  return Evaluate(call, {.rows = {{std::string(metric), std::string(samples)}},
                         .grid = {.start_ms = time_s * 1000}});
}

TEST(RangeNotesTest, MixesOfFloatsAndHistograms) {
  const char* const mixed =
      "PromQL warning: encountered a mix of histograms and floats for metric name \"x_total\" ";
  for (const char* call : {"rate(x[1m])", "irate(x[1m])", "delta(x[1m] anchored)"}) {
    const TestOutcome outcome = At(call, "1 h2", 20);
    const size_t column = std::string(call).find('x') + 1;
    EXPECT_THAT(outcome.warnings, ElementsAre(mixed + ("(1:" + std::to_string(column) + ")")));
  }
  EXPECT_THAT(At("sum_over_time(x[1m])", "1 h2", 20).warnings,
              ElementsAre(std::string(mixed) + "(1:15)"));
  const char* const ignored =
      "PromQL info: ignored histograms in a range containing both floats and histograms for metric "
      "name \"x_total\" ";
  for (const char* call : {"max_over_time((x[1m]))", "mad_over_time(( x[1m]))"}) {
    const size_t column = std::string(call).find("x[") + 1;
    EXPECT_THAT(At(call, "1 h2", 20).infos,
                ElementsAre(ignored + ("(1:" + std::to_string(column) + ")")));
  }
  EXPECT_THAT(At("deriv(x[1m])", "1 h2", 20).infos, ElementsAre(std::string(ignored) + "(1:7)"));
  EXPECT_THAT(At("quantile_over_time(0.5, x[1m])", "1 h2", 20).infos,
              ElementsAre(std::string(ignored) + "(1:20)"));
  EXPECT_THAT(At("deriv(x[1m])", "h1 h2", 20).infos, IsEmpty());
  EXPECT_THAT(At("last_over_time(x[1m])", "1 h2", 20).infos, IsEmpty());
}

TEST(RangeNotesTest, HintsAndLayoutsOfHistograms) {
  EXPECT_THAT(
      At("rate(x[1m])", "h1 g2 h3", 20).warnings,
      ElementsAre("PromQL warning: this native histogram metric is not a counter: \"x_total\" "
                  "(1:6)"));
  EXPECT_THAT(
      At("delta(x[1m])", "g1 h2", 20).warnings,
      ElementsAre("PromQL warning: this native histogram metric is not a gauge: \"x_total\" "
                  "(1:7)"));
  EXPECT_THAT(At("delta(x[1m])", "g1 g2", 20).warnings, IsEmpty());
  EXPECT_THAT(At("idelta(x[1m])", "h1 g2", 20).warnings,
              ElementsAre("PromQL warning: this native histogram metric is not a gauge: "
                          "\"x_total\" (1:8)"));
  EXPECT_THAT(At("rate(x[1m])", "h1 g2 c3", 20).warnings,
              ElementsAre("PromQL warning: vector contains a mix of histograms with exponential "
                          "and custom buckets schemas for metric name \"x_total\" (1:6)"));
  EXPECT_THAT(
      At("increase(x[1m])", "c1 d2", 20).infos,
      ElementsAre("PromQL info: mismatched custom buckets were reconciled during subtraction "
                  "(1:10)"));
  EXPECT_THAT(
      At("sum_over_time(x[1m])", "c1 d2", 20).infos,
      ElementsAre("PromQL info: mismatched custom buckets were reconciled during aggregation "
                  "(1:15)"));
  EXPECT_THAT(At("avg_over_time(x[1m])", "r1 n2", 20).warnings,
              ElementsAre("PromQL warning: conflicting counter resets during histogram aggregation "
                          "(1:15)"));
}

TEST(RangeNotesTest, NamesOfCounters) {
  EXPECT_THAT(At("rate(x[1m])", "1 2", 20, "memory").infos,
              ElementsAre("PromQL info: metric might not be a counter, name does not end in "
                          "_total/_sum/_count/_bucket: \"memory\" (1:6)"));
  EXPECT_THAT(At("rate(x[1m:10s])", "1 2", 20, "memory").infos,
              ElementsAre(testing::EndsWith("\"memory\" (1:1)")));
  EXPECT_THAT(At("delta(x[1m])", "1 2", 20, "memory").infos, IsEmpty());
  EXPECT_THAT(At("rate(x[1m])", "h1 h2", 20, "memory").infos, IsEmpty());
  EXPECT_THAT(At("rate(x[1m])", "1", 20, "memory").infos, IsEmpty());
  EXPECT_THAT(At("rate(x[1m])", "1 2", 20, "{a=\"b\"}").infos, IsEmpty());
  for (const char* name : {"a_total", "a_sum", "a_count", "a_bucket"}) {
    EXPECT_THAT(At("increase(x[1m])", "1 2", 20, name).infos, IsEmpty()) << name;
  }
  TestTable table{.rows = {{"x{__type__=\"gauge\"}", "1 2"}, {"y{__type__=\"counter\"}", "1 2"}},
                  .grid = {.start_ms = 20'000}};
  table.features.type_and_unit_labels = true;
  EXPECT_THAT(Evaluate("rate(x[1m])", table).infos,
              ElementsAre("PromQL info: metric might not be a counter, __type__ label is not set "
                          "to \"counter\" or \"histogram\", got \"gauge\": \"x\" (1:6)"));
}

TEST(RangeNotesTest, QuantilesOutOfRange) {
  EXPECT_THAT(At("quantile_over_time(1.5, x[1m])", "1 2", 20).warnings,
              ElementsAre("PromQL warning: quantile value should be between 0 and 1, got 1.5 "
                          "(1:20)"));
  EXPECT_THAT(At("quantile_over_time(1.5, x[1m])", "h1", 20).warnings, IsEmpty());
}

TEST(StartTimesTest, TellOfResets) {
  const auto value = [](const char* call, const char* samples, const char* starts, int64_t time_s) {
    const TestOutcome outcome = Evaluate(
        call, {.rows = {{"x_total", samples, starts}}, .grid = {.start_ms = time_s * 1000}});
    return outcome.rows.empty() ? "-" : outcome.rows[0].substr(9);
  };
  // Rising, but begun anew between the samples.
  EXPECT_EQ(value("increase(x[30s])", "_ 1 2 3", "_ _ 5 15", 30), "4");
  EXPECT_EQ(value("increase(x[30s])", "_ 1 2 3", "_ _ _ _", 30), "3");
  EXPECT_EQ(value("resets(x[30s])", "_ 1 2 3", "_ _ 5 15", 30), "1");
  EXPECT_EQ(value("irate(x[30s])", "_ 1 2 3", "_ _ _ 5", 30), "0.3");
  // Deltas begin at the sample before; unknown starts are at the sample itself.
  EXPECT_EQ(value("increase(x[30s])", "_ _ 4 4 4", "_ _ 10 10 10", 40), "12");
  EXPECT_EQ(value("increase(x[30s])", "_ 4 4 4", "_ 0 0 0", 30), "0");
  EXPECT_EQ(value("resets(x[30s])", "_ 4 4", "_ 0 10", 30), "0");
  EXPECT_EQ(value("resets(x[30s])", "_ 4 4", "_ -5 10", 30), "0");
  // A start inside the window is a zero there: one sample is enough.
  EXPECT_EQ(value("increase(x[30s])", "_ 6", "_ 5", 30), "6");
  EXPECT_EQ(value("rate(x[30s])", "_ h6", "_ 5", 30), "{count:0.2, sum:0.2, (0.5,1]:0.2}");
  EXPECT_EQ(value("increase(x[30s])", "_ 6", "_ 10", 30), "-");
  EXPECT_EQ(value("delta(x[30s])", "_ 6", "_ 5", 30), "-");
}

TEST(StartTimesTest, OverlapsAreCounted) {
  const TestTable table{.rows = {{"x_total", "1 2 3 4", "_ 20 35 50"}},
                        .grid = {.start_ms = 20'000, .step_ms = 10'000, .count = 2}};
  EXPECT_THAT(Evaluate("rate(x[25s])", table).warnings,
              ElementsAre("PromQL warning: sample has start time that overlaps with previous "
                          "sample timestamp for metric \"x_total\" (2 occurrences) (1:6)"));
  EXPECT_THAT(Evaluate("delta(x[25s])", table).warnings, IsEmpty());
}

}  // namespace
}  // namespace larnax::exec
