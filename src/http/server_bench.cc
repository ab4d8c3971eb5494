// What a write of 12 kB and a small answer cost the server, besides what the database does. The
// client is one thread with all connections: it sends on each, then reads from each. The server's
// CPU time is the process' less the client thread's.

#include <sys/socket.h>
#include <time.h>

#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "http/fake_database_for_test.h"
#include "http/raw_client_for_test.h"
#include "http/server.h"
#include "test/cpu_time.h"

namespace larnax::http {
namespace {

// Answers writes at once and keeps nothing.
class NullDatabase : public FakeDatabase {
 public:
  void Ingest(const WriteMessage&, WriteDone done) override { done(WriteReport{}); }
};

double ServerSeconds() { return (test::CpuNs() - test::CpuNs(CLOCK_THREAD_CPUTIME_ID)) / 1e9; }

void RunRequests(benchmark::State& state, const std::string& request, int want_status) {
  NullDatabase database;
  ServerOptions options;
  options.port = 0;
  options.threads = 1;
  options.query_threads = 1;
  const auto server = Server::Start(&database, options).ValueOrDie();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int64_t i = 0; i < state.range(0); ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
  }
  const double before = ServerSeconds();
  int64_t requests = 0;
  for (auto _ : state) {
    for (const auto& client : clients) client->Send(request);
    for (const auto& client : clients) {
      if (client->ReadResponse().status != want_status) state.SkipWithError("wrong status");
    }
    requests += state.range(0);
  }
  const double seconds = ServerSeconds() - before;
  state.SetItemsProcessed(requests);
  state.counters["server_cpu_us"] = seconds * 1e6 / static_cast<double>(requests);
}

void BM_Write12kB(benchmark::State& state) {
  RunRequests(state,
              "POST /api/v1/write HTTP/1.1\r\nHost: localhost:9797\r\n"
              "User-Agent: Prometheus/3.14.0\r\nContent-Length: 12000\r\n"
              "Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n"
              "X-Prometheus-Remote-Write-Version: 0.1.0\r\n\r\n" +
                  std::string(12'000, 'x'),
              204);
}
BENCHMARK(BM_Write12kB)->Arg(1)->Arg(32)->Arg(256)->UseRealTime();

void BM_GetInline(benchmark::State& state) {
  RunRequests(state, "GET /-/healthy HTTP/1.1\r\nHost: localhost:9797\r\n\r\n", 200);
}
BENCHMARK(BM_GetInline)->Arg(32)->UseRealTime();

void BM_GetFromWorkers(benchmark::State& state) {
  RunRequests(state, "GET /api/v1/labels HTTP/1.1\r\nHost: localhost:9797\r\n\r\n", 200);
}
BENCHMARK(BM_GetFromWorkers)->Arg(32)->UseRealTime();

}  // namespace
}  // namespace larnax::http

BENCHMARK_MAIN();
