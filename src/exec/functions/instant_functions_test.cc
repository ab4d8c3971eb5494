#include "exec/functions/extremes.h"
#include "exec/functions/function_fixture.h"
#include "exec/functions/natural_order.h"
#include "exec/functions/replacement.h"

namespace larnax::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Case {
  const char* call;
  const char* samples;  // At 0 s.
  const char* want;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.call << " of " << c.samples; }

class InstantFunctionTest : public testing::TestWithParam<Case> {};

TEST_P(InstantFunctionTest, GivesTheValue) {
  const Case& c = GetParam();
  EXPECT_EQ(ValueOf(c.call, c.samples, 0), c.want);
}

INSTANTIATE_TEST_SUITE_P(
    Math, InstantFunctionTest,
    testing::Values(
        Case{"abs(x)", "-2.5", "2.5"}, Case{"abs(x)", "NaN", "NaN"}, Case{"abs(x)", "h1", "-"},
        Case{"ceil(x)", "-2.5", "-2"}, Case{"floor(x)", "-2.5", "-3"}, Case{"exp(x)", "-Inf", "0"},
        Case{"sqrt(x)", "-1", "NaN"}, Case{"sqrt(x)", "9", "3"}, Case{"ln(x)", "0", "-Inf"},
        Case{"log2(x)", "1024", "10"}, Case{"log10(x)", "1000", "3"}, Case{"sgn(x)", "-7", "-1"},
        Case{"sgn(x)", "NaN", "NaN"}, Case{"sgn(x)", "-0", "-0"}, Case{"deg(x)", "0", "0"},
        Case{"rad(x)", "180", "3.141592653589793"}, Case{"sin(x)", "0", "0"},
        Case{"cos(x)", "0", "1"}, Case{"tan(x)", "0", "0"}, Case{"asin(x)", "2", "NaN"},
        Case{"acos(x)", "1", "0"}, Case{"atan(x)", "0", "0"}, Case{"sinh(x)", "0", "0"},
        Case{"cosh(x)", "0", "1"}, Case{"tanh(x)", "Inf", "1"}, Case{"asinh(x)", "0", "0"},
        Case{"acosh(x)", "1", "0"}, Case{"atanh(x)", "1", "+Inf"}, Case{"round(x)", "2.5", "3"},
        Case{"round(x)", "-2.5", "-2"}, Case{"round(x, 0.1)", "1.27", "1.3"},
        Case{"round(x, 5)", "7.5", "10"}, Case{"round(x, 0)", "7.5", "NaN"},
        Case{"round(x)", "h1", "-"}, Case{"clamp(x, 0, 10)", "-3", "0"},
        Case{"clamp(x, 0, 10)", "11", "10"}, Case{"clamp(x, 0, 10)", "NaN", "NaN"},
        Case{"clamp(x, 10, 0)", "5", "-"}, Case{"clamp(x, NaN, 0)", "5", "NaN"},
        Case{"clamp_min(x, 3)", "2", "3"}, Case{"clamp_min(x, 3)", "NaN", "NaN"},
        Case{"clamp_max(x, 3)", "4", "3"}, Case{"clamp_max(x, 3)", "h4", "-"}));

INSTANTIATE_TEST_SUITE_P(
    Dates, InstantFunctionTest,
    testing::Values(
        // 2026-11-22 07:05:09, a Sunday.
        Case{"year(x)", "1795331109", "2026"}, Case{"month(x)", "1795331109", "11"},
        Case{"day_of_month(x)", "1795331109", "22"}, Case{"day_of_week(x)", "1795331109", "0"},
        Case{"day_of_year(x)", "1795331109", "326"}, Case{"hour(x)", "1795331109", "7"},
        Case{"minute(x)", "1795331109.9", "5"}, Case{"days_in_month(x)", "1795331109", "30"},
        Case{"days_in_month(x)", "1709200000", "29"}, Case{"day_of_year(x)", "1735603200", "366"},
        // Before the epoch: the fraction is cut off, not rounded down.
        Case{"year(x)", "-0.5", "1970"}, Case{"year(x)", "-1", "1969"},
        Case{"day_of_week(x)", "-86400", "3"}, Case{"month(x)", "-62135596801", "12"},
        Case{"year(x)", "-62135596801", "0"}, Case{"hour(x)", "h1", "-"},
        Case{"year(x)", "NaN", "2.92277026596e+11"}, Case{"year(x)", "Inf", "2.92277026596e+11"},
        Case{"days_in_month(x)", "1765000000", "31"}));

