// The endpoints of queries, asked over the wire: what they ask of the database, and how answers and
// errors look.

#include <bit>
#include <cmath>
#include <latch>

#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>

#include "http/server_fixture.h"
#include "larnax/error.h"
#include "larnax/query.h"
#include "test/query_series.h"

namespace larnax::http {
namespace {

using test::SeriesOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

QueryHistogram HistogramAt(int64_t time_ms) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->schema = NativeHistogram::kCustomBounds;
  histogram->count = 12;
  histogram->sum = 3.5;
  histogram->positive_spans = {{0, 3}};
  histogram->positive = {4, 0, 8};
  histogram->custom_bounds = {1, 2};
  return {time_ms, std::move(histogram)};
}

class QueryTest : public ServerTest {
 protected:
  // The database answers with `result` and keeps what it was asked.
  void AnswerWith(QueryResult result) {
    database_.on_query = [this, result = std::move(result)](const QueryRequest& request) {
      asked_ = request;
      return result;
    };
  }
  void FailWith(ErrorKind kind, const std::string& message) {
    database_.on_query = [kind, message](const QueryRequest&) -> arrow::Result<QueryResult> {
      return MakeError(kind, message);
    };
  }
  QueryRequest asked_;
  static constexpr const char* kForm = "Content-Type: application/x-www-form-urlencoded\r\n";
  static constexpr const char* kRange = "/api/v1/query_range?query=up&start=0&end=60&step=15";
};

TEST_F(QueryTest, AsksWhatIsAsked) {
  AnswerWith({});
  ServerOptions options = SmallOptions();
  options.query_max_samples = 77;
  options.query_timeout_ms = 9000;
  options.query_features.experimental_functions = true;
  Start(std::move(options));
  EXPECT_EQ(Get("/api/v1/query?query=up%2B1&time=12.5&limit=3&timeout=1m&lookback_delta=90").status,
            200);
  EXPECT_EQ(asked_.text, "up+1");
  EXPECT_EQ(asked_.start_ms, 12'500);
  EXPECT_EQ(asked_.step_ms, 0);
  EXPECT_EQ(asked_.series_limit, 3);
  EXPECT_EQ(asked_.timeout_ms, 9000);
  EXPECT_EQ(asked_.lookback_ms, 90'000);
  EXPECT_EQ(asked_.max_samples, 77);
  EXPECT_TRUE(asked_.features.experimental_functions);
  EXPECT_NE(asked_.cancelled, nullptr);
  EXPECT_EQ(Post("/api/v1/query_range?step=1", "query=a&start=1&end=2&step=0.5&timeout=10ms", kForm)
                .status,
            200);
  EXPECT_EQ(asked_.text, "a");
  EXPECT_EQ(asked_.start_ms, 1000);
  EXPECT_EQ(asked_.end_ms, 2000);
  EXPECT_EQ(asked_.step_ms, 500);
  EXPECT_EQ(asked_.timeout_ms, 10);
  EXPECT_EQ(asked_.lookback_ms, 300'000);
}

TEST_F(QueryTest, AnswersVectors) {
  QueryResult result;
  result.series.push_back(SeriesOf({{"__name__", "up"}, {"a", "<b>"}}, {1500}, {1}));
  result.series.push_back(SeriesOf({}, {2000}, {NAN}));
  result.series.push_back(SeriesOf({{"h", "1"}}, {}, {}));
  result.series.back().histograms = {HistogramAt(1500)};
  AnswerWith(std::move(result));
  Start();
  const RawResponse response = Get("/api/v1/query?query=up");
  EXPECT_EQ(response.Header("content-type"), "application/json");
  EXPECT_EQ(response.body,
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"__name__":"up","a":"\u003cb\u003e"},"value":[1.500,"1"]},)"
            R"({"metric":{},"value":[2,"NaN"]},{"metric":{"h":"1"},"histogram":[1.500,)"
            R"({"count":"12","sum":"3.5","buckets":[[3,"-Inf","1","4"],[0,"2","+Inf","8"]]}]}]}})");
}

TEST_F(QueryTest, AnswersMatrices) {
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  result.series.push_back(SeriesOf({{"a", "b"}}, {0, 1500}, {1e21, -0.0}));
  result.series[0].histograms = {HistogramAt(3000)};
  result.series.push_back(SeriesOf({{"a", "c"}}, {1}, {1e-7}));
  AnswerWith(std::move(result));
  Start();
  EXPECT_EQ(Get(kRange).body,
            R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},)"
            R"("values":[[0,"1e+21"],[1.500,"-0"]],"histograms":[[3,{"count":"12","sum":"3.5",)"
            R"("buckets":[[3,"-Inf","1","4"],[0,"2","+Inf","8"]]}]]},)"
            R"({"metric":{"a":"c"},"values":[[0.001,"1e-07"]]}]}})");
}

