#include "columns/check/file_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/file_for_test.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

WriterOptions SmallPages() {
  return {.tier = Tier::kMerged,
          .row_group_rows = 64,
          .time_page_rows = 20,
          .value_page_rows = 16,
          .long_series_page_rows = 8,
          .series_page_rows = 8,
          .summary_min_rows = 0};
}

std::string FileBytes(io::FileSystem& fs, const std::string& path) {
  return io::ReadFile(fs, path).ValueOrDie();
}

void PutFile(io::FileSystem& fs, const std::string& path, const std::string& bytes) {
  (void)fs.RemoveFile(path);
  auto file = fs.Create(path).ValueOrDie();
  ASSERT_TRUE(file->Append({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}).ok());
  ASSERT_TRUE(file->Close().ok());
}

TEST(VerifyFile, FindsNothingWrongWithGoodFiles) {
  for (const WriterOptions& options :
       {SmallPages(), WriterOptions{.tier = Tier::kFresh}, WriterOptions{.tier = Tier::kDay}}) {
    for (const int cap : {0, 4, 256}) {
      const auto series = AwkwardSeries(21, 50, 40);
      io::SimFileSystem fs(1);
      ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, cap), options).ok());
      EXPECT_THAT(VerifyFile(fs, "data.parquet", "series.parquet").ValueOrDie(), IsEmpty());
    }
  }
}

TEST(VerifyFile, FindsAnIndexOfAnotherFile) {
  auto series = AwkwardSeries(22, 20, 40);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series), SmallPages()).ok());
  series[7].value[0] = 12345.5;
  series[9].time_ms.back() += 1;
  ASSERT_TRUE(
      WriteSeries(fs, series, ColumnsFor(series), SmallPages(), "data2.parquet", "series2.parquet")
          .ok());
  const auto problems = VerifyFile(fs, "data.parquet", "series2.parquet").ValueOrDie();
  EXPECT_THAT(problems, Contains(HasSubstr("index has other value summaries")));
  EXPECT_THAT(problems, Contains(HasSubstr("index has other rows or times")));
  EXPECT_THAT(VerifyFile(fs, "data2.parquet", "series2.parquet").ValueOrDie(), IsEmpty());
}

TEST(VerifyFile, FailsWhereAFileIsMissing) {
  io::SimFileSystem fs(1);
  EXPECT_EQ(KindOf(VerifyFile(fs, "a", "b").status()), ErrorKind::kNotFound);
}

TEST(RebuildIndex, GivesTheSameBytes) {
  for (const WriterOptions& options :
       {SmallPages(), WriterOptions{.tier = Tier::kFresh}, WriterOptions{.tier = Tier::kDay}}) {
    for (const int cap : {0, 4, 256}) {
      const auto series = AwkwardSeries(23, 60, 50);
      io::SimFileSystem fs(1);
      ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, cap), options).ok());
      ASSERT_TRUE(RebuildIndex(fs, "data.parquet", "rebuilt.parquet", options).ok());
      EXPECT_TRUE(FileBytes(fs, "rebuilt.parquet") == FileBytes(fs, "series.parquet"));
    }
  }
}

TEST(InspectFile, TellsColumnsAndSizes) {
  const auto series = AwkwardSeries(24, 40, 40);
  io::SimFileSystem fs(1);
  WriterOptions options = SmallPages();
  options.key_values["writer"] = "test";
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series), options).ok());
  const FileReport report = InspectFile(fs, "data.parquet").ValueOrDie();
  EXPECT_EQ(report.file_bytes, static_cast<int64_t>(FileBytes(fs, "data.parquet").size()));
  EXPECT_GT(report.row_groups, 1);
  EXPECT_EQ(report.columns.front().name, "metric");
  EXPECT_EQ(report.columns.front().label, "__name__");
  EXPECT_EQ(report.columns.back().name, "start_timestamp");
  EXPECT_EQ(report.key_values.at("writer"), "test");
  EXPECT_EQ(report.key_values.at("larnax.format"), "1");
  EXPECT_THAT(report.columns.front().encodings, ElementsAre("RLE_DICTIONARY"));
  bool saw_escaped = false;
  for (const ColumnReport& column : report.columns) {
    EXPECT_GT(column.compressed_bytes, 0) << column.name;
    saw_escaped |= column.name == "value_label" && column.label == "value";
  }
  EXPECT_TRUE(saw_escaped);
}

