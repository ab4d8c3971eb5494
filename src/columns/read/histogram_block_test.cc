// Histograms that are kept between reads are those of the file, and take few bytes.

#include "columns/read/histogram_block.h"

#include <gtest/gtest.h>

#include "columns/format/parquet_file.h"
#include "columns/other_tables_for_test.h"
#include "columns/read/page_cache.h"
#include "columns/schema/histogram_columns.h"
#include "columns/schema/tables.h"
#include "io/sim_file_system.h"
#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::columns {
namespace {

TEST(HistogramBlock, GivesWhatWasPutIn) {
  TestRandom random(4);
  std::vector<std::shared_ptr<const NativeHistogram>> all;
  HistogramBlock block;
  for (int64_t i = 0; i < 2000; ++i) {
    all.push_back(i > 0 && random.OneIn(4) ? all.back() : AwkwardHistogram(&random));
    block.Add(*all.back(), i < 1000 ? 0 : i);
  }
  block.Shrink();
  ASSERT_EQ(block.rows(), all.size());
  std::vector<int64_t> times(all.size());
  std::iota(times.begin(), times.end(), 0);
  std::vector<HistogramSample> samples(all.size());
  block.MakeSamples(0, times, samples.data());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(samples[i].time_ms, times[i]);
    EXPECT_EQ(samples[i].start_ms, i < 1000 ? 0 : times[i]);
    ASSERT_TRUE(SameHistogram(*samples[i].histogram, *all[i])) << i;
    const bool repeats = i > 0 && SameHistogram(*all[i], *all[i - 1]);
    ASSERT_EQ(block.Repeats(i), repeats) << i;
    ASSERT_EQ(i > 0 && samples[i].histogram == samples[i - 1].histogram, repeats) << i;
  }
  block.MakeSamples(1500, std::span(times).first(3), samples.data());
  block.LendSamples(0, times, samples.data());
  NativeHistogram made;
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(samples[i].time_ms, times[i]);
    EXPECT_EQ(samples[i].start_ms, i < 1000 ? 0 : times[i]);
    EXPECT_EQ(samples[i].histogram, nullptr);
    ASSERT_TRUE(SameHistogram(HistogramOf(samples[i], &made), *all[i])) << i;
    const NativeHistogram& h = *all[i];
    EXPECT_EQ(block.Numbers(i), h.positive_spans.size() + h.negative_spans.size() +
                                    h.positive.size() + h.negative.size() +
                                    h.integer_positive.size() + h.integer_negative.size() +
                                    h.custom_bounds.size());
  }
  block.MakeSamples(1500, std::span(times).first(3), samples.data());
  EXPECT_TRUE(SameHistogram(*samples[2].histogram, *all[1502]));
}

/// Integer counts of so many buckets that grow with `step`.
std::shared_ptr<const NativeHistogram> Growing(int64_t step, uint32_t buckets) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->is_integer = true;
  histogram->sum = static_cast<double>(step);
  histogram->positive_spans = {{-4, buckets}};
  for (int64_t i = 0; i < buckets; ++i) histogram->integer_positive.push_back(step * (i + 7) % 997);
  return histogram;
}

TEST(HistogramBlock, TakesTwoBytesForAShortCount) {
  HistogramBlock block;
  for (int64_t i = 0; i < 1000; ++i) block.Add(*Growing(i, 40), 0);
  block.Shrink();
  EXPECT_LT(block.memory_bytes(), 1000 * (24 + 42 * 2) + 1000);
}

/// Reads fail from when it is told.
class FailingFile final : public io::ReadableFile {
 public:
  explicit FailingFile(std::unique_ptr<io::ReadableFile> file) : file_(std::move(file)) {}
  arrow::Status ReadAt(int64_t offset_bytes, std::span<uint8_t> out) const override {
    if (!fails) return file_->ReadAt(offset_bytes, out);
    ++failed;
    return arrow::Status::IOError("no disk");
  }
  int64_t size_bytes() const override { return file_->size_bytes(); }
  const std::string& path() const override { return file_->path(); }