TEST_F(QueryTest, AnswersScalarsAndStrings) {
  QueryResult scalar;
  scalar.type = QueryValueType::kScalar;
  scalar.time_ms = 1100;
  scalar.series.push_back(SeriesOf({}, {1100}, {1e21}));
  AnswerWith(scalar);
  Start();
  EXPECT_EQ(Get("/api/v1/query?query=1e21").body,
            R"({"status":"success","data":{"resultType":"scalar","result":)"
            R"([1.1,"1000000000000000000000"]}})");
  QueryResult text;
  text.type = QueryValueType::kString;
  text.time_ms = 1000;
  text.text = "a\"b";
  AnswerWith(text);
  EXPECT_EQ(Get("/api/v1/query?query=x").body,
            R"({"status":"success","data":{"resultType":"string","result":[1,"a\"b"]}})");
}

TEST_F(QueryTest, EmptyAnswersAreLists) {
  AnswerWith({});
  Start();
  EXPECT_EQ(Get("/api/v1/query?query=x").body,
            R"({"status":"success","data":{"resultType":"vector","result":[]}})");
}

TEST_F(QueryTest, StreamsLongAnswers) {
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  for (int i = 0; i < 3; ++i) {
    result.series.push_back(SeriesOf({{"i", std::to_string(i)}}, std::vector<int64_t>(20'000, 1500),
                                     std::vector<double>(20'000, 0.5)));
  }
  AnswerWith(std::move(result));
  Start();
  const RawResponse response = Get(kRange);
  EXPECT_EQ(response.Header("transfer-encoding"), "chunked");
  std::string points;
  for (int i = 0; i < 20'000; ++i) points += i == 0 ? "[1.500,\"0.5\"]" : ",[1.500,\"0.5\"]";
  std::string want = R"({"status":"success","data":{"resultType":"matrix","result":[)";
  for (int i = 0; i < 3; ++i) {
    want += (i == 0 ? "" : ",") + (R"({"metric":{"i":")" + std::to_string(i)) + R"("},"values":[)" +
            points + "]}";
  }
  EXPECT_TRUE(response.body == want + "]}}");
}

TEST_F(QueryTest, CapsWarningsAndInfos) {
  QueryResult result;
  result.truncated = true;
  for (int i = 0; i < 12; ++i) result.warnings.push_back("w" + std::to_string(i));
  result.infos = {"PromQL info: x (1:1)"};
  AnswerWith(result);
  Start();
  const RawResponse response = Get("/api/v1/query?query=x&stats=some");
  EXPECT_THAT(response.body,
              EndsWith(R"(},"warnings":["results truncated due to limit","value \"some\" for )"
                       R"(parameter \"stats\" is deprecated and will be rejected in the next )"
                       R"(major release, use \"true\" or \"all\"","w0","w1","w2","w3","w4","w5",)"
                       R"("w6","w7","4 more warning annotations omitted"],)"
                       R"x("infos":["PromQL info: x (1:1)"]})x"));
}

TEST_F(QueryTest, TellsWhatAnAnswerCost) {
  QueryResult result;
  result.stats.samples = 5;
  result.stats.samples_taken = 6;
  result.stats.peak_samples = 7;
  result.stats.sort_ns = 1'500'000;
  AnswerWith(result);
  Start();
  const RawResponse response = Get("/api/v1/query?query=x&stats=all");
  EXPECT_THAT(response.body, HasSubstr(R"("stats":{"timings":{"evalTotalTime":0.0015,)"
                                       R"("resultSortTime":0.0015,"queryPreparationTime":0,)"
                                       R"("innerEvalTime":0,"execQueueTime":)"));
  EXPECT_THAT(response.body, HasSubstr(R"("samples":{"totalQueryableSamples":5,"samplesRead":6,)"
                                       R"("peakSamples":7},"archive":{"filesConsidered":0,)"));
  EXPECT_THAT(Get("/api/v1/query?query=x").body, Not(HasSubstr("stats")));
  EXPECT_FALSE(asked_.step_stats);
}

TEST_F(QueryTest, TellsSamplesByStep) {
  QueryResult result;
  result.stats.samples = 5;
  result.stats.samples_at = {2, 3};
  result.stats.samples_taken_at = {4, 0};
  result.stats.first_step_ms = 1'500;
  result.stats.step_ms = 250;
  AnswerWith(result);
  ServerOptions options = SmallOptions();
  options.query_features.per_step_stats = true;
  Start(std::move(options));
  const std::string query = "/api/v1/query_range?query=x&start=1.5&end=1.75&step=0.25&stats=";
  EXPECT_THAT(Get(query + "all").body,
              HasSubstr(R"("samples":{"totalQueryableSamplesPerStep":[[1.5,2],[1.75,3]],)"
                        R"("totalQueryableSamples":5,"samplesReadPerStep":[[1.5,4],[1.75,0]],)"));
  EXPECT_TRUE(asked_.step_stats);
  EXPECT_EQ(Get(query + "true").status, 200);
  EXPECT_FALSE(asked_.step_stats);
}

TEST_F(QueryTest, RefusesBadParameters) {
  AnswerWith({});
  Start();
  const std::pair<const char*, const char*> cases[] = {
      {"/api/v1/query?query=x&time=foo",
       R"(invalid parameter \"time\": cannot parse \"foo\" to a valid timestamp)"},
      {"/api/v1/query?query=x&limit=-1",
       R"(invalid parameter \"limit\": limit must be non-negative)"},
      {"/api/v1/query?query=x&timeout=x",
       R"(invalid parameter \"timeout\": cannot parse \"x\" to a valid duration)"},
      {"/api/v1/query?query=x&lookback_delta=x",
       R"(error parsing lookback delta duration: cannot parse \"x\" to a valid duration)"},
      {"/api/v1/query?query=x&format=xml",
       R"(invalid parameter \"format\": must be json, csv, arrow or parquet)"},
      {"/api/v1/query_range?query=x&end=1&step=1",
       R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"},
      {"/api/v1/query_range?query=x&start=1&end=0&step=1",
       R"(invalid parameter \"end\": end timestamp must not be before start time)"},
      {"/api/v1/query_range?query=x&start=0&end=1",
       R"(invalid parameter \"step\": cannot parse \"\" to a valid duration)"},
      {"/api/v1/query_range?query=x&start=0&end=1&step=0",
       R"(invalid parameter \"step\": zero or negative query resolution step widths are not )"
       R"(accepted. Try a positive integer)"},
      {"/api/v1/query_range?query=x&start=0&end=11001&step=1",
       "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
       "resolution (?step=XX)"},
      {"/api/v1/query_range?query=x&start=-292273086-05-16T16:47:06Z&"
       "end=292277025-08-18T07:12:54.999999999Z&step=1",
       "exceeded maximum resolution"},
  };
  for (const auto& [target, error] : cases) {
    const RawResponse response = Get(target);
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_THAT(response.body, StartsWith(R"({"status":"error","errorType":"bad_data","error":")" +
                                          std::string(error)))
        << target;
  }
  EXPECT_EQ(Get("/api/v1/query_range?query=x&start=0&end=11000&step=1").status, 200);
}

TEST_F(QueryTest, TranslatesFailures) {
  Start();
  const std::tuple<ErrorKind, int, const char*, const char*> cases[] = {
      {ErrorKind::kBadQuery, 400, "bad_data", R"(invalid parameter \"query\": 1:1: no)"},
      {ErrorKind::kExecution, 422, "execution", "1:1: no"},
      {ErrorKind::kLimit, 422, "execution", "1:1: no"},
      {ErrorKind::kTimeout, 503, "timeout", "1:1: no"},
      {ErrorKind::kCancelled, 499, "canceled", "1:1: no"},
      {ErrorKind::kCorrupt, 500, "internal", "1:1: no"}};
  for (const auto& [kind, status, type, error] : cases) {
    FailWith(kind, "1:1: no");
    const RawResponse response = Get("/api/v1/query?query=x");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body, std::string(R"({"status":"error","errorType":")") + type +
                                 R"(","error":")" + error + R"("})");
  }
}

TEST_F(QueryTest, GivesTables) {
  const double odd_nan = std::bit_cast<double>(uint64_t{0x7ff8000000000123});
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  result.series.push_back(SeriesOf({{"__name__", "up"}, {"job", "a"}}, {0, 1500}, {odd_nan, 0.1}));
  AnswerWith(result);
  Start();
  const RawResponse csv = Get(std::string(kRange) + "&format=csv");
  EXPECT_THAT(csv.Header("content-type"), StartsWith("text/csv"));
  EXPECT_EQ(csv.body,
            "metric,job,other_labels,timestamp,value\n"
            "up,a,,1970-01-01T00:00:00.000Z,NaN\n"
            "up,a,,1970-01-01T00:00:01.500Z,0.1\n");
  const RawResponse arrow_stream = Get(kRange, "Accept: application/vnd.apache.arrow.stream\r\n");
  auto input =
      std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(arrow_stream.body));
  const auto batches =
      arrow::ipc::RecordBatchStreamReader::Open(input).ValueOrDie()->ToRecordBatches().ValueOrDie();
  ASSERT_EQ(batches.size(), 1);
  const auto& value = static_cast<const arrow::DoubleArray&>(*batches[0]->GetColumnByName("value"));
  EXPECT_EQ(std::bit_cast<uint64_t>(value.Value(0)), 0x7ff8000000000123);
  EXPECT_EQ(value.Value(1), 0.1);
  const RawResponse parquet = Get(std::string(kRange) + "&format=parquet&stats=all");
  EXPECT_EQ(parquet.Header("content-type"), "application/vnd.apache.parquet");
  EXPECT_THAT(parquet.body, StartsWith("PAR1"));
  EXPECT_THAT(parquet.body, EndsWith("PAR1"));
}

TEST_F(QueryTest, LogsQueries) {
  ServerOptions options = SmallOptions();
  std::vector<std::string> lines;
  std::vector<std::string> slow;
  options.query_log = [&](std::string_view line) { lines.emplace_back(line); };
  options.slow_query_log = [&](std::string_view line) { slow.emplace_back(line); };
  options.slow_query_ms = -1;
  FailWith(ErrorKind::kExecution, "too \"bad\"");
  Start(std::move(options));
  Get(kRange);
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(slow, lines);
  EXPECT_THAT(lines[0],
              StartsWith(R"({"params":{"query":"up","start":"1970-01-01T00:00:00.000Z",)"
                         R"("end":"1970-01-01T00:01:00.000Z","step":15},"stats":{"timings":{)"
                         R"("execQueueTime":)"));
  EXPECT_THAT(lines[0], HasSubstr(R"("httpRequest":{"path":"/api/v1/query_range","account":""},)"
                                  R"("error":"too \"bad\"","ts":")"));
}

TEST_F(QueryTest, RunsSoManyAtATimeAndGivesUpWhenTheClientLeaves) {
  ServerOptions options = SmallOptions();
  options.query_threads = 4;
  options.query_concurrency = 1;
  std::latch started(1);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  database_.on_query = [&](const QueryRequest& request) -> arrow::Result<QueryResult> {
    most = std::max(most.load(), ++running);
    if (request.text == "slow") {
      started.count_down();
      while (!request.cancelled->load()) std::this_thread::yield();
      --running;
      return MakeError(ErrorKind::kCancelled, "query was canceled");
    }
    --running;
    return QueryResult();
  };
  Start(std::move(options));
  {
    RawClient slow(server_->port());
    slow.Send("GET /api/v1/query?query=slow HTTP/1.1\r\nHost: a\r\n\r\n");
    started.wait();
    // Others than PromQL are not held up.
    EXPECT_EQ(Get("/api/v1/labels").status, 200);
  }
  EXPECT_EQ(Get("/api/v1/query?query=fast").status, 200);
  EXPECT_EQ(most.load(), 1);
}

TEST_F(QueryTest, FormatsAndParses) {
  Start();
  EXPECT_EQ(Get("/api/v1/format_query?query=sum(a)by(b)").body,
            R"x({"status":"success","data":"sum by (b) (a)"})x");
  EXPECT_EQ(Post("/api/v1/parse_query", "query=-1", kForm).body,
            R"({"status":"success","data":{"type":"numberLiteral","val":"-1"}})");
  for (const char* path : {"/api/v1/format_query", "/api/v1/parse_query"}) {
    const RawResponse response = Get(std::string(path) + "?query=(");
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body,
              R"({"status":"error","errorType":"bad_data","error":"invalid parameter )"
              R"(\"query\": 1:2: parse error: unclosed left parenthesis"})");
  }
}

