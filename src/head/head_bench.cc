// CPU of a write from its compressed body to the log's buffer: 22,000 series, one sample each, in
// requests of 2,000 as Prometheus sends them.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "head/head.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::head {
namespace {

constexpr int kSeries = 22'000;
constexpr int kPerRequest = 2'000;

Labels SeriesNumber(int i) {
  const std::string pod = std::to_string(i / 22);
  return Labels::Make({{"__name__", "container_metric_number_" + std::to_string(i % 22) + "_total"},
                       {"cluster", "production-eu-1"},
                       {"container", "application"},
                       {"instance", "10.0." + std::to_string(i % 25) + ".7:10250"},
                       {"job", "kubelet"},
                       {"namespace", "namespace-" + std::to_string(i / 22 % 40)},
                       {"node", "node-" + std::to_string(i % 25)},
                       {"pod", "application-7d4b9c6f5-" + pod},
                       {"service", "kubelet"},
                       {"uid", "pod-uid-0000-0000-" + pod}})
      .ValueOrDie();
}

// Bodies of one scrape of every series at `time_ms`.
std::vector<std::string> Bodies(const std::vector<Labels>& series, int64_t time_ms) {
  std::vector<std::string> bodies;
  for (int first = 0; first < kSeries; first += kPerRequest) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    for (int i = first; i < first + kPerRequest; ++i) {
      encoder.BeginSeries(series[static_cast<size_t>(i)].bytes());
      encoder.AddSample(time_ms, static_cast<double>(time_ms * i));
    }
    wire::Compress(wire::BodyEncoding::kSnappy, encoder.Finish(), &bodies.emplace_back());
  }
  return bodies;
}

void BM_Write(benchmark::State& state) {
  std::vector<Labels> series;
  for (int i = 0; i < kSeries; ++i) series.push_back(SeriesNumber(i));
  const std::vector<std::string> bodies = Bodies(series, 1000);
  io::SimFileSystem fs(1);
  io::SimClock clock;
  auto log = Log::Open(fs, clock, "wal", {.salt_seed = 1}).ValueOrDie();
  Head head(log.get(), -1);
  std::string message;
  wire::WriteRequest request;
  int64_t time_ms = 1000;
  int64_t samples = 0;
  const auto stage = state.range(0);
  for (auto _ : state) {
    time_ms += 15'000;
    for (const std::string& body : bodies) {
      (void)wire::Decompress(wire::BodyEncoding::kSnappy,
                             {reinterpret_cast<const uint8_t*>(body.data()), body.size()}, 1 << 25,
                             &message);
      if (stage == 0) continue;
      (void)wire::DecodeV1({reinterpret_cast<const uint8_t*>(message.data()), message.size()},
                           &request);
      if (stage == 1) continue;
      // The bodies are those of one scrape; only the times move on.
      for (int64_t& each : request.time_ms) each = time_ms;
      WriteReport report;
      (void)head.Append(request, {}, 0, &report);
    }
    samples += kSeries;
    if (stage < 2) continue;
    state.PauseTiming();
    (void)log->Commit();
    if (samples % (kSeries * 40) == 0) {
      const auto frozen = head.Freeze().ValueOrDie();
      head.DropFrozen(*frozen);
      (void)log->RemoveBefore(frozen->generation->end().segment);
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(samples);
  state.SetLabel(stage == 0 ? "snappy" : stage == 1 ? "snappy+decode" : "snappy+decode+append");
}

// A head of many series.
struct ManySeries {
  static constexpr int kAll = 200'000;

  ManySeries() {
    for (int first = 0; first < kAll; first += kPerRequest) Append(first, kPerRequest, 1000);
  }

  void Append(int first, int count, int64_t time_ms) {
    encoder.Clear();
    for (int i = first; i < first + count; ++i) {
      encoder.BeginSeries(SeriesNumber(i).bytes());
      encoder.AddSample(time_ms, i);
    }
    const std::string_view message = encoder.Finish();
    (void)wire::DecodeV1({reinterpret_cast<const uint8_t*>(message.data()), message.size()},
                         &request);
    WriteReport report;
    (void)head.Append(request, {}, 0, &report);
  }

  io::SimFileSystem fs{1};
  io::SimClock clock;
  std::unique_ptr<Log> log = Log::Open(fs, clock, "wal", {.salt_seed = 1}).ValueOrDie();
  Head head{log.get(), -1};
  wire::RequestEncoder encoder{wire::WriteVersion::kV1};
  wire::WriteRequest request;
};

// So many selectors that no metric narrows, and that match nothing. What they take shows in the
// process' memory.
void BM_WideCapture(benchmark::State& state) {
  ManySeries many;
  std::vector<std::vector<Matcher>> selectors;
  for (int64_t i = 0; i < state.range(0); ++i) {
    selectors.push_back(
        {Matcher::Make(MatchType::kEqual, "job", "none" + std::to_string(i)).ValueOrDie()});
  }
  for (auto _ : state) benchmark::DoNotOptimize(many.head.Capture(selectors, {}));
}

// The longest wait of a write while others capture with a regex that looks at every series.
void BM_WriteBesideWideCapture(benchmark::State& state) {
  ManySeries many;
  const std::vector<std::vector<Matcher>> wide = {
      {Matcher::Make(MatchType::kRegex, "pod", ".*application.*[0-9]7b?[0-9]+9").ValueOrDie()}};
  std::atomic<bool> is_over = false;
  int64_t captures = 0;
  std::thread reader([&] {
    for (; !is_over; ++captures) benchmark::DoNotOptimize(many.head.Capture(wide, {}));
  });
  using Clock = std::chrono::steady_clock;
  std::vector<double> waits_ms;
  int64_t time_ms = 2000;
  for (auto _ : state) {
    const auto start = Clock::now();
    many.Append(static_cast<int>(time_ms % ManySeries::kAll), 1, time_ms);
    waits_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    ++time_ms;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  is_over = true;
  reader.join();
  std::sort(waits_ms.begin(), waits_ms.end());
  state.counters["median_ms"] = waits_ms[waits_ms.size() / 2];
  state.counters["p99_ms"] = waits_ms[waits_ms.size() * 99 / 100];
  state.counters["longest_ms"] = waits_ms.back();
  state.counters["captures"] = static_cast<double>(captures);
}
BENCHMARK(BM_WideCapture)->Arg(1)->Arg(256)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_WriteBesideWideCapture)->Iterations(2000)->Unit(benchmark::kMillisecond);

BENCHMARK(BM_Write)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace larnax::head

BENCHMARK_MAIN();
