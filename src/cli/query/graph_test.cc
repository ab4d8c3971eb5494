#include "cli/query/graph.h"

#include <cmath>

#include "test/matchers.h"

namespace larnax::cli {
namespace {

QueryResult MatrixOf(std::vector<std::vector<double>> values) {
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  for (size_t i = 0; i < values.size(); ++i) {
    QuerySeries series;
    series.labels = Labels::Make({{"s", std::to_string(i)}}).ValueOrDie();
    TimestampVector times;
    for (size_t t = 0; t < values[i].size(); ++t) times.push_back(static_cast<int64_t>(t) * 1000);
    series.time_ms = std::make_shared<TimestampVector>(std::move(times));
    series.value = std::move(values[i]);
    result.series.push_back(std::move(series));
  }
  return result;
}

TEST(Graph, DrawsALineFromCornerToCorner) {
  EXPECT_EQ(DrawGraph(MatrixOf({{0, 1, 2, 3}}), {.columns = 22, .rows = 3}),
            "         3 ┤       ⣀⠔⠊\n"
            "       1.5 ┤   ⣀⠤⠒⠉\n"
            "         0 ┤⡠⠔⠉\n"
            "            1970-01-01T00:00:00.000Z 1970-01-01T00:00:03.000Z\n"
            "  ⠿ {s=\"0\"}\n");
}

TEST(Graph, LeavesGapsWhereThereAreNoNumbers) {
  const std::string whole = DrawGraph(MatrixOf({{1, 1, 1}}), {.columns = 40, .rows = 3});
  const std::string gap = DrawGraph(MatrixOf({{1, NAN, 1}}), {.columns = 40, .rows = 3});
  EXPECT_GT(whole.size(), gap.size());
  EXPECT_THAT(gap, testing::HasSubstr("1970-01-01T00:00:02.000Z"));
}

TEST(Graph, KeepsToItsSize) {
  std::vector<std::vector<double>> values(20, std::vector<double>(500));
  for (size_t s = 0; s < values.size(); ++s) {
    for (size_t i = 0; i < 500; ++i) values[s][i] = std::sin(double(i) / 20) * double(s) * 1e300;
  }
  const std::string graph =
      DrawGraph(MatrixOf(values), {.columns = 100, .rows = 10, .colors = true});
  EXPECT_EQ(std::count(graph.begin(), graph.end(), '\n'), 10 + 1 + 12 + 1);
  EXPECT_THAT(graph, testing::HasSubstr("... 8 more series"));
  EXPECT_THAT(graph, testing::HasSubstr("\x1b[33m"));
  EXPECT_THAT(graph, testing::Not(testing::HasSubstr("nan")));
}

TEST(Graph, SaysWhenThereIsNothing) {
  EXPECT_EQ(DrawGraph(MatrixOf({}), {}), "No values to draw.\n");
  EXPECT_EQ(DrawGraph(MatrixOf({{NAN, INFINITY}}), {}), "No values to draw.\n");
}

}  // namespace
}  // namespace larnax::cli
