// Files of format 1 as they were first written, in test/golden: they must be read for ever, and the
// writer must go on writing the same bytes.
//
// With LARNAX_UPDATE_GOLDEN=1 in the environment the files are written anew instead; a change of
// theirs is a change of the format and belongs in docs/format/parquet.md.

#include <zstd.h>

#include <bit>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "columns/file_for_test.h"
#include "columns/golden_for_test.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "io/file_system.h"

namespace larnax::columns {
namespace {

const std::string kDirectory = LARNAX_GOLDEN_DIR;

struct GoldenFile {
  const char* name;
  WriterOptions options;
  int max_columns;
};

/// Files of earlier writers, which chose encodings page by page or compressed values at level 17:
/// read, not written.
std::vector<GoldenFile> EarlierFiles() {
  return {{"merged-pages-alone", {}, 256}, {"day-pages-alone", {}, 256}, {"day-level-17", {}, 256}};
}

std::vector<GoldenFile> GoldenFiles() {
  return {{"fresh", {.tier = Tier::kFresh}, 256},
          {"merged", {.tier = Tier::kMerged, .row_group_rows = 400}, 256},
          {"wide", {.tier = Tier::kMerged, .wide_compat = true}, 6},
          {"day",
           {.tier = Tier::kDay,
            .row_group_rows = 512,
            .time_page_rows = 128,
            .value_page_rows = 64,
            .long_series_page_rows = 16,
            .series_page_rows = 16,
            .summary_min_rows = 0},
           256}};
}

std::string DataPath(const GoldenFile& file) {
  return kDirectory + "/samples-1-" + file.name + ".parquet";
}
std::string SeriesPath(const GoldenFile& file) {
  return kDirectory + "/series-1-" + file.name + ".parquet";
}

std::vector<TestSeries> GoldenSeries() { return AwkwardSeries(2026, 40, 48); }

/// What the files hold, values as bits in hexadecimal.
nlohmann::json ExpectedContent(const std::vector<TestSeries>& series) {
  nlohmann::json all = nlohmann::json::array();
  for (const TestSeries& one : series) {
    nlohmann::json labels = nlohmann::json::object();
    for (const Label& label : one.labels.view()) {
      labels[std::string(label.name)] = std::string(label.value);
    }
    nlohmann::json samples = nlohmann::json::array();
    for (size_t i = 0; i < one.time_ms.size(); ++i) {
      char bits[17];
      std::snprintf(bits, sizeof(bits), "%016llx",
                    static_cast<unsigned long long>(std::bit_cast<uint64_t>(one.value[i])));
      samples.push_back({one.time_ms[i], bits, one.start_ms.empty() ? 0 : one.start_ms[i]});
    }
    all.push_back({{"labels", std::move(labels)}, {"samples", std::move(samples)}});
  }
  return all;
}

arrow::Result<std::vector<TestSeries>> ReadFiles(io::FileSystem& fs, const GoldenFile& file) {
  ARROW_ASSIGN_OR_RAISE(auto data, fs.OpenReadable(DataPath(file)));
  ARROW_ASSIGN_OR_RAISE(auto series, fs.OpenReadable(SeriesPath(file)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, SamplesReader::Open(std::move(data), nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto index, SeriesIndex::Open(std::move(series), nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto rows, index->Match({}, {}, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto labels, index->LabelsOf(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto extents, index->Extents(rows, nullptr));
  std::vector<TestSeries> all;
  for (size_t i = 0; i < rows.size(); ++i) {
    TestSeries one;
    one.labels = Labels(labels[i]);
    const RowRange range{extents[i].row_start, extents[i].row_count};
    ARROW_RETURN_NOT_OK(reader->ReadTimes({&range, 1}, &one.time_ms, nullptr));
    ARROW_RETURN_NOT_OK(reader->ReadValues({&range, 1}, &one.value, nullptr));
    ARROW_RETURN_NOT_OK(reader->ReadStarts({&range, 1}, &one.start_ms, nullptr));
    all.push_back(std::move(one));
  }
  return all;
}

TEST(Golden, WritesThemAnewWhenTold) {
  if (!IsUpdatingGolden()) GTEST_SKIP() << "LARNAX_UPDATE_GOLDEN is not set";
  io::FileSystem& fs = io::RealFileSystem();
  const auto series = GoldenSeries();
  for (const GoldenFile& file : GoldenFiles()) {
    (void)fs.RemoveFile(DataPath(file));
    (void)fs.RemoveFile(SeriesPath(file));
    ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, file.max_columns), file.options,
                            DataPath(file), SeriesPath(file))
                    .ok());
  }
  const nlohmann::json content = {{"zstd", ZSTD_versionString()},
                                  {"series", ExpectedContent(series)}};
  ASSERT_TRUE(io::ReplaceFile(fs, kDirectory + "/samples-1.json", content.dump(1) + "\n").ok());
}

TEST(Golden, ReadsThem) {
  io::FileSystem& fs = io::RealFileSystem();
  const auto expected =
      nlohmann::json::parse(io::ReadFile(fs, kDirectory + "/samples-1.json").ValueOrDie());
  std::vector<GoldenFile> files = GoldenFiles();
  for (const GoldenFile& file : EarlierFiles()) files.push_back(file);
  for (const GoldenFile& file : files) {
    SCOPED_TRACE(file.name);
    const auto series = ReadFiles(fs, file);
    ASSERT_TRUE(series.ok()) << series.status().ToString();
    EXPECT_EQ(ExpectedContent(*series), expected["series"]);
  }
}

TEST(Golden, WritesTheSameBytes) {
  io::FileSystem& fs = io::RealFileSystem();
  const auto expected =
      nlohmann::json::parse(io::ReadFile(fs, kDirectory + "/samples-1.json").ValueOrDie());
  if (expected["zstd"] != ZSTD_versionString()) {
    GTEST_SKIP() << "another zstd compresses to other bytes: theirs=" << expected["zstd"];
  }
  io::SimFileSystem memory(1);
  const auto series = GoldenSeries();
  for (const GoldenFile& file : GoldenFiles()) {
    SCOPED_TRACE(file.name);
    const std::string data = std::string(file.name) + ".data";
    const std::string index = std::string(file.name) + ".series";
    ASSERT_TRUE(
        WriteSeries(memory, series, ColumnsFor(series, file.max_columns), file.options, data, index)
            .ok());
    EXPECT_TRUE(ComparableBytes(memory, data) == ComparableBytes(fs, DataPath(file)));
    EXPECT_TRUE(ComparableBytes(memory, index) == ComparableBytes(fs, SeriesPath(file)));
  }
}

}  // namespace
}  // namespace larnax::columns
