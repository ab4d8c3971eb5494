#include "cli/query/question.h"

#include "test/matchers.h"

namespace larnax::cli {
namespace {

constexpr int64_t kNowMs = 1'000'000'000'000;

TEST(Question, IsOfNowWithoutATime) {
  QueryArguments arguments;
  arguments.query = "up";
  arguments.timeout = "2s";
  arguments.features = "promql-experimental-functions,promql-duration-expr";
  ASSERT_OK_AND_ASSIGN(const QueryRequest request, ReadQuestion(arguments, kNowMs));
  EXPECT_EQ(request.text, "up");
  EXPECT_EQ(request.start_ms, kNowMs);
  EXPECT_EQ(request.step_ms, 0);
  EXPECT_EQ(request.timeout_ms, 2000);
  EXPECT_TRUE(request.features.experimental_functions);
  EXPECT_FALSE(request.features.binop_fill_modifiers);
}

TEST(Question, ReadsRanges) {
  QueryArguments arguments;
  arguments.start = "-1h";
  ASSERT_OK_AND_ASSIGN(QueryRequest request, ReadQuestion(arguments, kNowMs));
  EXPECT_EQ(request.start_ms, kNowMs - 3'600'000);
  EXPECT_EQ(request.end_ms, kNowMs);
  EXPECT_EQ(request.step_ms, 14'000);
  arguments.start = "2001-09-09T01:46:40Z";
  arguments.end = "1000000000.5";
  arguments.step = "250ms";
  ASSERT_OK_AND_ASSIGN(request, ReadQuestion(arguments, 0));
  EXPECT_EQ(request.start_ms, 1'000'000'000'000);
  EXPECT_EQ(request.end_ms, 1'000'000'000'500);
  EXPECT_EQ(request.step_ms, 250);
}

TEST(Question, RefusesWhatDoesNotGoTogether) {
  using Fields = std::vector<std::pair<std::string QueryArguments::*, std::string>>;
  const auto fails = [](const Fields& fields, const char* message) {
    QueryArguments arguments;
    for (const auto& [field, value] : fields) arguments.*field = value;
    EXPECT_THAT(ReadQuestion(arguments, kNowMs), test::HasMessage(message));
  };
  fails({{&QueryArguments::end, "now"}}, "go with --start");
  fails({{&QueryArguments::time, "now"}, {&QueryArguments::start, "-1h"}},
        "--time is of an instant query");
  fails({{&QueryArguments::start, "now"}, {&QueryArguments::end, "-1h"}},
        "--end must not be before --start");
  fails({{&QueryArguments::start, "-1h"}, {&QueryArguments::step, "0"}}, "--step must be positive");
  fails({{&QueryArguments::time, "yesterday"}}, "cannot parse");
  fails({{&QueryArguments::time, "-x"}}, "cannot parse");
  fails({{&QueryArguments::features, "all"}}, "no such feature: all");
}

}  // namespace
}  // namespace larnax::cli
