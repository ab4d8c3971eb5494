// Prints what it costs to write and read files of histograms and exemplars, and what they weigh, as
// a Markdown table.
//
//     columns_other_tables_bench

#include <cmath>
#include <cstdio>
#include <map>

#include "columns/format/parquet_file.h"
#include "columns/other_tables_for_test.h"
#include "columns/schema/tables.h"
#include "io/sim_file_system.h"
#include "test/cpu_time.h"

namespace larnax::columns {
namespace {

struct HistogramLoad {
  int series = 100;
  int64_t rows = 240;
  int buckets = 40;
  double rate = 50;  ///< Observations between two scrapes, on average over the series.
};

/// Draw from a Poisson distribution of a small mean.
int64_t Poisson(double mean, TestRandom* random) {
  int64_t count = 0;
  double left = 1;
  const double limit = std::exp(-mean);
  while ((left *= static_cast<double>(random->Next() >> 11) * 0x1p-53) > limit) ++count;
  return count;
}

/// Latencies of servers: bell-shaped over the buckets, busy ones and idle ones.
std::vector<TestHistograms> MakeHistograms(const HistogramLoad& load) {
  TestRandom random(5);
  std::vector<TestHistograms> all;
  for (int i = 0; i < load.series; ++i) {
    TestHistograms one;
    one.labels = MakeLabels({{"__name__", "http_request_duration_seconds"},
                             {"job", "shop"},
                             {"instance", "10.0.0." + std::to_string(i / 10) + ":8080"},
                             {"handler", "/api/v1/" + std::to_string(i % 10)},
                             {"namespace", "team-" + std::to_string(i % 7)}});
    const double rate = load.rate * 2 * static_cast<double>(1 + i % 10) / 11;
    std::vector<double> share;
    double total = 0;
    for (int b = 0; b < load.buckets; ++b) {
      const double x = (b + 0.5 - load.buckets / 2.0) * 6 / load.buckets;
      share.push_back(std::exp(-x * x / 2));
      total += share.back();
    }
    NativeHistogram state;
    state.schema = 3;
    state.is_integer = true;
    state.zero_threshold = 0x1p-128;
    state.positive_spans = {{-30, static_cast<uint32_t>(load.buckets - 8)}, {3, 8}};
    for (const double part : share) {
      state.integer_positive.push_back(Poisson(part / total * rate * 500, &random));
    }
    for (int64_t row = 0; row < load.rows; ++row) {
      for (size_t b = 0; b < share.size(); ++b) {
        const int64_t more = Poisson(share[b] / total * rate, &random);
        state.integer_positive[b] += more;
        state.integer_count += static_cast<uint64_t>(more);
        for (int64_t k = 0; k < more; ++k) {
          state.sum += std::exp2(static_cast<double>(b) / 8 - 4) *
                       (1 + static_cast<double>(random.Below(1 << 20)) * 0x1p-23);
        }
      }
      one.samples.push_back({1'763'769'600'000 + row * 15'000 + (i / 10) * 37, 0,
                             std::make_shared<const NativeHistogram>(state)});
    }
    all.push_back(std::move(one));
  }
  std::sort(all.begin(), all.end(), [](const TestHistograms& a, const TestHistograms& b) {
    return model::CompareForFile(a.labels, b.labels) < 0;
  });
  return all;
}

std::map<std::string, double> BytesByColumn(io::FileSystem& fs, double rows) {
  const auto file =
      ParquetFile::Open(fs.OpenReadable("data.parquet").ValueOrDie(), nullptr, 0).ValueOrDie();
  std::map<std::string, double> bytes;
  double all = 0;
  for (const RowGroupMeta& group : file->meta().row_groups) {
    for (const ChunkMeta& chunk : group.chunks) {
      bytes[chunk.path[0]] += static_cast<double>(chunk.compressed_bytes) / rows;
      all += static_cast<double>(chunk.compressed_bytes);
    }
  }
  bytes["footer"] = (static_cast<double>(file->file_bytes()) - all) / rows;
  return bytes;
}

void MeasureHistograms(const char* name, const HistogramLoad& load, Tier tier) {
  const std::vector<TestHistograms> series = MakeHistograms(load);
  const auto rows = static_cast<double>(load.series * load.rows);
  io::SimFileSystem fs(1);
  double begin = test::CpuNs();
  const FileSummary summary =
      WriteHistograms(fs, series, ColumnsOf(series), {.tier = tier}).ValueOrDie();
  const double write_ns = (test::CpuNs() - begin) / rows;
  const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
  HistogramRows found;
  begin = test::CpuNs();
  (void)table.data->Read(table.extents, TimeRange(), &found, nullptr);
  const double read_ns = (test::CpuNs() - begin) / rows;
  const SeriesExtent middle = table.extents[table.extents.size() / 2];
  const int64_t hour_ms = (middle.min_time_ms + middle.max_time_ms) / 2;
  double hour_ns = 1e300;
  ReadStats stats;
  for (int round = 0; round < 5; ++round) {
    stats = {};
    begin = test::CpuNs();
    (void)table.data->Read({&middle, 1}, {hour_ms, hour_ms + 3'600'000 - 1}, &found, &stats);
    hour_ns = std::min(hour_ns, test::CpuNs() - begin);
  }
  std::map<std::string, double> bytes = BytesByColumn(fs, rows);
  const double buckets = bytes[std::string(kPositiveBucketsColumn)];
  const double sum = bytes["sum"];
  const double count = bytes["count"];
  const double time = bytes["timestamp"];
  double rest = 0;
  for (const auto& [column, size] : bytes) rest += size;
  rest -= buckets + sum + count + time;
  std::printf(
      "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.0f | %.0f us, %.0f kB |\n",
      name, static_cast<double>(summary.data_bytes + summary.series_bytes) / rows, buckets, sum,
      count, time, rest, static_cast<double>(summary.series_bytes) / rows, write_ns, read_ns,
      hour_ns / 1e3, static_cast<double>(stats.bytes_read) / 1e3);
  std::fflush(stdout);
  if (getenv("COLUMNS") != nullptr) {
    for (const auto& [column, size] : bytes) std::printf("    %s %.3f\n", column.c_str(), size);
  }
}

void MeasureExemplars() {
  TestRandom random(9);
  std::vector<TestExemplars> series;
  for (int i = 0; i < 500; ++i) {
    TestExemplars one;
    one.labels = MakeLabels({{"__name__", "http_request_duration_seconds_bucket"},
                             {"job", "shop"},
                             {"le", std::to_string(i % 12)},
                             {"instance", "10.0.0." + std::to_string(i / 12)}});
    for (int64_t row = 0; row < 100; ++row) {
      char trace[33];
      std::snprintf(trace, sizeof(trace), "%016llx%016llx",
                    static_cast<unsigned long long>(random.Next()),
                    static_cast<unsigned long long>(random.Next()));
      one.own_labels.push_back(std::make_unique<const Labels>(MakeLabels({{"trace_id", trace}})));
      one.rows.push_back({1'763'769'600'000 + row * 40'000 + random.Below(15'000),
                          static_cast<double>(random.Next() >> 11) * 0x1p-53,
                          one.own_labels.back()->bytes()});
    }
    series.push_back(std::move(one));
  }
  std::sort(series.begin(), series.end(), [](const TestExemplars& a, const TestExemplars& b) {
    return model::CompareForFile(a.labels, b.labels) < 0;
  });
  io::SimFileSystem fs(1);
  const FileSummary summary =
      WriteExemplars(fs, series, ColumnsOf(series), {.tier = Tier::kMerged}).ValueOrDie();
  std::printf("exemplars, 100 a series, trace ids of 32 digits: %.2f B each\n",
              static_cast<double>(summary.data_bytes + summary.series_bytes) / 50'000);
}

}  // namespace
}  // namespace larnax::columns

int main() {
  using namespace larnax::columns;
  std::printf(
      "| file | B/sample | buckets | sum | count | timestamp | rest | series file | write "
      "ns/sample | read ns/sample | an hour of 1 series |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n");
  MeasureHistograms("fresh, 4 rows, 40 buckets", {.series = 1000, .rows = 4}, Tier::kFresh);
  MeasureHistograms("merged, 240 rows, 40 buckets", {.rows = 240}, Tier::kMerged);
  MeasureHistograms("day, 5,760 rows, 20 buckets, idle",
                    {.series = 20, .rows = 5760, .buckets = 20, .rate = 2}, Tier::kDay);
  MeasureHistograms("day, 5,760 rows, 40 buckets", {.series = 20, .rows = 5760}, Tier::kDay);
  MeasureHistograms("day, 5,760 rows, 60 buckets, busy",
                    {.series = 20, .rows = 5760, .buckets = 60, .rate = 500}, Tier::kDay);
  MeasureExemplars();
  return 0;
}
