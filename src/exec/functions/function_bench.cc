#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "exec/function.h"
#include "promql/parser.h"

namespace larnax::exec {
namespace {

enum class Shape { kCounter, kIntegerGauge, kGauge };

// Series scraped together every 15 s, evaluated every 15 s over windows of five minutes.
class Workload {
 public:
  static constexpr size_t kSamples = 240;
  static constexpr size_t kSeries = 1000;
  static constexpr int64_t kScrapeMs = 15'000;
  static constexpr int64_t kRangeMs = 300'000;

  explicit Workload(Shape shape) {
    std::mt19937_64 random(1);
    for (size_t i = 0; i < kSamples; ++i)
      times_.push_back(1'000'000 + static_cast<int64_t>(i) * kScrapeMs);
    grid_ = {.start_ms = times_.front(), .step_ms = kScrapeMs, .count = kSamples};
    spec_ = {.range_ms = kRangeMs, .first_ref_ms = grid_.start_ms, .ref_step_ms = kScrapeMs};
    for (size_t step = 0; step < grid_.count; ++step) {
      end_.push_back(static_cast<uint32_t>(step + 1));
      begin_.push_back(step + 1 > 20 ? static_cast<uint32_t>(step + 1 - 20) : 0);
    }
    for (size_t s = 0; s < kSeries; ++s) {
      std::vector<double> values;
      double value = static_cast<double>(random() % 1000);
      for (size_t i = 0; i < kSamples; ++i) {
        const auto step = static_cast<double>(random() % 100);
        switch (shape) {
          case Shape::kCounter:
            value = random() % 500 == 0 ? 0 : value + step;
            break;
          case Shape::kIntegerGauge:
            value = 1e9 + step * 4096;
            break;
          case Shape::kGauge:
            value = step / 10;
            break;
        }
        values.push_back(value);
      }
      values_.push_back(std::move(values));
    }
  }

  void Run(benchmark::State& state, const std::string& text) {
    const auto expr = promql::Parse(text, {.experimental_functions = true}).ValueOrDie();
    QueryContext query;
    CallContext call;
    call.query = &query;
    call.grid = grid_;
    call.expr = expr.get();
    call.call = expr->As<promql::Call>();
    const std::vector<double> half(grid_.count, 0.5);
    call.scalars.assign(4, half);
    const Function* function = FindFunctionKernel(call.call->function->name);
    LARNAX_CHECK(function != nullptr && function->range != nullptr);
    Annotations annotations;
    for (auto _ : state) {
      StepVector result(grid_.count, nullptr);
      std::shared_ptr<const void> derived;
      result.Reserve(kSeries);
      for (const std::vector<double>& values : values_) {
        RangeSeries series;
        series.floats = {times_, values, {}, begin_, end_, &derived};
        StepSeries& row = result.Add(LabelsView(), true);
        SeriesWriter writer(&result, &row);
        LARNAX_CHECK(function->range(call, spec_, series, &writer, &annotations).ok());
      }
      benchmark::DoNotOptimize(result.series.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kSeries * grid_.count));
  }

 private:
  std::vector<int64_t> times_;
  std::vector<uint32_t> begin_;
  std::vector<uint32_t> end_;
  std::vector<std::vector<double>> values_;
  StepGrid grid_;
  RangeSpec spec_;
};

void Range(benchmark::State& state, Shape shape, const char* text) {
  Workload(shape).Run(state, text);
}

#define LARNAX_RANGE_BENCH(name, shape, text) \
  BENCHMARK_CAPTURE(Range, name, Shape::shape, text)->Unit(benchmark::kMicrosecond)

LARNAX_RANGE_BENCH(rate, kCounter, "rate(x[5m])");
LARNAX_RANGE_BENCH(increase, kCounter, "increase(x[5m])");
LARNAX_RANGE_BENCH(delta, kGauge, "delta(x[5m])");
LARNAX_RANGE_BENCH(irate, kCounter, "irate(x[5m])");
LARNAX_RANGE_BENCH(changes, kGauge, "changes(x[5m])");
LARNAX_RANGE_BENCH(resets, kCounter, "resets(x[5m])");
LARNAX_RANGE_BENCH(count_over_time, kGauge, "count_over_time(x[5m])");
LARNAX_RANGE_BENCH(last_over_time, kGauge, "last_over_time(x[5m])");
LARNAX_RANGE_BENCH(max_over_time, kGauge, "max_over_time(x[5m])");
LARNAX_RANGE_BENCH(sum_over_time, kGauge, "sum_over_time(x[5m])");
LARNAX_RANGE_BENCH(sum_over_time_integers, kIntegerGauge, "sum_over_time(x[5m])");
LARNAX_RANGE_BENCH(avg_over_time, kGauge, "avg_over_time(x[5m])");
LARNAX_RANGE_BENCH(avg_over_time_integers, kIntegerGauge, "avg_over_time(x[5m])");
LARNAX_RANGE_BENCH(stddev_over_time, kGauge, "stddev_over_time(x[5m])");
LARNAX_RANGE_BENCH(quantile_over_time, kGauge, "quantile_over_time(0.9, x[5m])");
LARNAX_RANGE_BENCH(mad_over_time, kGauge, "mad_over_time(x[5m])");
LARNAX_RANGE_BENCH(deriv, kGauge, "deriv(x[5m])");
LARNAX_RANGE_BENCH(predict_linear, kGauge, "predict_linear(x[5m], 3600)");
LARNAX_RANGE_BENCH(smoothing, kGauge, "double_exponential_smoothing(x[5m], 0.5, 0.5)");

}  // namespace
}  // namespace larnax::exec

BENCHMARK_MAIN();