/// Read all that can be read; whatever is given is compared with the good file's.
arrow::Result<std::vector<uint64_t>> ReadAll(io::FileSystem& fs) {
  std::vector<uint64_t> all;
  ARROW_ASSIGN_OR_RAISE(auto data, fs.OpenReadable("data.parquet"));
  ARROW_ASSIGN_OR_RAISE(auto series, fs.OpenReadable("series.parquet"));
  ARROW_ASSIGN_OR_RAISE(const auto reader, SamplesReader::Open(std::move(data), nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto index, SeriesIndex::Open(std::move(series), nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto rows, index->Match({}, {}, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto labels, index->LabelsOf(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto extents, index->Extents(rows, nullptr));
  ARROW_ASSIGN_OR_RAISE(const auto ids, index->SeriesIds(rows, nullptr));
  if (index->has_values()) {
    ARROW_ASSIGN_OR_RAISE(const auto values, index->Values(rows, nullptr));
    for (const SeriesValues& one : values) all.push_back(std::bit_cast<uint64_t>(one.sum));
  }
  ARROW_ASSIGN_OR_RAISE(const auto names, index->DistinctNames(nullptr));
  for (const std::string& name : names) all.push_back(std::hash<std::string>()(name));
  std::vector<RowRange> ranges;
  for (size_t i = 0; i < rows.size(); ++i) {
    all.push_back(std::hash<std::string_view>()(labels[i].bytes()));
    all.push_back(ids[i]);
    all.push_back(static_cast<uint64_t>(extents[i].min_time_ms));
    ranges.push_back({extents[i].row_start, extents[i].row_count});
  }
  std::vector<int64_t> times;
  std::vector<int64_t> starts;
  std::vector<double> values;
  ARROW_RETURN_NOT_OK(reader->ReadTimes(ranges, &times, nullptr));
  ARROW_RETURN_NOT_OK(reader->ReadValues(ranges, &values, nullptr));
  ARROW_RETURN_NOT_OK(reader->ReadStarts(ranges, &starts, nullptr));
  for (const int64_t time : times) all.push_back(static_cast<uint64_t>(time));
  for (const int64_t start : starts) all.push_back(static_cast<uint64_t>(start));
  for (const double value : values) all.push_back(std::bit_cast<uint64_t>(value));
  return all;
}

/// Bytes of a file before its footer: pages and offset indexes.
size_t BodyBytes(io::FileSystem& fs, const std::string& path) {
  const FileReport report = InspectFile(fs, path).ValueOrDie();
  return static_cast<size_t>(report.file_bytes - report.footer_bytes);
}

TEST(CorruptFile, GivesAnErrorOrTheSameData) {
  const auto series = AwkwardSeries(25, 6, 12);
  const WriterOptions options{.tier = Tier::kMerged,
                              .row_group_rows = 60,
                              .time_page_rows = 20,
                              .value_page_rows = 16,
                              .series_page_rows = 8,
                              .summary_min_rows = 0};
  for (const int cap : {3, 256}) {
    io::SimFileSystem fs(1);
    ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, cap), options).ok());
    const std::vector<uint64_t> want = ReadAll(fs).ValueOrDie();
    for (const std::string path : {"data.parquet", "series.parquet"}) {
      const std::string good = FileBytes(fs, path);
      const size_t body = BodyBytes(fs, path);
      for (size_t at = 0; at < good.size(); at += cap == 3 ? 5 : 1) {
        for (const uint8_t mask : {uint8_t{0x01}, uint8_t{0xFF}}) {
          ASSERT_TRUE(fs.Corrupt(path, static_cast<int64_t>(at), mask).ok());
          const auto got = ReadAll(fs);
          // The footer has no checksum of its own (the manifest holds one): there only the absence
          // of crashes is asked for.
          if (!got.ok()) {
            EXPECT_TRUE(KindOf(got.status()) == ErrorKind::kCorrupt || got.status().IsInvalid())
                << got.status().ToString();
          } else if (at < body) {
            EXPECT_TRUE(*got == want) << path << " at=" << at;
          }
          if (at % 37 == 0) {
            EXPECT_TRUE(VerifyFile(fs, "data.parquet", "series.parquet").ok()) << at;
          }
          ASSERT_TRUE(fs.Corrupt(path, static_cast<int64_t>(at), mask).ok());
        }
      }
    }
  }
}

TEST(VerifyFile, FindsAnyFlippedByteBehindTheMagicAndBeforeTheFooter) {
  const auto series = AwkwardSeries(26, 12, 12);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series), {}).ok());
  for (const std::string path : {"data.parquet", "series.parquet"}) {
    const int64_t footer = InspectFile(fs, path).ValueOrDie().footer_bytes;
    const auto end = static_cast<int64_t>(FileBytes(fs, path).size()) - footer;
    for (int64_t at = 4; at < end; at += 3) {
      ASSERT_TRUE(fs.Corrupt(path, at, 0x10).ok());
      const auto problems = VerifyFile(fs, "data.parquet", "series.parquet");
      ASSERT_TRUE(problems.ok()) << problems.status().ToString();
      EXPECT_FALSE(problems->empty()) << path << " at=" << at;
      ASSERT_TRUE(fs.Corrupt(path, at, 0x10).ok());
    }
  }
}

TEST(CorruptFile, SurvivesTruncationAndNoise) {
  const auto series = AwkwardSeries(26, 12, 12);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series), {}).ok());
  const std::string data = FileBytes(fs, "data.parquet");
  const std::string index = FileBytes(fs, "series.parquet");
  TestRandom random(9);
  for (int round = 0; round < 3000; ++round) {
    std::string bad_data = data;
    std::string bad_index = index;
    for (std::string* bytes : {&bad_data, &bad_index}) {
      if (random.OneIn(4))
        bytes->resize(static_cast<size_t>(random.Below(static_cast<int64_t>(bytes->size()))));
      // Mostly near the end, where the footer is: pages have checksums.
      for (int64_t i = random.Below(6); i > 0 && !bytes->empty(); --i) {
        const auto size = static_cast<int64_t>(bytes->size());
        const int64_t from = random.OneIn(4) ? 0 : std::max<int64_t>(0, size - 3000);
        (*bytes)[static_cast<size_t>(from + random.Below(size - from))] =
            static_cast<char>(random.Next());
      }
    }
    PutFile(fs, "data.parquet", bad_data);
    PutFile(fs, "series.parquet", bad_index);
    (void)ReadAll(fs);
    const auto problems = VerifyFile(fs, "data.parquet", "series.parquet");
    EXPECT_TRUE(problems.ok());
  }
}

}  // namespace
}  // namespace larnax::columns