  bool fails = false;
  mutable int failed = 0;

 private:
  std::unique_ptr<io::ReadableFile> file_;
};

class KeptHistograms : public testing::Test {
 protected:
  void SetUp() override {
    // Pages of buckets end at other rows than blocks.
    for (int i = 0; i < 2; ++i) {
      TestHistograms one{MakeLabels({{"__name__", "m"}, {"i", std::to_string(i)}}), {}};
      for (int64_t k = 0; k < 1500; ++k) one.samples.push_back({k * 1000, 0, Growing(k, 60)});
      series_.push_back(std::move(one));
    }
    ASSERT_OK(WriteHistograms(fs_, series_, ColumnsOf(series_), {.row_group_rows = 2500}).status());
    ASSERT_OK_AND_ASSIGN(extents_, OpenTableFiles<HistogramsReader>(fs_).Map(
                                       [](const auto& table) { return table.extents; }));
    Open(64 << 20);
  }

  void Open(int64_t budget_bytes) {
    cache_ = std::make_shared<PageCache>(budget_bytes);
    ASSERT_OK_AND_ASSIGN(auto file, fs_.OpenReadable("data.parquet"));
    ASSERT_OK_AND_ASSIGN(reader_, HistogramsReader::Open(std::move(file), nullptr, 0, std::nullopt,
                                                         std::make_shared<FilePages>(cache_)));
  }

  // Reads samples [begin, end) of both series and compares them.
  void ExpectRead(int64_t begin, int64_t end, ReadStats* stats) {
    HistogramRows rows;
    ASSERT_OK(reader_->Read(extents_, {begin * 1000, end * 1000 - 1}, &rows, stats));
    for (size_t i = 0; i < extents_.size(); ++i) {
      const auto got = rows.Of(i);
      ASSERT_EQ(got.size(), static_cast<size_t>(end - begin));
      for (size_t k = 0; k < got.size(); ++k) {
        const HistogramSample& want = series_[i].samples[static_cast<size_t>(begin) + k];
        ASSERT_EQ(got[k].time_ms, want.time_ms);
        ASSERT_TRUE(SameHistogram(*got[k].histogram, *want.histogram));
      }
    }
  }

  io::SimFileSystem fs_{1};
  std::vector<TestHistograms> series_;
  std::vector<SeriesExtent> extents_;
  std::shared_ptr<PageCache> cache_;
  std::shared_ptr<HistogramsReader> reader_;
};

