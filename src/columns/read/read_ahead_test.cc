// What will be read is asked for before it is: a cold query waits for the disk a few times, not
// once for each page.

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "columns/file_for_test.h"
#include "columns/format/parquet_file.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "io/sim_file_system.h"
#include "larnax/labels.h"
#include "test/matchers.h"

namespace larnax::columns {
namespace {

using ByteSpan = std::pair<int64_t, int64_t>;  // Offset and end.

/// Notes what is asked for and which reads were not.
class NotingFile final : public io::ReadableFile {
 public:
  explicit NotingFile(std::unique_ptr<io::ReadableFile> file) : file_(std::move(file)) {}
  arrow::Status ReadAt(int64_t offset_bytes, std::span<uint8_t> out) const override {
    const int64_t end = offset_bytes + static_cast<int64_t>(out.size());
    ++reads;
    const bool was_asked = std::any_of(asked.begin(), asked.end(), [&](const ByteSpan& span) {
      return span.first <= offset_bytes && end <= span.second;
    });
    unasked += was_asked ? 0 : 1;
    return file_->ReadAt(offset_bytes, out);
  }
  void WillRead(int64_t offset_bytes, int64_t size_bytes) const override {
    EXPECT_GT(size_bytes, 0) << "to the system, no bytes are all bytes";
    EXPECT_GE(offset_bytes, 0);
    EXPECT_LE(offset_bytes + size_bytes, file_->size_bytes());
    asked.emplace_back(offset_bytes, offset_bytes + size_bytes);
  }
  int64_t size_bytes() const override { return file_->size_bytes(); }
  const std::string& path() const override { return file_->path(); }

  mutable std::vector<ByteSpan> asked;
  mutable int reads = 0;
  mutable int unasked = 0;

 private:
  std::unique_ptr<io::ReadableFile> file_;
};

class ReadAhead : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(WriteSeries(fs_, series_, ColumnsFor(series_, 12),
                          {.tier = Tier::kMerged, .value_page_rows = 64, .series_page_rows = 16}));
  }
  std::shared_ptr<NotingFile> Open(const char* path) {
    return std::make_shared<NotingFile>(fs_.OpenReadable(path).ValueOrDie());
  }

  io::SimFileSystem fs_{1};
  std::vector<TestSeries> series_ = AwkwardSeries(7, 300, 40);
};

TEST_F(ReadAhead, OfAnIndexCoversAQuery) {
  const auto file = Open("series.parquet");
  ParquetFile::WillOpen(*file, 0);
  const auto index = SeriesIndex::Open(file, nullptr);
  ASSERT_OK(index);
  const auto matchers = ParseSelector("metric_1{job=~\"v.*\"}").ValueOrDie();
  const auto rows = (*index)->Match(matchers, TimeRange(), nullptr);
  ASSERT_OK(rows);
  ASSERT_GT(rows->size(), 3u);
  ASSERT_OK((*index)->Extents(*rows, nullptr));
  EXPECT_GT(file->reads, 10);
  EXPECT_EQ(file->unasked, 0);
}

TEST_F(ReadAhead, OfAnIndexAsksOnce) {
  const auto file = Open("series.parquet");
  const auto index = SeriesIndex::Open(file, nullptr);
  ASSERT_OK(index);
  const auto matchers = ParseSelector("metric_1").ValueOrDie();
  for (int round = 0; round < 2; ++round) {
    const auto rows = (*index)->Match(matchers, TimeRange(), nullptr);
    ASSERT_OK(rows);
    ASSERT_OK((*index)->LabelsOf(*rows, nullptr));
    ASSERT_OK((*index)->Extents(*rows, nullptr));
    EXPECT_EQ(file->asked.empty(), round == 1);
    file->asked.clear();
  }
}

TEST_F(ReadAhead, OfRowsCoversTimesAndValues) {
  const auto file = Open("data.parquet");
  ParquetFile::WillOpen(*file, 0);
  const auto reader = SamplesReader::Open(file, nullptr);
  ASSERT_OK(reader);
  const std::vector<RowRange> ranges = {{.first = 100, .count = 40}, {.first = 900, .count = 300}};
  ASSERT_OK((*reader)->WillRead(ranges, nullptr));
  std::vector<int64_t> times;
  std::vector<double> values;
  ASSERT_OK((*reader)->ReadTimes(ranges, &times, nullptr));
  ASSERT_OK((*reader)->ReadValues(ranges, &values, nullptr));
  EXPECT_GE(file->reads, 3);
  EXPECT_EQ(file->unasked, 0);
}

}  // namespace
}  // namespace larnax::columns
