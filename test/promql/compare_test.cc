#include "test/promql/compare.h"

#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/matchers.h"

namespace larnax::promqltest {
namespace {

using test::HasMessage;
using test::IsOk;

EvalCommand Eval(std::string_view text) {
  return std::get<EvalCommand>(ParseScript(text).ValueOrDie().at(0).what);
}

// An answer of the values of series lines, at times 0, 60 s, ...
QueryResult Answer(QueryValueType type, const std::vector<std::string>& lines) {
  QueryResult result;
  result.type = type;
  for (const std::string& line : lines) {
    const SeriesHead head = ParseSeriesHead(line).ValueOrDie();
    QuerySeries series;
    series.labels = head.labels;
    TimestampVector times;
    int64_t time_ms = 0;
    for (const SeriesItem& item : ParseItems(head.items).ValueOrDie()) {
      if (item.histogram != nullptr) {
        series.histograms.push_back(
            {time_ms, std::make_shared<const NativeHistogram>(item.histogram->ToNative())});
      } else if (!item.is_gap) {
        times.push_back(time_ms);
        series.value.push_back(item.value);
      }
      time_ms += 60'000;
    }
    series.time_ms = std::make_shared<const TimestampVector>(std::move(times));
    result.series.push_back(std::move(series));
  }
  return result;
}

QueryResult Vector(const std::vector<std::string>& lines) {
  return Answer(QueryValueType::kVector, lines);
}
QueryResult Matrix(const std::vector<std::string>& lines) {
  return Answer(QueryValueType::kMatrix, lines);
}

TEST(AlmostEqual, AllowsRounding) {
  EXPECT_TRUE(AlmostEqual(1, 1 + 1e-7));
  EXPECT_FALSE(AlmostEqual(1, 1 + 1e-5));
  EXPECT_FALSE(AlmostEqual(0, 1e-300));
  EXPECT_TRUE(AlmostEqual(0, -0.0));
  EXPECT_TRUE(AlmostEqual(INFINITY, INFINITY));
  EXPECT_FALSE(AlmostEqual(INFINITY, -INFINITY));
  EXPECT_TRUE(AlmostEqual(std::nan(""), std::nan("7")));
  EXPECT_FALSE(AlmostEqual(std::nan(""), 1));
  EXPECT_FALSE(AlmostEqual(std::nan(""), std::bit_cast<double>(kStaleBits)));
}

TEST(CompareAnswer, MatchesVectorsByLabels) {
  const EvalCommand eval = Eval("eval instant at 0 x\n  a 1\n  b 2");
  EXPECT_THAT(CompareAnswer(eval, Vector({"b 2", "a 1"})), IsOk());
  EXPECT_THAT(CompareAnswer(eval, Vector({"a 1"})), HasMessage("missing: b"));
  EXPECT_THAT(CompareAnswer(eval, Vector({"a 1", "b 2", "c 3"})), HasMessage("not expected: c 3"));
  EXPECT_THAT(CompareAnswer(eval, Vector({"a 1", "b 3"})), HasMessage("expected 2, got 3"));
  EXPECT_THAT(CompareAnswer(eval, Vector({"a 1", "b {{}}"})), HasMessage("expected 2, got {"));
  EXPECT_FALSE(CompareAnswer(eval, Matrix({"a 1", "b 2"})).ok());
}

TEST(CompareAnswer, LooksAtTheOrderOnlyWhenAsked) {
  const EvalCommand eval = Eval("eval_ordered instant at 0 x\n  a 1\n  b 2");
  EXPECT_THAT(CompareAnswer(eval, Vector({"a 1", "b 2"})), IsOk());
  EXPECT_THAT(CompareAnswer(eval, Vector({"b 2", "a 1"})), HasMessage("expected at place 2"));
}

TEST(CompareAnswer, ComparesTheHintOnlyWhenNamed) {
  const EvalCommand unnamed = Eval("eval instant at 0 x\n  a {{count:1}}");
  const EvalCommand named = Eval("eval instant at 0 x\n  a {{count:1 counter_reset_hint:reset}}");
  const QueryResult gauge = Vector({"a {{count:1 buckets:[0] counter_reset_hint:gauge}}"});
  EXPECT_THAT(CompareAnswer(unnamed, gauge), IsOk());
  EXPECT_THAT(CompareAnswer(named, gauge), HasMessage("hint=gauge"));
}

TEST(CompareAnswer, ComparesPointsOfAMatrix) {
  const EvalCommand eval = Eval("eval range from 0 to 2m step 1m x\n  a 1 _ {{count:3}}");
  EXPECT_THAT(CompareAnswer(eval, Matrix({"a 1 _ {{count:3}}"})), IsOk());
  EXPECT_THAT(CompareAnswer(eval, Matrix({"a 1 2 {{count:3}}"})), HasMessage("at 60000 ms"));
  EXPECT_THAT(CompareAnswer(eval, Matrix({"a 1"})), HasMessage("expected 2 points, got 1"));
  const EvalCommand two = Eval("eval range from 0 to 0 step 1m x\n  a 1\n  a{b=\"1\"} 1");
  EXPECT_THAT(CompareAnswer(two, Matrix({"a 1", "a{b=\"1\"} 1"})), IsOk());
  EXPECT_THAT(CompareAnswer(two, Matrix({"a{b=\"1\"} 1", "a 1"})), HasMessage("not sorted"));
}

TEST(CompareAnswer, ComparesScalarsAndStrings) {
  const QueryResult scalar = Answer(QueryValueType::kScalar, {"{} 5"});
  EXPECT_THAT(CompareAnswer(Eval("eval instant at 0 5\n 5"), scalar), IsOk());
  EXPECT_THAT(CompareAnswer(Eval("eval instant at 0 5\n {} 5"), scalar), IsOk());
  EXPECT_THAT(CompareAnswer(Eval("eval instant at 0 5\n 6"), scalar), HasMessage("expected 6"));
  EXPECT_FALSE(CompareAnswer(Eval("eval instant at 0 5\n 5"), Vector({"{} 5"})).ok());
  QueryResult string;
  string.type = QueryValueType::kString;
  string.text = "a";
  EXPECT_THAT(CompareAnswer(Eval("eval instant at 0 x\n expect string \"a\""), string), IsOk());
  EXPECT_FALSE(CompareAnswer(Eval("eval instant at 0 x\n expect string \"b\""), string).ok());
}

TEST(CompareMiddleStep, LooksAtOneTime) {
  const EvalCommand eval = Eval("eval instant at 1m x\n  a 2");
  EXPECT_THAT(CompareMiddleStep(eval, 60'000, Matrix({"a 1 2 3", "b 1 _ 1"}), false), IsOk());
  EXPECT_FALSE(CompareMiddleStep(eval, 60'000, Matrix({"a 2 1 2"}), false).ok());
}

TEST(CompareAnnotations, WantsEachExpectedAndEachGot) {
  QueryResult result;
  result.warnings = {"w1", "w2"};
  EXPECT_THAT(CompareAnnotations(Eval("eval instant at 0 x\n expect warn"), result), IsOk());
  EXPECT_THAT(CompareAnnotations(Eval("eval instant at 0 x"), result), IsOk());
  EXPECT_THAT(CompareAnnotations(Eval("eval instant at 0 x\n expect no_info"), result), IsOk());
  EXPECT_THAT(CompareAnnotations(Eval("eval instant at 0 x\n expect no_warn"), result),
              HasMessage("warning not expected: w1"));
  EXPECT_THAT(CompareAnnotations(Eval("eval instant at 0 x\n expect warn msg: w1"), result),
              HasMessage("not expected: w2"));
  EXPECT_THAT(CompareAnnotations(Eval("eval instant at 0 x\n expect info"), result),
              HasMessage("info missing: any"));
}

}  // namespace
}  // namespace larnax::promqltest
