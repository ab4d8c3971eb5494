#include "cli/query/answer_text.h"

#include "cli/query/query_client.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

std::string TextOf(const std::string& data) {
  return AnswerText(ReadAnswerJson(R"({"status":"success","data":)" + data + "}").ValueOrDie());
}

TEST(AnswerText, LaysOutVectors) {
  EXPECT_EQ(TextOf(R"({"resultType":"vector","result":[
              {"metric":{"__name__":"up","job":"a"},"value":[1,"1"]},
              {"metric":{},"value":[1.5,"-Inf"]},
              {"metric":{"x":"1"},"histogram":[1,{"count":"2","sum":"3.5"}]}]})"),
            "up{job=\"a\"}  1\n"
            "{}           -Inf\n"
            "{x=\"1\"}      histogram count=2 sum=3.5\n");
  EXPECT_EQ(TextOf(R"({"resultType":"vector","result":[]})"), "");
}

TEST(AnswerText, ListsPointsOfMatrices) {
  EXPECT_EQ(TextOf(R"({"resultType":"matrix","result":[{"metric":{"__name__":"up"},
              "values":[[1.001,"NaN"],[3,"2"]],"histograms":[[2,{"count":"1","sum":"1"}]]}]})"),
            "up\n"
            "  1970-01-01T00:00:01.001Z  NaN\n"
            "  1970-01-01T00:00:02.000Z  histogram count=1 sum=1\n"
            "  1970-01-01T00:00:03.000Z  2\n");
}

TEST(AnswerText, PrintsScalarsAndStrings) {
  EXPECT_EQ(TextOf(R"({"resultType":"scalar","result":[1,"0.5"]})"), "0.5\n");
  EXPECT_EQ(TextOf(R"({"resultType":"string","result":[1,"a b"]})"), "a b\n");
}

TEST(ReadAnswerJson, KeepsWarningsAndRefusesOtherThings) {
  const auto result = ReadAnswerJson(
      R"({"data":{"resultType":"vector","result":[]},"warnings":["w"],"infos":["i"]})");
  ASSERT_OK(result);
  EXPECT_EQ(result->warnings, std::vector<std::string>{"w"});
  EXPECT_EQ(result->infos, std::vector<std::string>{"i"});
  for (const char* text : {"", "[]", "{}", R"({"data":{"resultType":"vector","result":[{}]}})",
                           R"({"data":{"resultType":"scalar","result":[1,2]}})",
                           R"({"data":{"resultType":"scalar","result":[1,"x"]}})"}) {
    EXPECT_THAT(ReadAnswerJson(text), test::IsKind(ErrorKind::kCorrupt)) << text;
  }
}

TEST(PlanText, IsATree) {
  QueryResult result;
  result.plan = {{0, "sum by (job)", 2, 10, 3'000'000}, {1, "rate(x[5m])", 1000, 5000, 2'500'000}};
  result.stats.steps = 5;
  result.stats.samples_read = 12'345;
  EXPECT_EQ(PlanText(result, false), "sum by (job)\n  rate(x[5m])\n");
  const std::string text = PlanText(result, true);
  EXPECT_THAT(text, testing::HasSubstr("  rate(x[5m])  2.500 ms   1,000    5,000\n"));
  EXPECT_THAT(text, testing::HasSubstr("12,345 samples read"));
}

}  // namespace
}  // namespace larnax::cli
