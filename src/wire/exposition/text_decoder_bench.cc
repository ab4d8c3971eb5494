#include "wire/exposition/text_decoder.h"

#include <string>

#include <benchmark/benchmark.h>

#include "base/check.h"

namespace larnax::wire {
namespace {

constexpr int kSamples = 2000;

std::string ScrapeText() {
  std::string text;
  for (int i = 0; i < kSamples; ++i) {
    if (i % 20 == 0)
      text += "# HELP node_x_total Some words about it.\n# TYPE node_x_total counter\n";
    text += "node_cpu_seconds_total{cpu=\"" + std::to_string(i) + "\",mode=\"system\"} " +
            std::to_string(1234.5 * i) + "\n";
  }
  return text;
}

void DecodeScrape(benchmark::State& state) {
  const std::string text = ScrapeText();
  WriteRequest request;
  for (auto _ : state) {
    LARNAX_CHECK(DecodeExposition(text, ExpositionFormat::kPrometheusText, 1, &request).ok());
    LARNAX_CHECK(request.series.size() == kSamples);
  }
  state.SetItemsProcessed(state.iterations() * kSamples);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(DecodeScrape);

}  // namespace
}  // namespace larnax::wire

BENCHMARK_MAIN();
