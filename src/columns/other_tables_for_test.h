#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "columns/file_for_test.h"
#include "columns/read/exemplars_reader.h"
#include "columns/read/histograms_reader.h"
#include "columns/read/series_index.h"
#include "columns/write/exemplars_writer.h"
#include "columns/write/histograms_writer.h"

namespace larnax::columns {

/// One series of histograms, as tests hold them.
struct TestHistograms {
  Labels labels;
  std::vector<HistogramSample> samples;
};

/// One series of exemplars; `rows[i].labels` borrows from `own_labels[i]`.
struct TestExemplars {
  Labels labels;
  std::vector<ExemplarRow> rows;
  std::vector<std::unique_ptr<const Labels>> own_labels;
};

/// A count that an integer histogram may have, seldom one that no double holds.
inline int64_t AwkwardCount(TestRandom* random) {
  if (random->OneIn(200)) return static_cast<int64_t>(random->Next());
  return random->OneIn(3) ? 0 : random->Below(int64_t{1} << random->Below(40));
}

/// Fill one sign of a histogram with spans and buckets.
inline void FillSide(TestRandom* random, bool is_integer, std::vector<BucketSpan>* spans,
                     std::vector<double>* floats, std::vector<int64_t>* integers) {
  const int64_t count = random->OneIn(4) ? 0 : random->Below(4);
  for (int64_t i = 0; i < count; ++i) {
    const auto length = static_cast<uint32_t>(random->OneIn(6) ? 0 : random->Below(9));
    spans->push_back({static_cast<int32_t>(random->Below(2000) - (i == 0 ? 1000 : 0)), length});
    for (uint32_t bucket = 0; bucket < length; ++bucket) {
      if (is_integer) {
        integers->push_back(AwkwardCount(random));
      } else {
        floats->push_back(AwkwardValue(random));
      }
    }
  }
}

/// Turn a histogram into one of custom bounds, as many as its positive buckets need or more.
inline void GiveBounds(TestRandom* random, NativeHistogram* h) {
  h->schema = NativeHistogram::kCustomBounds;
  h->negative_spans.clear();
  h->negative.clear();
  h->integer_negative.clear();
  int64_t end = 0;
  for (BucketSpan& span : h->positive_spans) {
    span.offset = static_cast<int32_t>(random->Below(5));
    end += span.offset + static_cast<int64_t>(span.length);
  }
  const int64_t count = std::max<int64_t>(end - 1, 0) + random->Below(3);
  for (int64_t i = 0; i < count; ++i) {
    h->custom_bounds.push_back(static_cast<double>(i - 7) * 0.1);
  }
}

/// A histogram that tries the format's corners.
inline std::shared_ptr<const NativeHistogram> AwkwardHistogram(TestRandom* random) {
  auto histogram = std::make_shared<NativeHistogram>();
  NativeHistogram& h = *histogram;
  h.is_integer = random->OneIn(2);
  h.schema = static_cast<int32_t>(random->Below(57) - 4);
  h.counter_reset_hint = static_cast<CounterResetHint>(random->Below(4));
  h.zero_threshold = random->OneIn(5) ? AwkwardValue(random) : 1e-128;
  h.sum = AwkwardValue(random);
  if (h.is_integer) {
    h.integer_count = random->OneIn(50) ? ~uint64_t{0} - static_cast<uint64_t>(random->Below(9))
                                        : static_cast<uint64_t>(AwkwardCount(random));
    h.integer_zero_count = static_cast<uint64_t>(AwkwardCount(random));
  } else {
    h.count = AwkwardValue(random);
    h.zero_count = AwkwardValue(random);
  }
  FillSide(random, h.is_integer, &h.positive_spans, &h.positive, &h.integer_positive);
  FillSide(random, h.is_integer, &h.negative_spans, &h.negative, &h.integer_negative);
  if (random->OneIn(4)) GiveBounds(random, &h);
  return histogram;
}

/// Series of random histograms with the labels and times of AwkwardSeries.
inline std::vector<TestHistograms> AwkwardHistograms(uint64_t seed, int count, int64_t max_rows) {
  TestRandom random(seed + 1000);
  std::vector<TestHistograms> all;
  for (TestSeries& series : AwkwardSeries(seed, count, max_rows)) {
    TestHistograms one;
    one.labels = std::move(series.labels);
    for (size_t i = 0; i < series.time_ms.size(); ++i) {
      HistogramSample sample;
      sample.time_ms = series.time_ms[i];
      sample.start_ms = series.start_ms.empty() ? 0 : series.start_ms[i];
      const bool repeats = i > 0 && random.OneIn(4);
      sample.histogram = repeats ? one.samples.back().histogram : AwkwardHistogram(&random);
      one.samples.push_back(std::move(sample));
    }
    all.push_back(std::move(one));
  }
  return all;
}

/// Series of random exemplars; often several at one time.
inline std::vector<TestExemplars> AwkwardExemplars(uint64_t seed, int count, int64_t max_rows) {
  TestRandom random(seed + 2000);
  std::vector<TestExemplars> all;
  for (TestSeries& series : AwkwardSeries(seed, count, max_rows)) {
    TestExemplars one;
    one.labels = std::move(series.labels);
    for (size_t i = 0; i < series.time_ms.size(); ++i) {
      std::vector<std::pair<std::string, std::string>> pairs;
      if (!random.OneIn(10)) pairs.emplace_back("trace_id", std::to_string(random.Next()));
      if (random.OneIn(3)) pairs.emplace_back("größe", "v" + std::to_string(random.Below(3)));
      one.own_labels.push_back(std::make_unique<const Labels>(MakeLabels(std::move(pairs))));
      const size_t at = i - (i > 0 && random.OneIn(3) ? 1 : 0);
      one.rows.push_back({series.time_ms[at], AwkwardValue(&random), one.own_labels[i]->bytes()});
    }
    const auto compare = [](const ExemplarRow& a, const ExemplarRow& b) {
      return CompareExemplars(a, b) < 0;
    };
    const auto same = [](const ExemplarRow& a, const ExemplarRow& b) {
      return CompareExemplars(a, b) == 0;
    };
    std::sort(one.rows.begin(), one.rows.end(), compare);
    one.rows.erase(std::unique(one.rows.begin(), one.rows.end(), same), one.rows.end());
    all.push_back(std::move(one));
  }
  return all;
}

/// Give a column to every label, in file order, up to a cap.
template <typename Series>
std::vector<ColumnName> ColumnsOf(const std::vector<Series>& series,
                                  int max_columns = kDefaultMaxColumns) {
  ColumnRegistry registry(max_columns);
  for (const Series& one : series) {
    for (const Label& label : one.labels.view()) registry.Assign(label.name);
  }
  return registry.entries();
}

inline arrow::Result<FileSummary> WriteHistograms(
    io::FileSystem& fs, const std::vector<TestHistograms>& series, std::vector<ColumnName> columns,
    const WriterOptions& options, const std::string& data_path = "data.parquet",
    const std::string& series_path = "series.parquet") {
  ARROW_ASSIGN_OR_RAISE(
      auto writer, HistogramsWriter::Open(fs, data_path, series_path, std::move(columns), options));
  for (const TestHistograms& one : series) {
    ARROW_RETURN_NOT_OK(writer->Append(one.labels, one.samples));
  }
  return writer->Finish();
}

inline arrow::Result<FileSummary> WriteExemplars(
    io::FileSystem& fs, const std::vector<TestExemplars>& series, std::vector<ColumnName> columns,
    const WriterOptions& options, const std::string& data_path = "data.parquet",
    const std::string& series_path = "series.parquet") {
  ARROW_ASSIGN_OR_RAISE(
      auto writer, ExemplarsWriter::Open(fs, data_path, series_path, std::move(columns), options));
  for (const TestExemplars& one : series) {
    ARROW_RETURN_NOT_OK(writer->Append(one.labels, one.rows));
  }
  return writer->Finish();
}

/// A data file and its index, open.
template <typename Reader>
struct OpenTable {
  std::shared_ptr<Reader> data;
  std::shared_ptr<SeriesIndex> index;
  std::vector<SeriesExtent> extents;  ///< Of all series.
  LabelSets labels;
};

template <typename Reader>
arrow::Result<OpenTable<Reader>> OpenTableFiles(io::FileSystem& fs,
                                                const std::string& data_path = "data.parquet",
                                                const std::string& series_path = "series.parquet") {
  OpenTable<Reader> table;
  ARROW_ASSIGN_OR_RAISE(auto data, fs.OpenReadable(data_path));
  ARROW_ASSIGN_OR_RAISE(auto index, fs.OpenReadable(series_path));
  ARROW_ASSIGN_OR_RAISE(table.data, Reader::Open(std::move(data), nullptr));
  ARROW_ASSIGN_OR_RAISE(table.index, SeriesIndex::Open(std::move(index), nullptr));
  std::vector<uint32_t> rows(static_cast<size_t>(table.index->size()));
  std::iota(rows.begin(), rows.end(), 0u);
  ARROW_ASSIGN_OR_RAISE(table.extents, table.index->Extents(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(table.labels, table.index->LabelsOf(rows, nullptr));
  return table;
}

}  // namespace larnax::columns