INSTANTIATE_TEST_SUITE_P(Histograms, InstantFunctionTest,
                         testing::Values(Case{"histogram_count(x)", "h4", "4"},
                                         Case{"histogram_sum(x)", "h4", "4"},
                                         Case{"histogram_avg(x)", "h4", "1"},
                                         Case{"histogram_avg(x)", "h0", "NaN"},
                                         Case{"histogram_count(x)", "4", "-"},
                                         // All four lie at sqrt(0.5); the mean is 1.
                                         Case{"histogram_stdvar(x)", "h4", "0.08578643762690492"},
                                         Case{"histogram_stddev(x)", "h4", "0.2928932188134524"}));

TEST(TimestampTest, IsThatOfTheSample) {
  const TestTable table{.rows = {{"x", "1 _ h3"}},
                        .grid = {.start_ms = 5000, .step_ms = 10'000, .count = 3}};
  EXPECT_THAT(Evaluate("timestamp(x)", table).rows, ElementsAre("x: 0 0 20"));
  EXPECT_THAT(Evaluate("start_timestamp(x)", table).rows, IsEmpty());
}

TEST(ExtremesTest, FollowInfinitiesThenNaN) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(MaxOf(nan, inf), inf);
  EXPECT_EQ(MinOf(-inf, nan), -inf);
  EXPECT_TRUE(std::isnan(MaxOf(nan, 1)));
  EXPECT_TRUE(std::isnan(MinOf(1, nan)));
  EXPECT_FALSE(std::signbit(MaxOf(-0.0, 0.0)));
  EXPECT_FALSE(std::signbit(MaxOf(0.0, -0.0)));
  EXPECT_TRUE(std::signbit(MinOf(0.0, -0.0)));
  EXPECT_TRUE(std::signbit(MinOf(-0.0, 0.0)));
  EXPECT_EQ(MaxOf(1, 2), 2);
  EXPECT_EQ(MinOf(1, 2), 1);
}

TEST(ScalarFunctionTest, TimesOfTheQuery) {
  const TestTable table{.rows = {}, .grid = {.start_ms = 1500, .step_ms = 10'000, .count = 3}};
  EXPECT_THAT(Evaluate("time()", table).rows, ElementsAre("{}: 1.5 11.5 21.5"));
  EXPECT_THAT(Evaluate("start()", table).rows, ElementsAre("{}: 1.5 1.5 1.5"));
  EXPECT_THAT(Evaluate("end()", table).rows, ElementsAre("{}: 21.5 21.5 21.5"));
  EXPECT_THAT(Evaluate("range()", table).rows, ElementsAre("{}: 20 20 20"));
  EXPECT_THAT(Evaluate("step()", table).rows, ElementsAre("{}: 10 10 10"));
  EXPECT_THAT(Evaluate("max_of(time(), 12)", table).rows, ElementsAre("{}: 12 12 21.5"));
  EXPECT_THAT(Evaluate("min_of(time(), 12)", table).rows, ElementsAre("{}: 1.5 11.5 12"));
  EXPECT_THAT(Evaluate("vector(time())", table).rows, ElementsAre("{}: 1.5 11.5 21.5"));
  EXPECT_THAT(Evaluate("pi()", {}).rows, ElementsAre("{}: 3.141592653589793"));
  EXPECT_THAT(Evaluate("step()", {}).rows, ElementsAre("{}: 0"));
}

TEST(ScalarFunctionTest, ScalarIsTheOnlyFloat) {
  const StepGrid grid{.start_ms = 0, .step_ms = 10'000, .count = 4};
  const TestTable table{.rows = {{"x{a=\"1\"}", "1 2 _ h1"}, {"x{a=\"2\"}", "_ 5 _ 7"}},
                        .grid = grid,
                        .lookback_ms = 1000};
  EXPECT_THAT(Evaluate("scalar(x)", table).rows, ElementsAre("{}: 1 NaN NaN 7"));
}

TEST(AbsentTest, LabelsAreThoseAskedForOnce) {
  const auto labels = [](const char* call) {
    const TestOutcome outcome = Evaluate(call, {.rows = {}});
    return outcome.rows.size() == 1 ? outcome.rows[0] : "?";
  };
  EXPECT_EQ(labels("absent(x{a=\"b\",c=~\"d\",e!=\"f\"})"), "{a=\"b\"}: 1");
  EXPECT_EQ(labels("absent((x{a=\"b\",a=\"c\",d=\"e\"}))"), "{d=\"e\"}: 1");
  EXPECT_EQ(labels("absent(x{a=\"b\",a=~\"c\"})"), "{}: 1");
  EXPECT_EQ(labels("absent(x{a=\"\"})"), "{}: 1");
  EXPECT_EQ(labels("absent_over_time(x{a=\"b\"}[5m])"), "{a=\"b\"}: 1");
  EXPECT_EQ(labels("absent(-x{a=\"b\"})"), "{}: 1");
}

TEST(AbsentTest, IsThereWhereNothingIs) {
  const TestTable table{.rows = {{"x{a=\"1\"}", "1 _ _ h4"}, {"x{a=\"2\"}", "_ _ NaN _"}},
                        .grid = {.start_ms = 0, .step_ms = 10'000, .count = 5},
                        .lookback_ms = 1000};
  EXPECT_THAT(Evaluate("absent(x)", table).rows, ElementsAre("{}: _ 1 _ _ 1"));
  EXPECT_THAT(Evaluate("absent_over_time(x[10s])", table).rows, ElementsAre("{}: _ 1 _ _ 1"));
  EXPECT_THAT(Evaluate("absent_over_time(x[2m])", table).rows, IsEmpty());
}

TEST(LabelReplaceTest, SetsWhatMatches) {
  const TestTable table{.rows = {{"x{src=\"source-10\"}", "1"}, {"x{dst=\"old\"}", "2"}}};
  const auto rows = [&](const char* call) { return Evaluate(call, table).rows; };
  EXPECT_THAT(rows("label_replace(x, 'dst', 'n-$1', 'src', 'source-(.*)')"),
              ElementsAre("x{dst=\"n-10\", src=\"source-10\"}: 1", "x{dst=\"old\"}: 2"));
  EXPECT_THAT(rows("label_replace(x, 'dst', 'n', 'src', 'source')"),
              ElementsAre("x{src=\"source-10\"}: 1", "x{dst=\"old\"}: 2"));
  EXPECT_THAT(rows("label_replace(x, 'dst', '', 'none', '')"),
              ElementsAre("x{src=\"source-10\"}: 1", "x: 2"));
  EXPECT_THAT(rows("label_replace(x, '__name__', 'y', 'src', '.+')"),
              ElementsAre("y{src=\"source-10\"}: 1", "x{dst=\"old\"}: 2"));
  const auto status = [&](const char* call) { return Evaluate(call, table).status; };
  EXPECT_THAT(status("label_replace(x, 'dst', '', 'src', '(')"),
              test::HasMessage("invalid regular expression in label_replace(): ("));
  EXPECT_THAT(status("label_replace(x, '', '', 'src', '')"),
              test::HasMessage("invalid destination label name in label_replace(): "));
  EXPECT_THAT(status("label_replace(x, '\\xff', '', 'src', '')"),
              test::IsKind(ErrorKind::kExecution));
}

TEST(LabelJoinTest, JoinsValues) {
  const TestTable table{.rows = {{"x{a=\"1\",b=\"2\"}", "1"}}};
  const auto rows = [&](const char* call) { return Evaluate(call, table).rows; };
  EXPECT_THAT(rows("label_join(x, 'c', '-', 'a', 'none', 'b')"),
              ElementsAre("x{a=\"1\", b=\"2\", c=\"1--2\"}: 1"));
  EXPECT_THAT(rows("label_join(x, 'a', ',')"), ElementsAre("x{b=\"2\"}: 1"));
  EXPECT_THAT(Evaluate("label_join(x, 'c', '-', '')", table).status,
              test::HasMessage("invalid source label name in label_join(): "));
}

TEST(ReplacementTest, Templates) {
  const auto expand = [](const char* regex, const char* replacement, const char* text) {
    const auto made = Replacement::Make(regex, replacement);
    std::string out;
    if (!made.ok()) return std::string("error");
    return made->Expand(text, &out).ValueOrDie() ? out : "no match";
  };
  EXPECT_EQ(expand("(.)(.)", "$2$1", "ab"), "ba");
  EXPECT_EQ(expand("(.)(.)", "${2}x$1y", "ab"), "bx");
  EXPECT_EQ(expand("(?P<first>.)(?<second>.)", "$second-${first}", "ab"), "b-a");
  EXPECT_EQ(expand("(.)", "$$1 $ ${1 $9 ${none} $01", "a"), "$1 $ ${1   ");
  EXPECT_EQ(expand("(.)", "$1\u00e9", "a"), "");
  EXPECT_EQ(expand("(.)", "$1\u20ac", "a"), "a\u20ac");
  EXPECT_EQ(expand("(a)|(b)", "[$1|$2]", "b"), "[|b]");
  EXPECT_EQ(expand("a", "b", "ab"), "no match");
  EXPECT_EQ(expand("a.b", "x", "a\nb"), "x");
  EXPECT_EQ(expand("", "x", ""), "x");
  EXPECT_EQ(expand("a|b", "$0", "b"), "b");
}

TEST(LabelLengthTest, IsBounded) {
  const std::string value(600'000, 'x');
  const TestTable table{.rows = {{"x{a=\"" + value + "\"}", "1"}}};
  EXPECT_OK(Evaluate("label_replace(x, 'b', '$1', 'a', '(.*)')", table).status);
  EXPECT_THAT(Evaluate("label_replace(x, 'b', '$1$1', 'a', '(.*)')", table).status,
              test::IsKind(ErrorKind::kLimit));
  EXPECT_THAT(Evaluate("label_join(x, 'b', '', 'a', 'a')", table).status,
              test::IsKind(ErrorKind::kLimit));
}

TEST(SortTest, ByValueWithNaNLast) {
  const TestTable table{.rows = {{"x{a=\"1\"}", "3"},
                                 {"x{a=\"2\"}", "NaN"},
                                 {"x{a=\"3\"}", "1"},
                                 {"x{a=\"4\"}", "h9"},
                                 {"x{a=\"5\"}", "2"}}};
  EXPECT_THAT(Evaluate("sort(x)", table).rows,
              ElementsAre("x{a=\"3\"}: 1", "x{a=\"5\"}: 2", "x{a=\"1\"}: 3", "x{a=\"2\"}: NaN"));
  EXPECT_THAT(Evaluate("sort_desc(x)", table).rows,
              ElementsAre("x{a=\"1\"}: 3", "x{a=\"5\"}: 2", "x{a=\"3\"}: 1", "x{a=\"2\"}: NaN"));
  EXPECT_THAT(Evaluate("sort(x)", table).warnings, IsEmpty());
}

TEST(SortTest, ByLabelsAsPeopleDo) {
  const TestTable table{.rows = {{"x{a=\"10\",b=\"1\"}", "1"},
                                 {"x{a=\"9\",b=\"2\"}", "h2"},
                                 {"x{a=\"10\",b=\"0\"}", "3"}}};
  EXPECT_THAT(Evaluate("sort_by_label(x, 'a')", table).rows[0],
              testing::StartsWith("x{a=\"9\", b=\"2\"}"));
  EXPECT_THAT(Evaluate("sort_by_label(x, 'a')", table).rows[1], "x{a=\"10\", b=\"0\"}: 3");
  EXPECT_THAT(Evaluate("sort_by_label_desc(x, 'a')", table).rows[0], "x{a=\"10\", b=\"1\"}: 1");
}

TEST(SortTest, WarnsInRangeQueries) {
  const TestTable table{.rows = {{"x{a=\"1\"}", "3"}, {"x{a=\"2\"}", "h1"}},
                        .grid = {.start_ms = 0, .step_ms = 1000, .count = 2}};
  for (const char* call : {"sort(x)", "sort_by_label(x, 'a')"}) {
    EXPECT_THAT(Evaluate(call, table).warnings,
                ElementsAre("PromQL warning: sort is ineffective for range queries since results "
                            "are always ordered by labels (1:1)"));
  }
  EXPECT_THAT(Evaluate("sort(x)", table).rows, ElementsAre("x{a=\"1\"}: 3 3"));
}

TEST(NaturalOrderTest, NumbersCountAsNumbers) {
  const std::vector<std::string> ascending = {"",
                                              "1",
                                              "01",
                                              "2",
                                              "10",
                                              "a",
                                              "a1",
                                              "a2",
                                              "a10",
                                              "a10b2",
                                              "a10b10",
                                              "a99999999999999999999",
                                              "a100000000000000000000",
                                              "b"};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      const int order = CompareNaturally(ascending[i], ascending[j]);
      if (ascending[i] == "1" && ascending[j] == "01") {
        EXPECT_GT(order, 0);
      } else if (ascending[i] == "01" && ascending[j] == "1") {
        EXPECT_LT(order, 0);
      } else {
        EXPECT_EQ(order < 0, i < j) << ascending[i] << " " << ascending[j];
        EXPECT_EQ(order == 0, i == j);
      }
    }
  }
}

TEST(RegistryTest, KnowsEveryFunction) {
  for (const promql::FunctionSignature& signature : promql::AllFunctions()) {
    const Function* function = FindFunctionKernel(signature.name);
    ASSERT_NE(function, nullptr) << signature.name;
    EXPECT_EQ(function->name, signature.name);
    const bool matrix = std::find(signature.args.begin(), signature.args.end(),
                                  promql::ValueType::kMatrix) != signature.args.end();
    EXPECT_EQ(function->range != nullptr, matrix) << signature.name;
    EXPECT_EQ(function->scalar != nullptr, signature.result == promql::ValueType::kScalar)
        << signature.name;
  }
  EXPECT_EQ(FindFunctionKernel("nothing"), nullptr);
}

}  // namespace
}  // namespace larnax::exec