TEST_F(QueryTest, GivesExemplars) {
  const auto labels = [](const char* value) {
    return Labels::Make({{"__name__", "x"}, {"a", value}}).ValueOrDie();
  };
  database_.exemplars = {{labels("2"), {{1500, 0.5, Labels::Make({{"trace", "t"}}).ValueOrDie()}}},
                         {labels("1"), {{1000, 1, Labels()}}}};
  Start();
  EXPECT_EQ(Get("/api/v1/query_exemplars?query=rate(x[5m])%2By&start=1&end=2").body,
            R"({"status":"success","data":[{"seriesLabels":{"__name__":"x","a":"1"},"exemplars":[)"
            R"({"labels":{},"value":"1","timestamp":1}]},{"seriesLabels":{"__name__":"x","a":"2"},)"
            R"("exemplars":[{"labels":{"trace":"t"},"value":"0.5","timestamp":1.500}]}]})");
  EXPECT_EQ(database_.last_select().selectors.size(), 2);
  EXPECT_EQ(database_.last_select().range.end_ms, 2000);
  EXPECT_EQ(Get("/api/v1/query_exemplars?query=1").status, 204);
  EXPECT_EQ(Get("/api/v1/query_exemplars?query=(").status, 400);
  EXPECT_EQ(Get("/api/v1/query_exemplars?query=x&start=2&end=1").status, 400);
}

