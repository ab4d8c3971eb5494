// Prints what queries cost on an hour of 22,000 Kubernetes-like series in files.
//
//     larnax-query-bench FOLDER [threads] [runs] [only]
//
// Makes the archive in FOLDER unless it is there. `only`: the query whose name begins so.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/kubernetes_load.h"
#include "larnax/database.h"
#include "test/cpu_time.h"
#include "wire/remote_write/encoder.h"

namespace larnax {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStartMs = 1'700'006'400'000;

struct BenchQuery {
  const char* name;
  const char* text;
  int64_t step_ms;  // 0: instant.
};

constexpr BenchQuery kQueries[] = {
    {"sum of rate", "sum by (namespace) (rate(container_cpu_usage_seconds_total[5m]))", 15'000},
    {"classic quantile",
     "histogram_quantile(0.99, sum by (le, namespace) "
     "(rate(http_request_duration_seconds_bucket[5m])))",
     15'000},
    {"quantile over time", "avg(quantile_over_time(0.9, container_memory_working_set_bytes[15m]))",
     60'000},
    {"topk of rate", "topk(10, rate(container_cpu_usage_seconds_total[1m]))", 15'000},
    {"count of all", "count({__name__=~\".+\"})", 0},
    {"rates of all", "rate(container_cpu_usage_seconds_total[5m])", 60'000},
    {"ratio",
     "sum by (namespace) (container_memory_working_set_bytes) / "
     "sum by (namespace) (kube_pod_container_resource_limits)",
     15'000},
    {"join",
     "sum by (created_by_kind) (rate(container_cpu_usage_seconds_total[5m]) * on (namespace, pod) "
     "group_left (created_by_kind) kube_pod_info)",
     60'000},
    {"threshold", "count(container_memory_working_set_bytes > 1e8)", 15'000},
    {"subquery", "max_over_time(sum(rate(container_cpu_usage_seconds_total[5m]))[30m:1m])", 60'000},
    {"instant sum", "sum by (node) (rate(container_cpu_usage_seconds_total[5m]))", 0},
};

arrow::Status IngestMessage(Database* database, std::string_view message) {
  std::promise<arrow::Result<WriteReport>> done;
  database->Ingest(
      {.content_type = "application/x-protobuf",
       .content_encoding = "identity",
       .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}},
      [&done](arrow::Result<WriteReport> report) { done.set_value(std::move(report)); });
  return done.get_future().get().status();
}

arrow::Status Fill(Database* database) {
  load::LoadOptions options;
  options.start_ms = kStartMs;
  options.span_ms = kHourMs;
  options.shards = 1;
  load::KubernetesLoad load(options, 0);
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  std::vector<load::LoadSample> samples;
  while (true) {
    load.Next(&samples);
    if (samples.empty()) break;
    encoder.Clear();
    for (const load::LoadSample& sample : samples) {
      encoder.BeginSeries(sample.labels);
      encoder.AddSample(sample.time_ms, sample.value);
    }
    arrow::Status status = IngestMessage(database, encoder.Finish());
    if (!status.ok()) {
      // Too much waits in memory: bring it into files first.
      ARROW_RETURN_NOT_OK(database->Flush());
      ARROW_RETURN_NOT_OK(IngestMessage(database, encoder.Finish()));
    }
  }
  ARROW_RETURN_NOT_OK(database->Flush());
  return database->Merge(true);
}

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since)
      .count();
}

arrow::Status RunOne(Database* database, const BenchQuery& query, int threads, int runs) {
  QueryRequest request;
  request.text = query.text;
  request.start_ms = query.step_ms == 0 ? kStartMs + kHourMs - 1000 : kStartMs;
  request.end_ms = kStartMs + kHourMs - 1000;
  request.step_ms = query.step_ms;
  request.threads = threads;
  std::vector<double> times;
  std::vector<double> cpu_times;
  QueryResult result;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = test::CpuNs() / 1e6;
    ARROW_ASSIGN_OR_RAISE(result, database->Query(request));
    times.push_back(Milliseconds(begin));
    cpu_times.push_back(test::CpuNs() / 1e6 - cpu_begin);
  }
  std::sort(times.begin(), times.end());
  std::sort(cpu_times.begin(), cpu_times.end());
  int64_t points = 0;
  for (const QuerySeries& series : result.series) {
    points += static_cast<int64_t>(series.value.size());
  }
  std::printf("| %-18s | %8.2f | %8.2f | %8.2f | %6zu | %8lld | %9lld | %8.1f |\n", query.name,
              times.front(), times[times.size() / 2], cpu_times[times.size() / 2],
              result.series.size(), static_cast<long long>(points),
              static_cast<long long>(result.stats.samples_read),
              static_cast<double>(result.stats.peak_bytes) / 1e6);
  return arrow::Status::OK();
}

arrow::Status Main(int argc, char** argv) {
  const std::string folder = argv[1];
  const int threads = argc > 2 ? std::atoi(argv[2]) : 0;
  const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
  const std::string only = argc > 4 ? argv[4] : "";
  const bool is_new = !std::filesystem::exists(folder);
  DatabaseOptions options;
  options.wal_sync = WalSync::kOff;
  ARROW_ASSIGN_OR_RAISE(const auto database, Database::Open(folder, options));
  if (is_new) ARROW_RETURN_NOT_OK(Fill(database.get()));
  std::printf(
      "| query | best ms | median ms | CPU ms | series | points | samples read | peak MB |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const BenchQuery& query : kQueries) {
    if (std::string(query.name).starts_with(only)) {
      ARROW_RETURN_NOT_OK(RunOne(database.get(), query, threads, runs));
    }
  }
  return database->Close();
}

}  // namespace
}  // namespace larnax

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: larnax-query-bench FOLDER [threads] [runs] [only]\n");
    return 2;
  }
  const arrow::Status status = larnax::Main(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
