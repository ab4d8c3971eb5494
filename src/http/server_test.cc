// The server as a client sees it on the wire: connections, framing, limits, stopping.

#include "http/server.h"

#include <future>
#include <latch>
#include <mutex>

#include "http/server_fixture.h"
#include "larnax/error.h"
#include "larnax/query.h"

namespace larnax::http {
namespace {

using testing::HasSubstr;

TEST_F(ServerTest, AnswersManyRequestsOnOneConnection) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    const RawResponse response = client.Get("/-/healthy");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "Larnax is Healthy.\n");
    EXPECT_THAT(response.Header("date"), HasSubstr(" GMT"));
    EXPECT_EQ(response.Header("connection"), "");
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  database_.AddSeries({{"__name__", "up"}, {"job", "a"}}, {{1000, 1}});
  Start();
  RawClient client(server_->port());
  std::string requests;
  constexpr int kRounds = 300;
  for (int i = 0; i < kRounds; ++i) {
    requests += "GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n";
    requests += "GET /api/v1/labels HTTP/1.1\r\nHost: t\r\n\r\n";
    requests += "POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc";
  }
  auto sent = std::async(std::launch::async, [&] { return client.Send(requests); });
  for (int i = 0; i < kRounds; ++i) {
    ASSERT_EQ(client.ReadResponse().body, "Larnax is Healthy.\n") << i;
    ASSERT_THAT(client.ReadResponse().body, HasSubstr("\"job\"")) << i;
    ASSERT_EQ(client.ReadResponse().status, 204) << i;
  }
  EXPECT_TRUE(sent.get());
}

TEST_F(ServerTest, AnswersWhatWasSentBeforeTheClientShutItsSide) {
  database_.defer_writes = true;
  Start();
  RawClient client(server_->port());
  client.Send(
      "POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\na"
      "GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n");
  client.ShutdownSend();
  database_.CompleteWrites(1);
  EXPECT_EQ(client.ReadResponse().status, 204);
  EXPECT_EQ(client.ReadResponse().status, 200);
  EXPECT_TRUE(client.ReadToEnd());
}

TEST_F(ServerTest, ClosesWhenAsked) {
  Start();
  RawClient client(server_->port());
  const RawResponse response = client.Get("/-/healthy", "Connection: close\r\n");
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_TRUE(client.ReadToEnd());
}

TEST_F(ServerTest, SpeaksHttp10) {
  database_.AddSeries({{"__name__", "up"}}, {{1000, 1}});
  Start();
  RawClient client(server_->port());
  client.Send("GET /-/healthy HTTP/1.0\r\n\r\n");
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.body, "Larnax is Healthy.\n");
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_TRUE(client.ReadToEnd());

  RawClient keeping(server_->port());
  for (int i = 0; i < 2; ++i) {
    keeping.Send("GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(keeping.ReadResponse().Header("connection"), "keep-alive");
  }
}

TEST_F(ServerTest, StreamsToHttp10ByClosing) {
  std::vector<FakeDatabase::Sample> samples;
  for (int i = 0; i < 50'000; ++i) samples.push_back({i * 1000, i * 0.5});
  database_.AddSeries({{"__name__", "up"}}, samples);
  Start();
  RawClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("transfer-encoding"), "");
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_TRUE(response.body.ends_with("]}]}}")) << response.body.size();
}

