// Endpoints asked over the wire: what they ask of the database and how they answer. Writes, lists
// and queries have tests of their own.

#include <algorithm>
#include <future>
#include <latch>

#include "http/server_fixture.h"
#include "larnax/error.h"
#include "larnax/version.h"

namespace larnax::http {
namespace {

using testing::HasSubstr;
using testing::Not;

class EndpointsTest : public ServerTest {
 protected:
  void SetUp() override {
    database_.AddSeries({{"__name__", "up"}, {"job", "b"}}, {{1000, 1}});
    database_.AddSeries({{"__name__", "up"}, {"job", "a"}, {"zone", "z"}}, {{2000, 1}});
    database_.AddSeries({{"__name__", "temp"}, {"http.method", "GET"}}, {{3000, 1}});
  }
};

TEST_F(EndpointsTest, Samples) {
  Start();
  EXPECT_EQ(Get("/api/v1/samples?match[]=temp").body,
            R"({"status":"success","data":{"resultType":"matrix","result":[)"
            R"({"metric":{"__name__":"temp","http.method":"GET"},"values":[[3,"1"]]}]}})");
  const RawResponse csv = Get("/api/v1/samples?match[]=temp", "Accept: text/csv\r\n");
  EXPECT_EQ(csv.Header("content-type"), "text/csv; charset=utf-8; header=present");
  EXPECT_EQ(csv.body,
            "metric,http.method,other_labels,timestamp,value,stale,start_timestamp,histogram\n"
            "temp,GET,,1970-01-01T00:00:03.000Z,1,false,,\n");
  const RawResponse arrow = Get("/api/v1/samples?match[]=temp&format=arrow");
  EXPECT_EQ(arrow.Header("content-type"), "application/vnd.apache.arrow.stream");
  EXPECT_TRUE(arrow.body.starts_with("\xff\xff\xff\xff"));
  EXPECT_EQ(Get("/api/v1/samples?match[]=temp&format=json", "Accept: text/csv\r\n")
                .Header("content-type"),
            "application/json");
  EXPECT_EQ(database_.last_select().timeout_ms, 0);
}

TEST_F(EndpointsTest, SamplesAreStreamedWithStatsBehindThem) {
  database_.AddSeries({{"__name__", "long"}},
                      std::vector<FakeDatabase::Sample>(50'000, {1000, 0.125}));
  Start();
  for (const char* encoding : {"", "gzip", "deflate", "zstd"}) {
    const RawResponse response = Get("/api/v1/samples?match[]=long&stats=all&format=csv",
                                     std::string("Accept-Encoding: ") + encoding + "\r\n");
    EXPECT_EQ(response.Header("transfer-encoding"), "chunked");
    EXPECT_EQ(response.Header("content-encoding"), encoding);
    EXPECT_TRUE(response.complete);
    EXPECT_EQ(response.Header("trailer"), "X-Larnax-Stats");
    ASSERT_EQ(response.trailers.count("x-larnax-stats"), 1) << encoding;
    EXPECT_THAT(response.trailers.at("x-larnax-stats"), HasSubstr("\"samples\":50000}"));
    const std::string text = Decompress(response.body, encoding);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 50'001) << encoding;
  }
}

TEST_F(EndpointsTest, SamplesParameters) {
  Start();
  const std::pair<const char*, const char*> cases[] = {
      {"", "no match[] parameter provided"},
      {"?match[]=up&start=2&end=1", "end timestamp must not be before start timestamp"},
      {"?match[]=up&format=xml", "invalid parameter \\\"format\\\""},
      {"?match[]=up&stale=maybe", "invalid parameter \\\"stale\\\""},
      {"?match[]=up&start=%zz", "invalid URL escape"}};
  for (const auto& [query, message] : cases) {
    const RawResponse response = Get(std::string("/api/v1/samples") + query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_THAT(response.body, HasSubstr(message)) << query;
  }
  EXPECT_THAT(Get("/api/v1/samples?match[]=up&limit=1").body,
              HasSubstr("results truncated due to limit"));
  EXPECT_THAT(Get("/api/v1/samples?match[]=up&limit=2").body, Not(HasSubstr("truncated")));
}

TEST_F(EndpointsTest, Status) {
  database_.status.head_series = 7;
  database_.status.series_by_metric = {{"up", 5}, {"temp", 2}};
  ServerOptions options = SmallOptions();
  options.flags = {{"listen", "127.0.0.1:0"}};
  Start(options);
  EXPECT_THAT(Get("/api/v1/status/buildinfo").body,
              HasSubstr(std::string("\"larnaxVersion\":\"") + Version() + "\""));
  EXPECT_THAT(Get("/api/v1/status/runtimeinfo").body,
              HasSubstr("\"storageRetention\":\"forever\""));
  EXPECT_EQ(Get("/api/v1/status/flags").body,
            R"({"status":"success","data":{"listen":"127.0.0.1:0"}})");
  EXPECT_THAT(Get("/api/v1/status/tsdb").body,
              testing::AllOf(HasSubstr("\"headStats\":{\"numSeries\":7,"),
                             HasSubstr(R"("seriesCountByMetricName":[{"name":"up","value":5},)"
                                       R"({"name":"temp","value":2}])")));
  EXPECT_THAT(Get("/api/v1/status/tsdb?limit=1").body, Not(HasSubstr("temp")));
  EXPECT_EQ(Get("/api/v1/status/tsdb?limit=0").status, 400);
  EXPECT_EQ(Get("/api/v1/status/tsdb?limit=10001").status, 400);
}

TEST_F(EndpointsTest, FlushAndMerge) {
  Start();
  EXPECT_EQ(Post("/flush", "").status, 200);
  EXPECT_EQ(Post("/api/v1/admin/flush", "").body, R"({"status":"success","data":{}})");
  EXPECT_EQ(database_.flushes, 2);
  EXPECT_EQ(Post("/api/v1/admin/merge", "").status, 200);
  EXPECT_FALSE(database_.merged_everything);
  EXPECT_EQ(Post("/api/v1/admin/merge?everything=true", "").status, 200);
  EXPECT_TRUE(database_.merged_everything);
  EXPECT_EQ(Post("/api/v1/admin/merge?everything=perhaps", "").status, 400);
  EXPECT_EQ(database_.merges, 2);
  EXPECT_EQ(Get("/flush").status, 405);
  EXPECT_EQ(Get("/api/v1/admin/flush").status, 405);
}

TEST_F(EndpointsTest, MaintenanceHoldsUpNoQueries) {
  std::latch running(1);
  std::promise<void> release;
  database_.on_maintenance = [&] {
    running.count_down();
    release.get_future().wait();
  };
  Start();
  RawClient flushing(server_->port());
  flushing.Send("POST /flush HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n");
  running.wait();
  EXPECT_EQ(Get("/api/v1/labels").status, 200);
  release.set_value();
  EXPECT_EQ(flushing.ReadResponse().status, 200);
}

TEST_F(EndpointsTest, QueriesAndDownloadsHoldUpNothingElse) {
  database_.AddSeries({{"__name__", "up"}}, {{1000, 1}});
  std::latch running(2);
  std::promise<void> release;
  auto released = release.get_future().share();
  database_.on_query = [&](const QueryRequest&) -> arrow::Result<QueryResult> {
    running.count_down();
    released.wait();
    return QueryResult();
  };
  database_.on_batch = [&](int batch) {
    if (batch == 0) running.count_down();
    released.wait();
    return arrow::Status::OK();
  };
  ServerOptions options = SmallOptions();
  options.query_threads = 1;
  Start(options);
  RawClient querying(server_->port());
  querying.Send("GET /api/v1/query?query=up HTTP/1.1\r\nHost: t\r\n\r\n");
  RawClient downloading(server_->port());
  downloading.Send("GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
  running.wait();
  for (const char* target :
       {"/metrics", "/api/v1/labels", "/api/v1/label/job/values", "/api/v1/series?match[]=up",
        "/api/v1/metadata", "/api/v1/parse_query?query=up", "/api/v1/status/tsdb"}) {
    EXPECT_EQ(Get(target).status, 200) << target;
  }
  release.set_value();
  EXPECT_EQ(querying.ReadResponse().status, 200);
  EXPECT_EQ(downloading.ReadResponse().status, 200);
}

TEST_F(EndpointsTest, Metrics) {
  Start();
  Post("/receive", "12345");
  Get("/nowhere");
  const RawResponse response = Get("/metrics");
  EXPECT_EQ(response.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"larnax_fake 1\n", "larnax_http_requests_total{code=\"204\",handler=\"/receive\"} 1\n",
        "larnax_http_requests_total{code=\"404\",handler=\"unknown\"} 1\n",
        "larnax_http_request_body_bytes_total{handler=\"/receive\"} 5\n",
        "larnax_http_request_duration_seconds_bucket{handler=\"/receive\",le=\"+Inf\"} 1\n",
        "larnax_http_request_duration_seconds_count{handler=\"/receive\"} 1\n",
        "larnax_http_requests_in_flight 1\n", "larnax_http_connections_accepted_total 3\n",
        "# TYPE larnax_http_request_duration_seconds histogram\n"}) {
    EXPECT_THAT(response.body, HasSubstr(line));
  }
}

TEST_F(EndpointsTest, HealthAndRoot) {
  Start();
  EXPECT_EQ(Get("/-/healthy").body, "Larnax is Healthy.\n");
  EXPECT_EQ(Get("/-/ready").body, "Larnax is Ready.\n");
  const RawResponse root = Get("/");
  EXPECT_EQ(root.Header("content-type"), "text/html; charset=utf-8");
  for (const char* text : {"api/v1/write", "api/v1/query_range", "Parquet", "value=\"\""}) {
    EXPECT_THAT(root.body, HasSubstr(text));
  }
  EXPECT_THAT(Get("/?query=a%22%3Cb%3E").body, HasSubstr("value=\"a&quot;&lt;b>\""));
  // Where links of alerts and dashboards lead.
  EXPECT_EQ(Get("/graph").status, 302);
  EXPECT_EQ(Get("/graph").Header("location"), "/");
  EXPECT_EQ(Get("/graph?g0.expr=a%20%3D%3D%0A1&g0.tab=1").Header("location"),
            "/?query=a%20%3D%3D%0A1");
}

TEST_F(EndpointsTest, EverythingBelowAPrefix) {
  ServerOptions options = SmallOptions();
  options.route_prefix = "/a/b";
  Start(options);
  for (const char* target : {"/a/b/", "/a/b/-/ready", "/a/b/api/v1/labels", "/a/b/metrics"}) {
    EXPECT_EQ(Get(target).status, 200) << target;
  }
  EXPECT_EQ(Get("/a/b/graph?g0.expr=up").Header("location"), "/a/b/?query=up");
  EXPECT_EQ(Post("/a/b/receive", "x").status, 204);
  for (const char* target : {"/", "/a/b"}) {
    EXPECT_EQ(Get(target).status, 302) << target;
    EXPECT_EQ(Get(target).Header("location"), "/a/b/");
  }
  for (const char* target : {"/-/ready", "/a/bc", "/a/b-/ready", "/a", "/metrics"}) {
    EXPECT_EQ(Get(target).status, 404) << target;
  }
}

TEST_F(EndpointsTest, HeadIsGetWithoutTheBody) {
  Start();
  RawClient client(server_->port());
  for (const char* target :
       {"/-/ready", "/api/v1/labels", "/metrics", "/", "/api/v1/samples?match[]=up"}) {
    client.Send(std::string("HEAD ") + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
    const RawResponse response = client.ReadResponse(true);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_NE(response.Header("content-length"), "0") << target;
    EXPECT_NE(response.Header("content-length"), "") << target;
  }
  EXPECT_EQ(client.Get("/-/healthy").status, 200);
}

TEST_F(EndpointsTest, Errors) {
  Start();
  database_.failure = MakeError(ErrorKind::kTimeout, "query timed out in expression evaluation");
  for (const char* target :
       {"/api/v1/labels", "/api/v1/label/a/values", "/api/v1/series?match[]=up",
        "/api/v1/samples?match[]=up", "/api/v1/metadata", "/api/v1/status/tsdb"}) {
    const RawResponse response = Get(target);
    EXPECT_EQ(response.status, 503) << target;
    EXPECT_EQ(response.body, R"({"status":"error","errorType":"timeout",)"
                             R"("error":"query timed out in expression evaluation"})");
    EXPECT_EQ(response.Header("content-type"), "application/json");
  }
  EXPECT_EQ(Post("/flush", "").status, 503);
  EXPECT_EQ(Post("/api/v1/admin/merge", "").status, 503);
}

TEST_F(EndpointsTest, WhatIsOfTheArchiveIsNotBlamedOnTheRequest) {
  Start();
  for (const ErrorKind kind : {ErrorKind::kTooLarge, ErrorKind::kUnsupported}) {
    database_.failure = MakeError(kind, "a file");
    for (const RawResponse& response :
         {Get("/api/v1/labels"), Post("/flush", ""), Post("/api/v1/admin/merge", "")}) {
      EXPECT_EQ(response.status, 500);
      EXPECT_EQ(response.body, R"({"status":"error","errorType":"internal","error":"a file"})");
    }
  }
}

TEST_F(EndpointsTest, CompressesAnswersThatAreWorthIt) {
  for (int i = 0; i < 200; ++i) {
    database_.AddSeries({{"__name__", "name_" + std::to_string(i)}}, {{1000, 1}});
  }
  Start();
  const std::string plain = Get("/api/v1/label/__name__/values").body;
  for (const char* encoding : {"gzip", "deflate", "zstd"}) {
    const std::string field = std::string("Accept-Encoding: ") + encoding + "\r\n";
    const RawResponse response = Get("/api/v1/label/__name__/values", field);
    EXPECT_EQ(response.Header("content-encoding"), encoding);
    EXPECT_LT(response.body.size(), plain.size());
    EXPECT_EQ(Decompress(response.body, encoding), plain);
    EXPECT_EQ(Get("/api/v1/labels", field).Header("content-encoding"), "");
  }
}

}  // namespace
}  // namespace larnax::http
