// Histograms, exemplars and metadata that are written are read back, whatever they are.

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/format/file_builder.h"
#include "columns/other_tables_for_test.h"
#include "columns/schema/histogram_columns.h"
#include "columns/schema/tables.h"
#include "columns/write/metadata_file.h"
#include "io/sim_file_system.h"

namespace larnax::columns {
namespace {

using testing::ElementsAre;

struct Shape {
  const char* name;
  WriterOptions options;
};

std::vector<Shape> Shapes() {
  return {{"fresh", {.tier = Tier::kFresh}},
          {"day", {.tier = Tier::kDay}},
          {"wide", {.tier = Tier::kMerged, .wide_compat = true}},
          {"tiny", {.tier = Tier::kMerged, .row_group_rows = 7, .series_page_rows = 2}},
          {"single", {.tier = Tier::kMerged, .row_group_rows = 1}}};
}

void ExpectSame(std::span<const HistogramSample> got, std::span<const HistogramSample> want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(got[i].time_ms, want[i].time_ms);
    ASSERT_EQ(got[i].start_ms, want[i].start_ms);
    ASSERT_TRUE(SameHistogram(*got[i].histogram, *want[i].histogram)) << i;
  }
}

void ExpectSame(std::span<const ExemplarRow> got, std::span<const ExemplarRow> want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) ASSERT_EQ(CompareExemplars(got[i], want[i]), 0) << i;
}

TEST(HistogramsFile, KeepsAwkwardSeriesInEveryShape) {
  for (const Shape& shape : Shapes()) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(testing::Message() << shape.name << " seed=" << seed);
      const auto series = AwkwardHistograms(seed, 30, 40);
      io::SimFileSystem fs(1);
      const auto summary = WriteHistograms(fs, series, ColumnsOf(series), shape.options);
      ASSERT_TRUE(summary.ok()) << summary.status();
      const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
      HistogramRows rows;
      const auto status = table.data->Read(table.extents, TimeRange(), &rows, nullptr);
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_EQ(table.extents.size(), series.size());
      for (size_t i = 0; i < series.size(); ++i) {
        ASSERT_EQ(table.labels[i].ToString(), series[i].labels.ToString());
        ExpectSame(rows.Of(i), series[i].samples);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(ExemplarsFile, KeepsAwkwardSeriesInEveryShape) {
  for (const Shape& shape : Shapes()) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(testing::Message() << shape.name << " seed=" << seed);
      const auto series = AwkwardExemplars(seed, 30, 40);
      io::SimFileSystem fs(1);
      const auto summary = WriteExemplars(fs, series, ColumnsOf(series), shape.options);
      ASSERT_TRUE(summary.ok()) << summary.status();
      const auto table = OpenTableFiles<ExemplarsReader>(fs).ValueOrDie();
      ExemplarRows rows;
      const auto status = table.data->Read(table.extents, TimeRange(), &rows, nullptr);
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_EQ(table.extents.size(), series.size());
      for (size_t i = 0; i < series.size(); ++i) {
        ASSERT_EQ(table.labels[i].ToString(), series[i].labels.ToString());
        ExpectSame(rows.Of(i), series[i].rows);
        if (HasFatalFailure()) return;
      }
    }
  }
}

/// Every `step`th of some extents.
std::vector<SeriesExtent> EveryNth(const std::vector<SeriesExtent>& extents, size_t step) {
  std::vector<SeriesExtent> some;
  for (size_t i = 0; i < extents.size(); i += step) some.push_back(extents[i]);
  return some;
}

TEST(HistogramsReader, ReadsSomeSeriesInATimeRange) {
  const auto series = AwkwardHistograms(7, 30, 40);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteHistograms(fs, series, ColumnsOf(series), {.row_group_rows = 100}).ok());
  const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
  TestRandom random(3);
  for (size_t step = 1; step < 6; ++step) {
    const auto extents = EveryNth(table.extents, step);
    const int64_t start = 1'700'000'000'000 + random.Below(300'000);
    const TimeRange range{start, start + random.Below(400'000)};
    HistogramRows rows;
    std::vector<int64_t> times;
    std::vector<size_t> ends;
    ASSERT_TRUE(table.data->Read(extents, range, &rows, nullptr).ok());
    ASSERT_TRUE(table.data->ReadTimes(extents, range, &times, &ends, nullptr).ok());
    EXPECT_EQ(ends, rows.ends);
    for (size_t i = 0; i < extents.size(); ++i) {
      std::vector<HistogramSample> want;
      for (const HistogramSample& sample : series[i * step].samples) {
        if (range.Contains(sample.time_ms)) want.push_back(sample);
      }
      ExpectSame(rows.Of(i), want);
      if (HasFatalFailure()) return;
    }
    for (size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i], rows.samples[i].time_ms);
  }
}

TEST(ExemplarsReader, ReadsSomeSeriesInATimeRange) {
  const auto series = AwkwardExemplars(8, 30, 40);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteExemplars(fs, series, ColumnsOf(series), {.row_group_rows = 100}).ok());
  const auto table = OpenTableFiles<ExemplarsReader>(fs).ValueOrDie();
  const TimeRange range{1'700'000'100'000, 1'700'000'300'000};
  const auto extents = EveryNth(table.extents, 3);
  ExemplarRows rows;
  ASSERT_TRUE(table.data->Read(extents, range, &rows, nullptr).ok());
  for (size_t i = 0; i < extents.size(); ++i) {
    std::vector<ExemplarRow> want;
    for (const ExemplarRow& row : series[i * 3].rows) {
      if (range.Contains(row.time_ms)) want.push_back(row);
    }
    ExpectSame(rows.Of(i), want);
  }
}