TEST_F(KeptHistograms, AreReadOnce) {
  ReadStats first;
  ExpectRead(0, 1500, &first);
  EXPECT_GT(first.bytes_read, 0);
  ReadStats second;
  ExpectRead(0, 1500, &second);
  ExpectRead(700, 1100, &second);
  EXPECT_EQ(second.bytes_read, 0);
  EXPECT_LT(cache_->stats().bytes, 3000 * (24 + 62 * 2 + 16) + 20'000);
  // The blocks of row groups of 2,500 and 500 rows, and pages of times.
  EXPECT_EQ(cache_->stats().pages, 4 + 2);
}

TEST_F(KeptHistograms, AreReadAgainWhereThereIsNoRoom) {
  // For nothing, and for no block: one takes a quarter of it at most.
  for (const int64_t budget : {0, 200'000}) {
    Open(budget);
    ReadStats first;
    ExpectRead(0, 1500, &first);
    EXPECT_LE(cache_->stats().bytes, budget);
    EXPECT_EQ(cache_->stats().pages > 0, budget > 0);
    ReadStats second;
    ExpectRead(0, 1500, &second);
    EXPECT_GT(second.bytes_read, 0) << budget;
    EXPECT_LE(cache_->stats().bytes, budget);
    if (budget == 0) {
      EXPECT_EQ(second.bytes_read, first.bytes_read);
    }
  }
}

TEST_F(KeptHistograms, DamageIsThatOfWantedRowsAlone) {
  ASSERT_OK_AND_ASSIGN(auto opened, fs_.OpenReadable("data.parquet"));
  ASSERT_OK_AND_ASSIGN(const auto file, ParquetFile::Open(std::move(opened), nullptr, 0));
  size_t leaf = 0;
  while (file->leaves()[leaf].path[0] != kPositiveBucketsColumn) ++leaf;
  ASSERT_OK_AND_ASSIGN(const auto pages, file->PagesOf(0, leaf, nullptr));
  const PageLocation& damaged = (*pages)[1];
  // Rows before it lie in its block.
  ASSERT_GT(damaged.first_row, 1024 + 20);
  ASSERT_LT(damaged.first_row, 2048);
  ASSERT_OK(fs_.Corrupt("data.parquet", damaged.offset + damaged.size_bytes / 2));
  Open(64 << 20);
  const int64_t row = damaged.first_row;
  HistogramRows rows;
  ASSERT_OK(
      reader_->Read({&extents_[0], 1}, {(row - 20) * 1000, (row - 1) * 1000}, &rows, nullptr));
  EXPECT_EQ(rows.samples.size(), 20u);
  EXPECT_TRUE(SameHistogram(*rows.samples[19].histogram,
                            *series_[0].samples[static_cast<size_t>(row) - 1].histogram));
  const auto failed =
      reader_->Read({&extents_[0], 1}, {(row - 20) * 1000, row * 1000}, &rows, nullptr);
  EXPECT_EQ(KindOf(failed), ErrorKind::kCorrupt) << failed;

  // Rows around it of three blocks, of which one cannot be read whole, and of the other row group,
  // which is kept all the same.
  Open(64 << 20);
  const auto read = [&] {
    ReadStats stats;
    std::vector<SeriesExtent> extents = extents_;
    extents[0].row_count = row;
    EXPECT_OK(reader_->Read(extents, {1'000'000, 1'499'000}, &rows, &stats));
    EXPECT_EQ(rows.samples.size(), static_cast<size_t>(row - 1000 + 500));
    for (size_t k = 0; k < rows.samples.size(); ++k) {
      const auto before = static_cast<size_t>(row) - 1000;
      const HistogramSample& want =
          k < before ? series_[0].samples[1000 + k] : series_[1].samples[1000 + k - before];
      EXPECT_EQ(rows.samples[k].time_ms, want.time_ms);
      EXPECT_TRUE(SameHistogram(*rows.samples[k].histogram, *want.histogram)) << k;
    }
    return stats.bytes_read;
  };
  const int64_t first_bytes = read();
  // Two pages of times, the block before that one, and the one of the other row group.
  EXPECT_EQ(cache_->stats().pages, 4);
  EXPECT_LT(read(), first_bytes);
}

TEST_F(KeptHistograms, OnlyDamageIsLookedAtAgain) {
  ASSERT_OK_AND_ASSIGN(auto opened, fs_.OpenReadable("data.parquet"));
  const auto file = std::make_shared<FailingFile>(std::move(opened));
  ASSERT_OK_AND_ASSIGN(reader_, HistogramsReader::Open(file, nullptr, 0, std::nullopt,
                                                       std::make_shared<FilePages>(cache_)));
  std::vector<int64_t> times;
  std::vector<size_t> ends;
  ASSERT_OK(reader_->ReadTimes(extents_, TimeRange(), &times, &ends, nullptr));
  file->fails = true;
  HistogramRows rows;
  EXPECT_THAT(reader_->Read(extents_, TimeRange(), &rows, nullptr), test::HasMessage("no disk"));
  // One of each row group.
  EXPECT_EQ(file->failed, 2);
}

}  // namespace
}  // namespace larnax::columns