TEST_F(ServerTest, TakesChunkedBodies) {
  Start();
  RawClient client(server_->port());
  client.Send(
      "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nContent-Type: forged\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 204);
  EXPECT_EQ(client.Get("/-/healthy").status, 200);
  ASSERT_EQ(database_.writes().size(), 1);
  EXPECT_EQ(database_.writes()[0].body, "abcdefg");
  EXPECT_EQ(database_.writes()[0].content_type, "");
}

TEST_F(ServerTest, AsksForTheBodyOfWhoExpectsThat) {
  Start();
  RawClient client(server_->port());
  client.Send(
      "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 100);
  client.Send("hello");
  EXPECT_EQ(client.ReadResponse().status, 204);
  EXPECT_EQ(database_.writes()[0].body, "hello");
}

TEST_F(ServerTest, RefusesBodiesBeforeTheyAreSent) {
  ServerOptions options = SmallOptions();
  options.max_body_bytes = 1000;
  Start(options);
  for (const auto& [target, length, status] :
       {std::tuple("/api/v1/write", "1001", 413), std::tuple("/nothing", "10", 404),
        std::tuple("/metrics", "10", 405)}) {
    RawClient client(server_->port());
    client.Send(std::string("POST ") + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: " +
                length + "\r\nExpect: 100-continue\r\n\r\n");
    const RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, status) << target;
    EXPECT_EQ(response.Header("connection"), "close") << target;
    EXPECT_TRUE(client.ReadToEnd());
  }
  EXPECT_TRUE(database_.writes().empty());
}

TEST_F(ServerTest, RefusesAChunkedBodyThatGrowsTooLarge) {
  ServerOptions options = SmallOptions();
  options.max_body_bytes = 100'000;
  Start(options);
  RawClient client(server_->port());
  client.Send("POST /api/v1/write HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  // The server goes on taking (and dropping) what comes, so that its answer is not lost.
  for (int i = 0; i < 64; ++i) client.Send(chunk);
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 413);
  EXPECT_TRUE(database_.writes().empty());
}

TEST_F(ServerTest, BoundsTheBodiesOfAllConnectionsTogether) {
  ServerOptions options = SmallOptions();
  options.max_buffered_bytes = 100'000;
  Start(options);
  RawClient holding(server_->port());
  holding.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 90000\r\n\r\n" +
               std::string(89'999, 'a'));
  // The other connection's bytes count once they are read; both are served by one thread, in
  // the order of their coming.
  const std::string body(20'000, 'b');
  RawResponse refused;
  do {
    refused = Post("/receive", body);
  } while (refused.status == 204);
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.Header("retry-after"), "");
  holding.Send("a");
  EXPECT_EQ(holding.ReadResponse().status, 204);
  EXPECT_EQ(Post("/receive", body).status, 204);
}

TEST_F(ServerTest, RefusesMalformedRequests) {
  ServerOptions options = SmallOptions();
  options.max_header_bytes = 4096;
  Start(options);
  const std::string host = "Host: t\r\n";
  const std::pair<std::string, int> cases[] = {
      {"hello\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 400},
      {"GET nothing HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "bad header\r\n\r\n", 400},
      {"POST /receive HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST /receive HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       400},
      {"POST /receive HTTP/1.1\r\n" + host +
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /receive HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
      {"POST /receive HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Expect: wonders\r\n\r\n", 417},
      {"GET / HTTP/1.1\r\n" + host + "X: " + std::string(5000, 'x') + "\r\n\r\n", 431},
      {"GET /" + std::string(70'000, 'x') + " HTTP/1.1\r\n" + host + "\r\n", 431},
  };
  for (const auto& [request, status] : cases) {
    RawClient client(server_->port());
    client.Send(request);
    EXPECT_EQ(client.ReadResponse().status, status) << request.substr(0, 100);
  }
  EXPECT_TRUE(database_.writes().empty());
  EXPECT_EQ(Get("/-/healthy").status, 200);
}

TEST_F(ServerTest, GivesUpOnSlowClients) {
  ServerOptions options = SmallOptions();
  options.idle_timeout_ms = 30;
  options.header_timeout_ms = 30;
  Start(options);
  RawClient idle(server_->port());
  std::string bytes;
  EXPECT_TRUE(idle.ReadToEnd(&bytes));
  EXPECT_EQ(bytes, "");

  RawClient slow_header(server_->port());
  slow_header.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(slow_header.ReadResponse().status, 408);
  EXPECT_TRUE(slow_header.ReadToEnd());
}

TEST_F(ServerTest, GivesUpOnSlowBodies) {
  ServerOptions options = SmallOptions();
  options.body_timeout_ms = 30;
  Start(options);
  RawClient client(server_->port());
  client.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.ReadResponse().status, 408);
  EXPECT_TRUE(client.ReadToEnd());
  EXPECT_TRUE(database_.writes().empty());
}

TEST_F(ServerTest, GivesUpOnReadersThatStandStill) {
  database_.AddSeries({{"__name__", "up"}}, std::vector<FakeDatabase::Sample>(10'000, {1000, 1}));
  database_.endless = true;
  ServerOptions options = SmallOptions();
  options.write_timeout_ms = 50;
  Start(options);
  RawClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.ReadLine(), "HTTP/1.1 200 OK");
  // The stream is dropped without the client reading another byte.
  while (database_.open_streams > 0) std::this_thread::yield();
}

// A query's place, and its memory, is held until its answer is taken. Who takes it slowly, but
// never stands still, may do so only while nobody waits.
TEST_F(ServerTest, GivesUpOnSlowReadersThatOthersWaitFor) {
  database_.on_query = [](const QueryRequest& request) -> arrow::Result<QueryResult> {
    QueryResult result;
    result.type = QueryValueType::kMatrix;
    if (request.text != "large") return result;
    const auto times = std::make_shared<TimestampVector>(10'000);
    result.series.resize(400);
    for (QuerySeries& series : result.series) {
      series.time_ms = times;
      series.value.assign(times->size(), 0.1);
    }
    return result;
  };
  ServerOptions options = SmallOptions();
  options.query_concurrency = 1;
  options.write_timeout_ms = 1000;
  options.least_bytes_per_second = int64_t{1} << 40;
  Start(options);
  RawClient slow(server_->port());
  slow.Send("GET /api/v1/query?query=large HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(slow.ReadLine(), "HTTP/1.1 200 OK");
  auto other = std::async([this] { return Get("/api/v1/query?query=small").status; });
  // Slower than the server, and far from standing still.
  size_t taken = 0;
  while (other.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    taken += slow.ReadLine().size();
  }
  EXPECT_EQ(other.get(), 200);
  EXPECT_LT(taken, size_t{20} << 20);
}

TEST_F(ServerTest, CancelsTheQueryOfAClientThatLeft) {
  database_.AddSeries({{"__name__", "up"}}, {{1000, 1}});
  std::latch querying(1);
  std::promise<void> seen;
  database_.on_batch = [&](int) {
    querying.count_down();
    const auto cancelled = database_.last_select().cancelled;
    while (!cancelled->load()) std::this_thread::yield();
    seen.set_value();
    return MakeError(ErrorKind::kCancelled, "query was canceled");
  };
  Start();
  RawClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
  querying.wait();
  client.Close();
  EXPECT_EQ(seen.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST_F(ServerTest, CutsAStreamThatFails) {
  database_.AddSeries({{"__name__", "up"}}, std::vector<FakeDatabase::Sample>(20'000, {1000, 1}));
  database_.endless = true;
  database_.on_batch = [](int batch) {
    return batch < 20 ? arrow::Status::OK() : MakeError(ErrorKind::kCorrupt, "page is damaged");
  };
  std::promise<std::string> logged;
  ServerOptions options = SmallOptions();
  options.log = [&](std::string_view message) { logged.set_value(std::string(message)); };
  Start(options);
  const RawResponse response = Get("/api/v1/samples?match[]=up");
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.complete);
  EXPECT_THAT(logged.get_future().get(), HasSubstr("page is damaged"));
}

// To HTTP/1.0 the end of the connection is the end of the body: what breaks off must not end.
TEST_F(ServerTest, BreaksOffAStreamToHttp10ThatFails) {
  database_.AddSeries({{"__name__", "up"}}, std::vector<FakeDatabase::Sample>(20'000, {1000, 1}));
  database_.endless = true;
  database_.on_batch = [](int batch) {
    return batch < 20 ? arrow::Status::OK() : MakeError(ErrorKind::kCorrupt, "page is damaged");
  };
  Start();
  RawClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.ReadToEnd());
  EXPECT_TRUE(client.was_reset());
}

TEST_F(ServerTest, BreaksOffAStreamToHttp10WhenItStops) {
  database_.AddSeries({{"__name__", "up"}}, std::vector<FakeDatabase::Sample>(20'000, {1000, 1}));
  database_.endless = true;
  ServerOptions options = SmallOptions();
  options.drain_timeout_ms = 1;
  Start(options);
  RawClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.0\r\n\r\n");
  ASSERT_THAT(client.ReadLine(), HasSubstr("200 OK"));
  EXPECT_THAT(server_->Stop(), test::IsKind(ErrorKind::kTimeout));
  EXPECT_TRUE(client.ReadToEnd());
  EXPECT_TRUE(client.was_reset());
}

TEST_F(ServerTest, ReportsAnEarlyFailureOfAStreamAsAnError) {
  database_.AddSeries({{"__name__", "up"}}, {{1000, 1}});
  database_.on_batch = [](int) { return MakeError(ErrorKind::kLimit, "too many samples"); };
  Start();
  const RawResponse response = Get("/api/v1/samples?match[]=up");
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("too many samples"));
}

TEST_F(ServerTest, AnswersWritesWhenTheyAreDone) {
  database_.defer_writes = true;
  Start();
  RawClient first(server_->port());
  RawClient second(server_->port());
  first.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\na");
  second.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nb");
  database_.CompleteWrites(2);
  EXPECT_EQ(first.ReadResponse().status, 204);
  EXPECT_EQ(second.ReadResponse().status, 204);
}

TEST_F(ServerTest, OutlivesWritersThatLeave) {
  database_.defer_writes = true;
  Start();
  {
    RawClient client(server_->port());
    client.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\na");
    while (database_.writes().empty()) std::this_thread::yield();
  }
  database_.CompleteWrites(1);
  EXPECT_EQ(Get("/-/healthy").status, 200);
}

// A worker sends to a client that is gone, the loop sees that it went, and the number of its socket
// is the next client's.
TEST_F(ServerTest, KeepsClientsApartWhenOthersLeave) {
  database_.AddSeries({{"__name__", "up"}, {"job", "a"}}, {{1000, 1}});
  Start();
  auto leaving = std::async(std::launch::async, [&] {
    for (int i = 0; i < 200; ++i) {
      RawClient client(server_->port());
      for (int k = 0; k < 3; ++k) client.Send("GET /api/v1/labels HTTP/1.1\r\nHost: t\r\n\r\n");
    }
  });
  for (int i = 0; i < 200; ++i) {
    RawClient client(server_->port());
    EXPECT_THAT(client.Get("/api/v1/labels").body, HasSubstr("\"job\"")) << i;
  }
  leaving.get();
}

TEST_F(ServerTest, IsOutlivedByWrites) {
  database_.defer_writes = true;
  ServerOptions options = SmallOptions();
  options.drain_timeout_ms = 1;
  Start(options);
  RawClient client(server_->port());
  client.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\na");
  while (database_.writes().empty()) std::this_thread::yield();
  EXPECT_THAT(server_->Stop(), test::IsKind(ErrorKind::kTimeout));
  server_.reset();
  database_.CompleteWrites(1);
  EXPECT_EQ(client.ReadResponse().status, 0);
}

TEST_F(ServerTest, RefusesConnectionsPastTheLimit) {
  ServerOptions options = SmallOptions();
  options.max_connections = 2;
  Start(options);
  RawClient first(server_->port());
  RawClient second(server_->port());
  ASSERT_EQ(first.Get("/-/healthy").status, 200);
  ASSERT_EQ(second.Get("/-/healthy").status, 200);
  RawClient third(server_->port());
  const RawResponse refused = third.ReadResponse();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.Header("retry-after"), "");
  EXPECT_TRUE(third.ReadToEnd());
  EXPECT_EQ(first.Get("/-/healthy").status, 200);
  first.Close();
  third.Close();
  while (Get("/-/healthy").status != 200) std::this_thread::yield();
}

TEST_F(ServerTest, RefusesQueriesThatWouldWaitTooLong) {
  database_.AddSeries({{"__name__", "up"}}, {{1000, 1}});
  ServerOptions options = SmallOptions();
  options.query_threads = 1;
  options.query_queue = 1;
  std::latch running(1);
  std::once_flag first_batch;
  std::promise<void> release;
  auto released = release.get_future().share();
  database_.on_batch = [&](int) {
    std::call_once(first_batch, [&] { running.count_down(); });
    released.wait();
    return arrow::Status::OK();
  };
  Start(options);
  RawClient first(server_->port());
  first.Send("GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
  running.wait();
  RawClient second(server_->port());
  second.Send("GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_EQ(Get("/-/healthy").status, 200);
  const RawResponse refused = Get("/api/v1/samples?match[]=up");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("\"unavailable\""));
  EXPECT_NE(refused.Header("retry-after"), "");
  release.set_value();
  EXPECT_EQ(first.ReadResponse().status, 200);
  EXPECT_EQ(second.ReadResponse().status, 200);
}

TEST_F(ServerTest, FinishesWhatHasBegunWhenStopping) {
  database_.defer_writes = true;
  Start();
  RawClient idle(server_->port());
  ASSERT_EQ(idle.Get("/-/healthy").status, 200);
  RawClient writing(server_->port());
  writing.Send("POST /receive HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\na");
  while (database_.writes().empty()) std::this_thread::yield();
  const int port = server_->port();
  auto stopped = std::async(std::launch::async, [&] { return server_->Stop(); });
  EXPECT_TRUE(idle.ReadToEnd());
  EXPECT_FALSE(RawClient(port).connected());
  database_.CompleteWrites(1);
  const RawResponse response = writing.ReadResponse();
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.Header("connection"), "close");
  writing.Close();
  EXPECT_OK(stopped.get());
  EXPECT_OK(server_->Stop());
}

TEST_F(ServerTest, FinishesAStreamWhenStopping) {
  // More than the buffers between server and client hold.
  for (int i = 0; i < 40; ++i) {
    database_.AddSeries({{"__name__", "up"}, {"n", std::to_string(i)}},
                        std::vector<FakeDatabase::Sample>(20'000, {1000, 0.5}));
  }
  ServerOptions options = SmallOptions();
  options.drain_timeout_ms = 60'000;
  Start(options);
  RawClient client(server_->port());
  client.Send("GET /api/v1/samples?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_THAT(client.ReadLine(), HasSubstr("200 OK"));
  auto stopped = std::async(std::launch::async, [&] { return server_->Stop(); });
  while (RawClient(server_->port()).connected()) std::this_thread::yield();
  std::string rest;
  EXPECT_TRUE(client.ReadToEnd(&rest));
  EXPECT_TRUE(rest.ends_with("]}]}}\r\n0\r\n\r\n"));
  client.Close();
  EXPECT_OK(stopped.get());
}

TEST_F(ServerTest, SaysThatItIsNotReadyWithoutADatabase) {
  ASSERT_OK_AND_ASSIGN(server_, Server::Start(nullptr, SmallOptions()));
  EXPECT_EQ(Get("/-/healthy").status, 200);
  EXPECT_EQ(Get("/metrics").status, 200);
  for (const char* target : {"/-/ready", "/api/v1/labels"}) {
    const RawResponse response = Get(target);
    EXPECT_EQ(response.status, 503) << target;
    EXPECT_EQ(response.body, "Service Unavailable\n");
    EXPECT_EQ(response.Header("x-prometheus-stopping"), "false");
    EXPECT_NE(response.Header("retry-after"), "");
  }
  server_->SetDatabase(&database_);
  EXPECT_EQ(Get("/-/ready").status, 200);
  EXPECT_EQ(Get("/api/v1/labels").status, 200);
}

TEST_F(ServerTest, RefusesAnAddressThatIsTaken) {
  Start();
  ServerOptions options = SmallOptions();
  options.port = server_->port();
  EXPECT_THAT(Server::Start(&database_, options), test::HasMessage("cannot listen"));
  options.host = "not an address";
  EXPECT_THAT(Server::Start(&database_, options), test::IsKind(ErrorKind::kBadQuery));
}

TEST_F(ServerTest, ServesOnManyThreads) {
  ServerOptions options = SmallOptions();
  options.threads = 3;
  Start(options);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(Post("/receive", "x").status, 204);
  EXPECT_EQ(database_.writes().size(), 30);
}

}  // namespace
}  // namespace larnax::http
