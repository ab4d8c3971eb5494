// Prints what it costs to write and read archive files, and what they weigh, as a Markdown table.
//
//     columns_columns_bench [small] [--keep FOLDER]
//
// `--keep` leaves the data files in a folder, for bench/stock_writer.py.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include "columns/file_for_test.h"
#include "columns/format/parquet_file.h"
#include "columns/load_for_bench.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "columns/schema/schema.h"
#include "columns/write/samples_writer.h"
#include "io/sim_file_system.h"
#include "test/cpu_time.h"

namespace larnax::columns {
namespace {

/// Bytes of each kind of column in a file.
std::map<std::string, double> BytesByColumn(const ParquetFile& file) {
  std::map<std::string, double> bytes;
  double all = 0;
  for (const RowGroupMeta& group : file.meta().row_groups) {
    for (const ChunkMeta& chunk : group.chunks) {
      const std::string& name = chunk.path[0];
      const bool own = name == kTimestampColumn || name == kValueColumn || name == kSeriesIdColumn;
      bytes[own ? name : "labels and rest"] += static_cast<double>(chunk.compressed_bytes);
      all += static_cast<double>(chunk.compressed_bytes);
    }
  }
  bytes["footer"] = static_cast<double>(file.file_bytes()) - all;
  return bytes;
}

struct Config {
  const char* name;
  LoadShape shape;
  WriterOptions options;
};

/// Leave a copy of the data file under the configuration's name.
void Keep(io::FileSystem& fs, const Config& config, const std::string& folder) {
  std::string name = config.name;
  std::erase(name, ',');
  std::replace(name.begin(), name.end(), ' ', '-');
  const std::string bytes = io::ReadFile(fs, "data.parquet").ValueOrDie();
  const auto status =
      io::ReplaceFile(io::RealFileSystem(), folder + "/" + name + ".parquet", bytes);
  if (!status.ok()) std::printf("cannot keep a file: %s\n", status.ToString().c_str());
}

/// CPU time of opening an index, matching a metric in it, and telling places and labels of what
/// was found. \param stats  Of one such time.
double MeasureMatch(io::FileSystem& fs, ReadStats* stats) {
  double best_ns = 1e300;
  std::vector<Matcher> matchers =
      ParseSelector("container_memory_working_set_bytes{namespace=~\"team-1.*\"}").ValueOrDie();
  for (int round = 0; round < 3; ++round) {
    *stats = {};
    const double begin = test::CpuNs();
    const auto index =
        SeriesIndex::Open(fs.OpenReadable("series.parquet").ValueOrDie(), stats).ValueOrDie();
    const auto found = index->Match(matchers, {}, stats).ValueOrDie();
    const auto extents = index->Extents(found, stats).ValueOrDie();
    const auto labels = index->LabelsOf(found, stats).ValueOrDie();
    best_ns = std::min(best_ns, test::CpuNs() - begin);
  }
  return best_ns;
}

void Measure(const Config& config, const std::string& keep) {
  const std::vector<TestSeries> load = MakeLoad(config.shape);
  const std::vector<ColumnName> columns = ColumnsFor(load);
  double rows = 0;
  for (const TestSeries& one : load) rows += static_cast<double>(one.time_ms.size());
  double write_ns = 1e300;
  FileSummary summary;
  io::SimFileSystem fs(1);
  const int rounds = rows < 1e6 ? 9 : 2;
  for (int round = 0; round < rounds; ++round) {
    if (round > 0) {
      (void)fs.RemoveFile("data.parquet");
      (void)fs.RemoveFile("series.parquet");
    }
    const double begin = test::CpuNs();
    summary = WriteSeries(fs, load, columns, config.options).ValueOrDie();
    write_ns = std::min(write_ns, test::CpuNs() - begin);
  }
  if (!keep.empty()) Keep(fs, config, keep);
  double open_ns = 1e300;
  double times_ns = 1e300;
  double values_ns = 1e300;
  double one_ns = 1e300;
  double one_time_ns = 1e300;
  std::map<std::string, double> bytes;
  for (int round = 0; round < 3; ++round) {
    double begin = test::CpuNs();
    const auto reader =
        SamplesReader::Open(fs.OpenReadable("data.parquet").ValueOrDie(), nullptr).ValueOrDie();
    open_ns = std::min(open_ns, test::CpuNs() - begin);
    const RowRange one{reader->rows() / 2, config.shape.rows};
    std::vector<double> one_value;
    std::vector<int64_t> one_time;
    begin = test::CpuNs();
    (void)reader->ReadValues({&one, 1}, &one_value, nullptr);
    one_ns = std::min(one_ns, test::CpuNs() - begin);
    begin = test::CpuNs();
    (void)reader->ReadTimes({&one, 1}, &one_time, nullptr);
    one_time_ns = std::min(one_time_ns, test::CpuNs() - begin);
    // As queries do: what lies in one page is not copied.
    std::vector<RowRange> each;
    for (int64_t row = 0; row < reader->rows(); row += config.shape.rows) {
      each.push_back({row, config.shape.rows});
    }
    std::vector<TimesView> times;
    ValueViews values;
    begin = test::CpuNs();
    (void)reader->ViewTimes(each, {}, &times);
    times_ns = std::min(times_ns, test::CpuNs() - begin);
    begin = test::CpuNs();
    (void)reader->ViewValues(each, {}, &values);
    values_ns = std::min(values_ns, test::CpuNs() - begin);
    const auto file =
        ParquetFile::Open(fs.OpenReadable("data.parquet").ValueOrDie(), nullptr, 0).ValueOrDie();
    bytes = BytesByColumn(*file);
  }
  ReadStats match_stats;
  const double match_ns = MeasureMatch(fs, &match_stats);
  std::printf(
      "| %s | %.0f | %.1f ms | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | %.0f us | %.1f | "
      "%.1f | %.0f us | %.0f us | %.2f ms, %.0f kB |\n",
      config.name, write_ns / rows, write_ns / 1e6,
      static_cast<double>(summary.data_bytes + summary.series_bytes) / rows, bytes["value"] / rows,
      bytes["timestamp"] / rows, bytes["series_id"] / rows, bytes["labels and rest"] / rows,
      bytes["footer"] / rows, static_cast<double>(summary.series_bytes) / rows, open_ns / 1e3,
      times_ns / rows, values_ns / rows, one_time_ns / 1e3, one_ns / 1e3, match_ns / 1e6,
      static_cast<double>(match_stats.bytes_read) / 1e3);
  std::fflush(stdout);
}

}  // namespace
}  // namespace larnax::columns

