#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "columns/schema/column_registry.h"
#include "columns/write/samples_writer.h"
#include "io/random.h"
#include "io/sim_file_system.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "model/label_order.h"

namespace larnax::columns {

/// One series with its samples, as tests hold them.
struct TestSeries {
  Labels labels;
  std::vector<int64_t> time_ms;
  std::vector<double> value;
  std::vector<int64_t> start_ms;  ///< Empty or shape of `time_ms`.
};

inline Labels MakeLabels(std::vector<std::pair<std::string, std::string>> pairs) {
  return Labels::Make(std::move(pairs)).ValueOrDie();
}

/// A small generator of numbers; the same on every machine.
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// A number in [0, bound).
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(Next() % static_cast<uint64_t>(bound));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

inline void SortForFile(std::vector<TestSeries>* series) {
  std::sort(series->begin(), series->end(), [](const TestSeries& a, const TestSeries& b) {
    return model::CompareForFile(a.labels, b.labels) < 0;
  });
  const auto same = [](const TestSeries& a, const TestSeries& b) { return a.labels == b.labels; };
  series->erase(std::unique(series->begin(), series->end(), same), series->end());
}

/// Give a column to every label of the series, in file order, up to a cap.
inline std::vector<ColumnName> ColumnsFor(const std::vector<TestSeries>& series,
                                          int max_columns = kDefaultMaxColumns) {
  ColumnRegistry registry(max_columns);
  for (const TestSeries& one : series) {
    for (const Label& label : one.labels.view()) registry.Assign(label.name);
  }
  return registry.entries();
}

inline arrow::Result<FileSummary> WriteSeries(io::FileSystem& fs,
                                              const std::vector<TestSeries>& series,
                                              std::vector<ColumnName> columns,
                                              const WriterOptions& options,
                                              const std::string& data_path = "data.parquet",
                                              const std::string& series_path = "series.parquet") {
  ARROW_ASSIGN_OR_RAISE(
      auto writer, SamplesWriter::Open(fs, data_path, series_path, std::move(columns), options));
  for (const TestSeries& one : series) {
    ARROW_RETURN_NOT_OK(writer->Append(one.labels, one.time_ms, one.value, one.start_ms));
  }
  return writer->Finish();
}

/// A value that is often awkward.
inline double AwkwardValue(TestRandom* random) {
  switch (random->Below(12)) {
    case 0:
      return std::bit_cast<double>(kStaleBits);
    case 1:
      return std::bit_cast<double>(0x7ff8000000000001u + random->Next() % 1000);
    case 2:
      return std::bit_cast<double>(0xfff0000000000001u + random->Next() % 1000);
    case 3:
      return -0.0;
    case 4:
      return random->OneIn(2) ? 1.0 / 0.0 : -1.0 / 0.0;
    case 5:
      return std::bit_cast<double>(random->Next());
    default:
      return static_cast<double>(random->Below(1000)) / 8;
  }
}

/// Random series whose labels and values try the format's corners.
inline std::vector<TestSeries> AwkwardSeries(uint64_t seed, int count, int64_t max_rows) {
  static const std::vector<std::string> kNames = {
      "job",       "instance", "date", "value", "Pod",    "pod",    "a.b",       "with space",
      "größe",     "GRÖSSE",   "имя",  "name",  "metric", "METRIC", "timestamp", "stale",
      "pod_label", "a\"quote", "a\\b", "min",   "x",      "le",     "__meta",    "label_42"};
  TestRandom random(seed);
  std::vector<TestSeries> series;
  for (int i = 0; i < count; ++i) {
    std::vector<std::pair<std::string, std::string>> pairs;
    if (!random.OneIn(20)) {
      pairs.emplace_back("__name__", "metric_" + std::to_string(random.Below(5)));
    }
    for (const std::string& name : kNames) {
      if (random.OneIn(3)) pairs.emplace_back(name, "v" + std::to_string(random.Below(1 + i)));
    }
    if (random.OneIn(10)) pairs.emplace_back("long", std::string(2000, 'x') + std::to_string(i));
    TestSeries one;
    one.labels = MakeLabels(std::move(pairs));
    const int64_t rows = 1 + random.Below(max_rows);
    const bool with_starts = random.OneIn(4);
    int64_t time = random.OneIn(10) ? 0 : 1'700'000'000'000 + random.Below(100'000);
    for (int64_t row = 0; row < rows; ++row) {
      one.time_ms.push_back(time);
      one.value.push_back(AwkwardValue(&random));
      if (with_starts) one.start_ms.push_back(random.OneIn(3) ? 0 : time - random.Below(5) - 1);
      time += 15'000 + (random.OneIn(3) ? random.Below(20) : 0);
    }
    for (int64_t& start : one.start_ms) start = std::max<int64_t>(start, 0);
    series.push_back(std::move(one));
  }
  SortForFile(&series);
  return series;
}

}  // namespace larnax::columns
