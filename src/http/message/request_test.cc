#include "http/message/request.h"

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

Request WithQuery(std::string query) {
  Request request;
  request.head.method = Method::kGet;
  request.head.query = std::move(query);
  EXPECT_OK(ReadParams(&request));
  return request;
}

TEST(ReadParams, PutsTheFormFirst) {
  Request request;
  request.head.method = Method::kPost;
  request.head.content_type = "application/x-www-form-urlencoded; charset=utf-8";
  request.head.query = "a=query&b=2";
  request.body = "a=form";
  ASSERT_OK(ReadParams(&request));
  EXPECT_EQ(request.params.First("a"), "form");
  EXPECT_EQ(request.params.First("b"), "2");
}

TEST(ReadParams, TakesNoOtherBodyForAForm) {
  Request request;
  request.head.method = Method::kPost;
  request.head.content_type = "application/json";
  request.body = "a=1";
  ASSERT_OK(ReadParams(&request));
  EXPECT_TRUE(request.params.empty());
}

TEST(SelectParams, ReadsAll) {
  const Request request = WithQuery(
      "match[]=up&match[]=%7Bjob%3D%22a%22%7D&start=1.5&end=1970-01-01T00:00:02Z&limit=7&timeout="
      "3s");
  ASSERT_OK_AND_ASSIGN(const SelectRequest select, SelectParams(request, 120'000));
  ASSERT_EQ(select.selectors.size(), 2);
  EXPECT_EQ(select.selectors[1][0].name(), "job");
  EXPECT_EQ(select.range.start_ms, 1500);
  EXPECT_EQ(select.range.end_ms, 2000);
  EXPECT_EQ(select.limit, 7);
  EXPECT_EQ(select.timeout_ms, 3000);
  EXPECT_EQ(select.cancelled, request.cancelled);
}

TEST(SelectParams, HasDefaults) {
  ASSERT_OK_AND_ASSIGN(const SelectRequest select, SelectParams(WithQuery(""), 120'000));
  EXPECT_TRUE(select.selectors.empty());
  EXPECT_TRUE(select.range.Contains(kMinTimeMs) && select.range.Contains(kMaxTimeMs));
  EXPECT_EQ(select.limit, 0);
  EXPECT_EQ(select.timeout_ms, 120'000);
}

TEST(SelectParams, CapsTheTimeout) {
  EXPECT_EQ(SelectParams(WithQuery("timeout=1h"), 1000).ValueOrDie().timeout_ms, 1000);
  EXPECT_EQ(SelectParams(WithQuery("timeout=1h"), 0).ValueOrDie().timeout_ms, 3'600'000);
}

TEST(SelectParams, TakesPrometheusWordsForAllTimes) {
  const Request request =
      WithQuery("start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z");
  EXPECT_OK(SelectParams(request, 0));
}

TEST(SelectParams, NamesTheParameterThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"start=x", "invalid parameter \"start\": cannot parse \"x\" to a valid timestamp"},
      {"end=x", "invalid parameter \"end\": cannot parse \"x\" to a valid timestamp"},
      {"timeout=x", "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"},
      {"timeout=0", "invalid parameter \"timeout\""},
      {"limit=-1", "invalid parameter \"limit\": limit must be non-negative"},
      {"limit=x", "invalid parameter \"limit\""},
      {"limit=1x", "invalid parameter \"limit\""},
      {"limit=99999999999999999999", "invalid parameter \"limit\""},
      {"match[]=%7B", "invalid parameter \"match[]\": 1:"},
      {"match[]=", "invalid parameter \"match[]\""},
      {"match[]=%7Ba%3D~%22.*%22%7D", "match[] must contain at least one non-empty matcher"},
      {"match[]=up&match[]=%7Ba%21%3D%22x%22%7D", "at least one non-empty matcher"},
  };
  for (const auto& [query, message] : cases) {
    const auto select = SelectParams(WithQuery(query), 0);
    EXPECT_THAT(select, test::IsKind(ErrorKind::kBadQuery)) << query;
    EXPECT_THAT(select, test::HasMessage(message)) << query;
  }
}

}  // namespace
}  // namespace larnax::http