/// A histogram of many buckets that moves with `step`.
std::shared_ptr<const NativeHistogram> Busy(int64_t step) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->is_integer = true;
  histogram->positive_spans = {{0, 64}};
  for (int64_t i = 0; i < 64; ++i) histogram->integer_positive.push_back(step * (i + 7) % 9973);
  return histogram;
}

TEST(HistogramsReader, ReadsOnlyPagesOfWantedRows) {
  std::vector<TestHistograms> series;
  for (int i = 0; i < 4; ++i) {
    TestHistograms one{MakeLabels({{"__name__", "m"}, {"i", std::to_string(i)}}), {}};
    for (int64_t k = 0; k < 5760; ++k) one.samples.push_back({k * 15'000, 0, Busy(k)});
    series.push_back(std::move(one));
  }
  io::SimFileSystem fs(1);
  const auto summary = WriteHistograms(fs, series, ColumnsOf(series), {}).ValueOrDie();
  const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
  HistogramRows rows;
  ReadStats all;
  ASSERT_TRUE(table.data->Read(table.extents, TimeRange(), &rows, &all).ok());
  EXPECT_EQ(rows.samples.size(), 4 * 5760u);
  ReadStats hour;
  ASSERT_TRUE(
      table.data->Read({&table.extents[2], 1}, {36'000'000, 39'599'999}, &rows, &hour).ok());
  EXPECT_EQ(rows.samples.size(), 240u);
  EXPECT_LT(hour.bytes_read * 6, all.bytes_read);
  EXPECT_LT(hour.pages_read * 2, all.pages_read);
  ReadStats none;
  ASSERT_TRUE(table.data->Read(table.extents, {90'000'000, 99'000'000}, &rows, &none).ok());
  EXPECT_EQ(none.bytes_read, 0);
  EXPECT_EQ(rows.ends, std::vector<size_t>(4, 0));
  EXPECT_GT(summary.data_bytes, 0);
}

TEST(HistogramsReader, SharesEqualNeighbours) {
  const std::vector<TestHistograms> series = {
      {MakeLabels({{"__name__", "m"}}), {{0, 0, Busy(1)}, {1, 0, Busy(1)}, {2, 0, Busy(2)}}}};
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteHistograms(fs, series, {}, {}).ok());
  const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
  HistogramRows rows;
  ASSERT_TRUE(table.data->Read(table.extents, TimeRange(), &rows, nullptr).ok());
  EXPECT_EQ(rows.samples[0].histogram, rows.samples[1].histogram);
  EXPECT_NE(rows.samples[1].histogram, rows.samples[2].histogram);
}

TEST(HistogramsReader, RefusesExtentsOutsideTheFile) {
  const auto series = AwkwardHistograms(9, 3, 5);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteHistograms(fs, series, ColumnsOf(series), {}).ok());
  const auto table = OpenTableFiles<HistogramsReader>(fs).ValueOrDie();
  const int64_t max = std::numeric_limits<int64_t>::max();
  for (const auto& [start, count] : {std::pair<int64_t, int64_t>{-1, 2},
                                     {0, table.data->rows() + 1},
                                     {max, 1},
                                     {1, max},
                                     {0, -1}}) {
    const SeriesExtent extent{.row_start = start, .row_count = count};
    HistogramRows rows;
    EXPECT_TRUE(table.data->Read({&extent, 1}, TimeRange(), &rows, nullptr).IsInvalid());
  }
  const std::vector<SeriesExtent> twice = {table.extents[1], table.extents[1]};
  HistogramRows rows;
  EXPECT_TRUE(table.data->Read(twice, TimeRange(), &rows, nullptr).IsInvalid());
}