TEST_F(QueryTest, AnswersAboutWhatThereIsNot) {
  ServerOptions options = SmallOptions();
  options.config_yaml = "listen: x\n";
  Start(std::move(options));
  EXPECT_EQ(Get("/api/v1/rules").body, R"({"status":"success","data":{"groups":[]}})");
  EXPECT_EQ(Get("/api/v1/alerts").body, R"({"status":"success","data":{"alerts":[]}})");
  EXPECT_EQ(Get("/api/v1/targets?state=any").body,
            R"({"status":"success","data":{"activeTargets":[],"droppedTargets":[],)"
            R"("droppedTargetCounts":{}}})");
  EXPECT_EQ(Get("/api/v1/targets/metadata").body, R"({"status":"success","data":[]})");
  EXPECT_EQ(Get("/api/v1/scrape_pools").body, R"({"status":"success","data":{"scrapePools":[]}})");
  EXPECT_EQ(Get("/api/v1/alertmanagers").body,
            R"({"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}})");
  EXPECT_EQ(Get("/api/v1/status/config").body,
            R"({"status":"success","data":{"yaml":"listen: x\n"}})");
  const RawResponse features = Get("/api/v1/features");
  EXPECT_THAT(features.body, StartsWith(R"({"status":"success","data":{"api":{"admin":false,)"));
  EXPECT_THAT(features.body, HasSubstr(R"("rate":true)"));
  EXPECT_THAT(features.body, HasSubstr(R"("mad_over_time":false)"));
  EXPECT_THAT(features.body, HasSubstr(R"("unless":true)"));
  EXPECT_THAT(features.body, HasSubstr(R"("anchored":false)"));
}

}  // namespace
}  // namespace larnax::http
