#include "wire/remote_write/decoder.h"

#include <string>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::wire {
namespace {

constexpr int kSeries = 2000;

std::string LabelsOf(int series) {
  const std::string number = std::to_string(100000 + series);
  std::string out;
  AppendLabel("__name__", "container_network_receive_packets_total", &out);
  AppendLabel("cluster", "production-europe", &out);
  AppendLabel("container", "application", &out);
  AppendLabel("id", "/kubepods/pod" + number, &out);
  AppendLabel("instance", "10.128.3.17:10250", &out);
  AppendLabel("interface", "eth0", &out);
  AppendLabel("job", "kubelet", &out);
  AppendLabel("namespace", "shop-frontend", &out);
  AppendLabel("node", "worker-node-17", &out);
  AppendLabel("pod", "frontend-7d9c5b6f4-" + number, &out);
  return out;
}

std::string RequestOf(WriteVersion version) {
  RequestEncoder encoder(version);
  for (int i = 0; i < kSeries; ++i) {
    encoder.BeginSeries(LabelsOf(i));
    encoder.AddSample(1'790'000'000'000 + i, 17.5 * i);
  }
  return std::string(encoder.Finish());
}

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void Report(benchmark::State& state, size_t message_bytes) {
  state.SetItemsProcessed(state.iterations() * kSeries);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(message_bytes));
  state.counters["bytes_per_series"] = static_cast<double>(message_bytes) / kSeries;
  state.counters["s_per_series"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kSeries,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Decode(benchmark::State& state) {
  const auto version = static_cast<WriteVersion>(state.range(0));
  const std::string message = RequestOf(version);
  WriteRequest request;
  for (auto _ : state) {
    const arrow::Status status = version == WriteVersion::kV1 ? DecodeV1(Bytes(message), &request)
                                                              : DecodeV2(Bytes(message), &request);
    LARNAX_CHECK(status.ok() && request.series.size() == kSeries);
    benchmark::DoNotOptimize(request.value.data());
  }
  Report(state, message.size());
}
BENCHMARK(Decode)->ArgName("version")->Arg(1)->Arg(2);

void DecompressAndDecode(benchmark::State& state) {
  const auto encoding = static_cast<BodyEncoding>(state.range(0));
  const std::string message = RequestOf(WriteVersion::kV1);
  std::string body;
  Compress(encoding, message, &body);
  WriteRequest request;
  std::string out;
  for (auto _ : state) {
    LARNAX_CHECK(Decompress(encoding, Bytes(body), message.size(), &out).ok());
    LARNAX_CHECK(DecodeV1(Bytes(out), &request).ok());
    benchmark::DoNotOptimize(request.value.data());
  }
  Report(state, message.size());
}
BENCHMARK(DecompressAndDecode)->ArgName("encoding")->Arg(1)->Arg(2);

// What a series costs the first time it is seen.
void Canonical(benchmark::State& state) {
  const std::string raw = LabelsOf(7);
  for (auto _ : state) benchmark::DoNotOptimize(IsCanonical(raw));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(raw.size()));
}
BENCHMARK(Canonical);

// The speed of light: reading the same bytes once.
void CopyMessage(benchmark::State& state) {
  const std::string message = RequestOf(WriteVersion::kV1);
  std::string copy = message;
  for (auto _ : state) {
    copy.assign(message);
    benchmark::DoNotOptimize(copy.data());
  }
  Report(state, message.size());
}
BENCHMARK(CopyMessage);

}  // namespace
}  // namespace larnax::wire

BENCHMARK_MAIN();
