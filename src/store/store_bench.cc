// Prints what flush, merge and select cost, as Markdown tables.
//
//     store_store_bench [folder] [large|profile]
//
// `large` adds one series out of a day of 100 M samples; `profile` repeats the selects many times.

#include <filesystem>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/civil_time.h"
#include "columns/load_for_bench.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "store/store.h"
#include "test/cpu_time.h"

namespace larnax::store {
namespace {

using columns::LoadShape;
using columns::TestSeries;

// Rows [first, first + count) of every series, as the head would have taken them: scrape by scrape.
head::FrozenGeneration Freeze(const std::vector<TestSeries>& load, size_t first, size_t count,
                              int64_t repeat_ms) {
  static uint64_t number = 0;
  auto generation = std::make_shared<head::Generation>(++number, head::LogPosition());
  for (size_t row = first; row < first + count; ++row) {
    for (size_t i = 0; i < load.size(); ++i) {
      const size_t own = row % load[i].time_ms.size();
      const auto round = static_cast<int64_t>(row / load[i].time_ms.size());
      generation->Append(static_cast<head::SeriesRef>(i), load[i].time_ms[own] + round * repeat_ms,
                         load[i].value[own] + static_cast<double>(round), 0);
    }
  }
  generation->set_end({.segment = 1, .offset_bytes = static_cast<int64_t>(number)});
  head::FrozenGeneration frozen;
  for (size_t i = 0; i < load.size(); ++i) {
    const auto ref = static_cast<head::SeriesRef>(i);
    frozen.series.push_back(
        {.labels = load[i].labels.view(), .ref = ref, .flushed_through_ms = -1});
  }
  frozen.generation = std::move(generation);
  frozen.arena = std::make_shared<const head::LabelArena>();
  return frozen;
}

void Select(const char* name, Store& store, const char* selector, TimeRange range, int rounds) {
  SelectRequest request;
  request.selectors.push_back(ParseSelector(selector).ValueOrDie());
  request.range = range;
  double best_ms = 1e300;
  double first_ms = 0;
  ReadStats first;
  ReadStats stats;
  size_t vectors = 0;
  for (int round = 0; round < rounds; ++round) {
    const double begin = test::CpuNs() / 1e6;
    auto stream = store.Select({}, request, io::RealClock()).ValueOrDie();
    vectors = 0;
    for (;;) {
      const SampleBatch batch = stream->Next().ValueOrDie();
      if (batch.series.empty()) break;
      const TimestampVector* last = nullptr;
      for (const SeriesSamples& series : batch.series) {
        vectors += series.time_ms.get() != last ? 1 : 0;
        last = series.time_ms.get();
      }
    }
    const double spent_ms = test::CpuNs() / 1e6 - begin;
    best_ms = std::min(best_ms, spent_ms);
    stats = stream->stats();
    if (round == 0) {
      first_ms = spent_ms;
      first = stats;
    }
  }
  const auto samples = static_cast<double>(stats.samples);
  std::printf("| %s | %lld | %lld | %lld | %.2f | %.0f | %.2f | %.0f | %.1f | %lld |\n", name,
              static_cast<long long>(stats.files_read), static_cast<long long>(stats.series),
              static_cast<long long>(stats.samples), first_ms,
              static_cast<double>(first.bytes_read) / 1e3, best_ms,
              static_cast<double>(stats.bytes_read) / 1e3, samples / best_ms / 1e3,
              static_cast<long long>(vectors));
  std::fflush(stdout);
}

constexpr const char* kSelectHead =
    "| select | files | series | samples | first CPU ms | first kB | CPU ms | kB | M samples / CPU "
    "s "
    "| time vectors |\n|---|---|---|---|---|---|---|---|---|---|\n";

double Merge(Store& store, int64_t now_ms, bool everything) {
  const double begin = test::CpuNs() / 1e6;
  while (store.MergeOnce(now_ms, everything).ValueOrDie()) {
  }
  return test::CpuNs() / 1e6 - begin;
}

void OneHour(const std::string& folder, int rounds) {
  auto& fs = io::RealFileSystem();
  const std::vector<TestSeries> load = columns::MakeLoad(LoadShape());
  const double samples = 240.0 * static_cast<double>(load.size());
  const int64_t first_ms = load[0].time_ms[0];
  const int64_t now_ms = first_ms + 3'600'000;
  auto store = Store::Open(fs, folder + "/hour", {}, now_ms).ValueOrDie();
  double flush_ms = 0;
  double merge_ms = 0;
  int64_t flush_bytes = 0;
  for (size_t row = 0; row < 240; row += 4) {
    const head::FrozenGeneration frozen = Freeze(load, row, 4, 0);
    const double begin = test::CpuNs() / 1e6;
    if (!store->Flush(frozen, now_ms).ok()) std::abort();
    flush_ms += test::CpuNs() / 1e6 - begin;
    const FileEntry& entry = store->Current()->files.back()->entry();
    flush_bytes += entry.bytes + entry.series_bytes;
    merge_ms += Merge(*store, now_ms, false);
  }
  std::printf("| step | CPU ms | ns a sample | bytes a sample |\n|---|---|---|---|\n");
  std::printf("| flush of %zu series x 4 | %.1f | %.0f | %.2f |\n", load.size(), flush_ms / 60,
              flush_ms * 1e6 / samples, static_cast<double>(flush_bytes) / samples);
  std::printf("| merges as they were due | %.0f | %.0f | %.2f |\n", merge_ms,
              merge_ms * 1e6 / samples, static_cast<double>(store->Current()->bytes()) / samples);
  std::fflush(stdout);
  const TimeRange hour{.start_ms = first_ms - 20'000, .end_ms = first_ms + 3'600'000};
  const char* const kWide = "container_cpu_usage_seconds_total";
  std::printf("\n%s", kSelectHead);
  Select("1,100 series x 1 h, merged as due", *store, kWide, hour, rounds);
  Select("all series, last 5 min", *store, "{__name__=~\".+\"}",
         {.start_ms = hour.end_ms - 300'000, .end_ms = hour.end_ms}, rounds / 5 + 2);
  const double all_ms = Merge(*store, now_ms, true);
  store = nullptr;
  store = Store::Open(fs, folder + "/hour", {}, now_ms).ValueOrDie();
  Select("1,100 series x 1 h, one file", *store, kWide, hour, rounds);
  Select("all series x 1 h, one file", *store, "{__name__=~\".+\"}", hour, 2);
  std::printf("\nmerge everything: %.0f CPU ms, %.0f ns a sample, %.3f bytes a sample\n", all_ms,
              all_ms * 1e6 / samples, static_cast<double>(store->Current()->bytes()) / samples);
}

// A day of 100 M samples in one file, read cold.
void OneOfMany(const std::string& folder) {
  auto& fs = io::RealFileSystem();
  LoadShape shape;
  shape.series = 17'500;
  const std::vector<TestSeries> load = columns::MakeLoad(shape);
  const int64_t first_ms = load[0].time_ms[0];
  const int64_t now_ms = first_ms + 3 * base::kDayMs;
  const std::string root = folder + "/day";
  auto store = Store::Open(fs, root, {}, now_ms).ValueOrDie();
  double begin = test::CpuNs() / 1e6;
  for (size_t row = 0; row < 5760; row += 240) {
    if (!store->Flush(Freeze(load, row, 240, 3'600'000), now_ms).ok()) std::abort();
  }
  std::printf("\n24 flushes: %.0f CPU ms\n", test::CpuNs() / 1e6 - begin);
  begin = test::CpuNs() / 1e6;
  Merge(*store, now_ms, true);
  const double spent_ms = test::CpuNs() / 1e6 - begin;
  const auto rows = static_cast<double>(store->Current()->rows());
  std::printf(
      "merge of 24 into a day: %.0f CPU ms, %.0f ns a sample, %.3f bytes a sample, "
      "%.0f rows in %zu files\n\n",
      spent_ms, spent_ms * 1e6 / rows, static_cast<double>(store->Current()->bytes()) / rows, rows,
      store->Current()->files.size());
  const TimeRange hour{.start_ms = first_ms + 12 * 3'600'000, .end_ms = first_ms + 13 * 3'600'000};
  const std::string one = load[load.size() / 2].labels.ToString();
  std::printf("%s", kSelectHead);
  for (int i = 0; i < 2; ++i) {
    store = nullptr;
    store = Store::Open(fs, root, {}, now_ms).ValueOrDie();
    Select("1 series x 1 h of a day, cold", *store, one.c_str(), hour, 1);
  }
  Select("1 series x 1 h of a day, index loaded", *store, one.c_str(), hour, 3);
  Select("875 series x 1 h of a day", *store, "container_cpu_usage_seconds_total", hour, 3);
  Select("875 series x 1 day", *store, "container_cpu_usage_seconds_total", TimeRange(), 2);
}

}  // namespace
}  // namespace larnax::store

int main(int argc, char** argv) {
  // Arguments of other benchmarks say nothing here.
  if (argc > 1 && argv[1][0] == '-') argc = 1;
  const std::string folder = argc > 1 ? argv[1] : "/tmp/larnax-store-bench";
  std::filesystem::remove_all(folder);
  const bool profile = argc > 2 && std::strcmp(argv[2], "profile") == 0;
  larnax::store::OneHour(folder, profile ? 300 : 5);
  if (argc > 2 && std::strcmp(argv[2], "large") == 0) larnax::store::OneOfMany(folder);
  std::filesystem::remove_all(folder);
  return 0;
}
