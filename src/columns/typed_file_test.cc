// Histograms, exemplars and metadata that are written are read back, whatever they are.

#include <bit>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/metadata_file.h"
#include "columns/typed_for_test.h"
#include "io/sim_file_system.h"
#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::columns {
namespace {

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

}  // namespace
}  // namespace larnax::columns
