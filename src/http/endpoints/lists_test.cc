// Names and values of labels, series and metadata over the wire.

#include "http/server_fixture.h"

namespace larnax::http {
namespace {

using testing::HasSubstr;

class ListsTest : public ServerTest {
 protected:
  void SetUp() override {
    database_.AddSeries({{"__name__", "up"}, {"job", "b"}}, {{1000, 1}});
    database_.AddSeries({{"__name__", "up"}, {"job", "a"}, {"zone", "z"}}, {{2000, 1}});
    database_.AddSeries({{"__name__", "temp"}, {"http.method", "GET"}}, {{3000, 1}});
  }
  static constexpr const char* kForm = "Content-Type: application/x-www-form-urlencoded\r\n";
};

TEST_F(ListsTest, Labels) {
  Start();
  const RawResponse response = Get("/api/v1/labels");
  EXPECT_EQ(response.Header("content-type"), "application/json");
  EXPECT_EQ(response.body,
            R"({"status":"success","data":["__name__","http.method","job","zone"]})");
  EXPECT_EQ(Get("/api/v1/labels?match[]=temp").body,
            R"({"status":"success","data":["__name__","http.method"]})");
  EXPECT_EQ(Post("/api/v1/labels", "match[]=temp&match[]=up%7Bjob%3D%22b%22%7D", kForm).body,
            R"({"status":"success","data":["__name__","http.method","job"]})");
  EXPECT_EQ(Get("/api/v1/labels?start=2&end=2").body,
            R"({"status":"success","data":["__name__","job","zone"]})");
  EXPECT_EQ(Get("/api/v1/labels?limit=1").body,
            R"({"status":"success","data":["__name__"],)"
            R"("warnings":["results truncated due to limit"]})");
  EXPECT_THAT(Get("/api/v1/labels?stats=all").Header("x-larnax-stats"),
              HasSubstr("\"filesRead\":1,"));
  EXPECT_EQ(database_.last_select().timeout_ms, 120'000);
}

TEST_F(ListsTest, LabelValues) {
  Start();
  EXPECT_EQ(Get("/api/v1/label/job/values").body, R"({"status":"success","data":["a","b"]})");
  EXPECT_EQ(Get("/api/v1/label/http.method/values").body, R"({"status":"success","data":["GET"]})");
  EXPECT_EQ(Get("/api/v1/label/http%2Emethod/values").body,
            R"({"status":"success","data":["GET"]})");
  EXPECT_EQ(Get("/api/v1/label/U__http_2e_method/values").body,
            R"({"status":"success","data":["GET"]})");
  EXPECT_EQ(Get("/api/v1/label/none/values").body, R"({"status":"success","data":[]})");
  EXPECT_EQ(Get("/api/v1/label/U__/values").status, 400);
  for (const char* path : {"/api/v1/label//values", "/api/v1/label/a/b/values",
                           "/api/v1/label/values", "/api/v1/label/:name/values2"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
}

TEST_F(ListsTest, Series) {
  Start();
  const RawResponse response = Get("/api/v1/series?match[]=up");
  EXPECT_EQ(response.body, R"({"status":"success","data":[{"__name__":"up","job":"a","zone":"z"},)"
                           R"({"__name__":"up","job":"b"}]})");
  EXPECT_THAT(Get("/api/v1/series?match[]=up&limit=1").body,
              HasSubstr("\"warnings\":[\"results truncated due to limit\"]"));
  const RawResponse missing = Get("/api/v1/series");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.body, R"({"status":"error","errorType":"bad_data",)"
                          R"("error":"no match[] parameter provided"})");
}

TEST_F(ListsTest, ListsTellWhatIsMissing) {
  database_.warnings = {"series are missing from this answer: path=x.parquet"};
  Start();
  for (const char* path :
       {"/api/v1/labels", "/api/v1/label/job/values", "/api/v1/series?match[]=up"}) {
    const RawResponse response = Get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_THAT(response.body, testing::EndsWith(R"(],"warnings":["series are missing from )"
                                                 R"(this answer: path=x.parquet"]})"))
        << path;
  }
  EXPECT_THAT(Get("/api/v1/labels?limit=1").body,
              HasSubstr(R"(path=x.parquet","results truncated due to limit"]})"));
}

TEST_F(ListsTest, Metadata) {
  database_.metadata = {
      {"a", "counter", "Help \"a\".", "s"}, {"a", "gauge", "Other.", ""}, {"b", "gauge", "", ""}};
  Start();
  EXPECT_EQ(Get("/api/v1/metadata").body,
            R"({"status":"success","data":{)"
            R"("a":[{"type":"counter","help":"Help \"a\".","unit":"s"},)"
            R"({"type":"gauge","help":"Other.","unit":""}],)"
            R"("b":[{"type":"gauge","help":"","unit":""}]}})");
  EXPECT_EQ(Get("/api/v1/metadata?metric=b").body,
            R"({"status":"success","data":{"b":[{"type":"gauge","help":"","unit":""}]}})");
  EXPECT_EQ(Get("/api/v1/metadata?limit=1&limit_per_metric=1").body,
            R"({"status":"success","data":{"a":[)"
            R"({"type":"counter","help":"Help \"a\".","unit":"s"}]}})");
  EXPECT_EQ(Get("/api/v1/metadata?metric=none").body, R"({"status":"success","data":{}})");
  EXPECT_EQ(Get("/api/v1/metadata?limit=x").status, 400);
  EXPECT_EQ(Get("/api/v1/metadata?limit=0").body, R"({"status":"success","data":{}})");
  EXPECT_EQ(Get("/api/v1/metadata?limit=-1").body, Get("/api/v1/metadata").body);
}

}  // namespace
}  // namespace larnax::http