TEST(HistogramsWriter, RefusesHistogramsWhosePartsDoNotFit) {
  NativeHistogram longer = *Busy(1);
  longer.positive_spans[0].length = 65;
  NativeHistogram mixed = *Busy(1);
  mixed.count = 1;
  NativeHistogram both = *Busy(1);
  both.positive = std::vector<double>(64);
  NativeHistogram hint = *Busy(1);
  hint.counter_reset_hint = static_cast<CounterResetHint>(4);
  NativeHistogram huge;
  huge.positive_spans = {{0, (1 << 20) + 1}};
  huge.positive.resize((1 << 20) + 1);
  NativeHistogram floats;
  floats.integer_count = 1;
  NativeHistogram far = *Busy(1);
  far.positive_spans[0].offset = 1 << 30;
  for (const NativeHistogram& bad : {longer, mixed, both, hint, huge, floats, far}) {
    EXPECT_TRUE(CheckHistogram(bad).IsInvalid());
    const std::vector<TestHistograms> series = {
        {MakeLabels({{"__name__", "m"}}),
         {{0, 0, Busy(1)}, {1, 0, std::make_shared<const NativeHistogram>(bad)}}}};
    io::SimFileSystem fs(1);
    EXPECT_TRUE(WriteHistograms(fs, series, {}, {}).status().IsInvalid());
  }
  EXPECT_TRUE(CheckHistogram(*Busy(1)).ok());
  EXPECT_TRUE(CheckHistogram({}).ok());
}

TEST(ColumnsIn, EscapesLabelsThatAreCalledLikeColumns) {
  ColumnRegistry registry;
  for (const char* name : {"Schema", "job", "schema_label", "schema", "count", "exemplar_labels"}) {
    registry.Assign(name);
  }
  std::vector<std::string> names;
  for (const ColumnName& one : ColumnsIn(SchemaTable::kHistograms, registry.entries())) {
    names.push_back(one.column);
  }
  EXPECT_THAT(names, ElementsAre("Schema_label", "job", "schema_label_label", "schema_label2",
                                 "count_label", "exemplar_labels"));
  names.clear();
  for (const ColumnName& one : ColumnsIn(SchemaTable::kExemplars, registry.entries())) {
    names.push_back(one.column);
  }
  EXPECT_THAT(names, ElementsAre("Schema", "job", "schema_label", "schema_label2", "count",
                                 "exemplar_labels_label"));
}

TEST(MetadataFile, RefusesRowsOutOfOrder) {
  io::SimFileSystem fs(1);
  const MetadataRow row{"m", "counter", "", "", 5, 7};
  for (const std::vector<MetadataRow>& rows : {std::vector<MetadataRow>{row, row},
                                               {{"n", "counter", "", "", 5, 7}, row},
                                               {{"m", "counter", "", "", 8, 7}},
                                               {{"m", "counter", "", "", -1, 7}},
                                               {{"m", "counter", "", "", 1, kMaxTimeMs + 1}}}) {
    EXPECT_TRUE(WriteMetadataFile(fs, "m.parquet", rows, {}).status().IsInvalid());
  }
}

TEST(MetadataFile, KeepsRows) {
  io::SimFileSystem fs(1);
  const std::vector<MetadataRow> rows = {{"", "gauge", "", "", 0, 0},
                                         {"m", "counter", "Größe \"x\"\n", "bytes", 5, 7},
                                         {"m", "counter", "other", "bytes", 1, 9},
                                         {"n", "histogram", std::string(5000, 'x'), "", 3, 3}};
  ASSERT_TRUE(WriteMetadataFile(fs, "m.parquet", rows, {}).ok());
  const auto got = ReadMetadataFile(fs.OpenReadable("m.parquet").ValueOrDie(), nullptr);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == rows);
  ASSERT_TRUE(WriteMetadataFile(fs, "empty.parquet", {}, {}).ok());
  EXPECT_TRUE(ReadMetadataFile(fs.OpenReadable("empty.parquet").ValueOrDie(), nullptr)->empty());
}

// A compressor that got no memory gives no bytes.
TEST(FileBuilder, WritesNoChunkThatIsNotWhole) {
  io::SimFileSystem fs(1);
  FileBuilder builder(fs.Create("file").ValueOrDie());
  EncodedChunk chunk;
  AddCompressedPage("xy", 8, Encoding::kPlain, 1, 0, &chunk);
  EXPECT_TRUE(builder.WriteChunk(chunk).ok());
  AddCompressedPage({}, 8, Encoding::kPlain, 1, 1, &chunk);
  AddCompressedPage("xy", 8, Encoding::kPlain, 1, 2, &chunk);
  EXPECT_TRUE(builder.WriteChunk(chunk).status().IsOutOfMemory());
}

}  // namespace
}  // namespace larnax::columns