int main(int argc, char** argv) {
  using namespace larnax::columns;
  bool small = false;
  std::string keep;
  for (int i = 1; i < argc; ++i) {
    small |= std::strcmp(argv[i], "small") == 0;
    if (std::strcmp(argv[i], "--keep") == 0 && i + 1 < argc) keep = argv[++i];
  }
  std::printf(
      "| file | write ns/sample | write CPU | B/sample | value | timestamp | series_id | labels, "
      "rest "
      "| footer | series file | open | times ns | values ns | times of 1 series | values of 1 "
      "series "
      "| index: open, match, labels "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  const WriterOptions fresh{.tier = Tier::kFresh};
  const WriterOptions merged{.tier = Tier::kMerged};
  const WriterOptions day{.tier = Tier::kDay};
  const auto measure = [&](const Config& config) { Measure(config, keep); };
  measure({"fresh, 4 rows, 9 columns", {.rows = 4}, fresh});
  measure({"merged, 240 rows, 9 columns", {.rows = 240}, merged});
  if (small) return 0;
  measure({"fresh, 4 rows, 50 columns", {.rows = 4, .label_columns = 50}, fresh});
  measure({"fresh, 4 rows, 200 columns", {.rows = 4, .label_columns = 200}, fresh});
  measure({"merged, 240 rows, 50 columns", {.rows = 240, .label_columns = 50}, merged});
  measure({"merged, 240 rows, 200 columns", {.rows = 240, .label_columns = 200}, merged});
  measure({"merged, 480 rows, 9 columns", {.rows = 480}, merged});
  measure({"all of an hour, 240 rows, 9 columns", {.rows = 240}, day});
  measure({"day, 5,760 rows, 9 columns", {.series = 2'200, .rows = 5760}, day});
  measure(
      {"day, 5,760 rows, 50 columns", {.series = 2'200, .rows = 5760, .label_columns = 50}, day});
  measure(
      {"day, 5,760 rows, 200 columns", {.series = 2'200, .rows = 5760, .label_columns = 200}, day});
  return 0;
}
