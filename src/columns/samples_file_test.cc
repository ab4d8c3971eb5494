// What is written is read back, whatever it is: writer, index and reader together.

#include <bit>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "columns/file_for_test.h"
#include "columns/read/page_cache.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "columns/write/samples_writer.h"
#include "io/executor.h"
#include "io/sim_file_system.h"
#include "io/task_runner.h"
#include "test/matchers.h"

namespace larnax::columns {
namespace {

using testing::ElementsAre;

std::vector<uint64_t> Bits(std::span<const double> values) {
  std::vector<uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<uint64_t>(value));
  return bits;
}

struct OpenFiles {
  std::shared_ptr<SamplesReader> data;
  std::shared_ptr<SeriesIndex> index;
};

arrow::Result<OpenFiles> OpenBoth(io::FileSystem& fs) {
  OpenFiles files;
  ARROW_ASSIGN_OR_RAISE(auto data, fs.OpenReadable("data.parquet"));
  ARROW_ASSIGN_OR_RAISE(auto index, fs.OpenReadable("series.parquet"));
  ARROW_ASSIGN_OR_RAISE(files.data, SamplesReader::Open(std::move(data), nullptr));
  ARROW_ASSIGN_OR_RAISE(files.index, SeriesIndex::Open(std::move(index), nullptr));
  return files;
}

std::vector<uint32_t> AllRows(const SeriesIndex& index) {
  std::vector<uint32_t> rows(static_cast<size_t>(index.size()));
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

/// Read everything back and compare it with what was written.
void ExpectSame(io::FileSystem& fs, const std::vector<TestSeries>& series) {
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  ASSERT_EQ(files.index->size(), static_cast<int64_t>(series.size()));
  const std::vector<uint32_t> rows = AllRows(*files.index);
  const LabelSets labels = files.index->LabelsOf(rows, nullptr).ValueOrDie();
  const auto extents = files.index->Extents(rows, nullptr).ValueOrDie();
  const auto ids = files.index->SeriesIds(rows, nullptr).ValueOrDie();
  int64_t row = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    const TestSeries& want = series[i];
    ASSERT_EQ(labels[i].ToString(), want.labels.ToString());
    ASSERT_EQ(labels[i].bytes(), want.labels.bytes());
    ASSERT_EQ(ids[i], model::SeriesIdOf(want.labels));
    ASSERT_EQ(extents[i].row_start, row);
    ASSERT_EQ(extents[i].row_count, static_cast<int64_t>(want.time_ms.size()));
    ASSERT_EQ(extents[i].min_time_ms, want.time_ms.front());
    ASSERT_EQ(extents[i].max_time_ms, want.time_ms.back());
    const RowRange range{row, extents[i].row_count};
    std::vector<int64_t> time_ms;
    std::vector<double> value;
    std::vector<int64_t> start_ms;
    ASSERT_TRUE(files.data->ReadTimes({&range, 1}, &time_ms, nullptr).ok());
    ASSERT_TRUE(files.data->ReadValues({&range, 1}, &value, nullptr).ok());
    ASSERT_TRUE(files.data->ReadStarts({&range, 1}, &start_ms, nullptr).ok());
    ASSERT_EQ(time_ms, want.time_ms);
    ASSERT_EQ(Bits(value), Bits(want.value));
    std::vector<int64_t> want_start = want.start_ms;
    if (want_start.empty() && !start_ms.empty()) want_start.resize(start_ms.size());
    if (start_ms.empty()) start_ms.resize(want_start.size());
    ASSERT_EQ(start_ms, want_start);
    row += extents[i].row_count;
  }
  ASSERT_EQ(files.data->rows(), row);
  ASSERT_EQ(files.index->data_rows(), row);
}

struct Shape {
  const char* name;
  WriterOptions options;
};

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  shapes.push_back({"fresh", {.tier = Tier::kFresh}});
  // Pages are written while rows still come.
  shapes.push_back({"fresh, small pages", {.tier = Tier::kFresh, .value_page_rows = 40}});
  shapes.push_back({"merged", {.tier = Tier::kMerged}});
  shapes.push_back({"day", {.tier = Tier::kDay, .summary_min_rows = 0}});
  shapes.push_back({"wide", {.tier = Tier::kMerged, .wide_compat = true}});
  shapes.push_back({"tiny",
                    {.tier = Tier::kMerged,
                     .row_group_rows = 7,
                     .time_page_rows = 3,
                     .value_page_rows = 2,
                     .long_series_page_rows = 1,
                     .series_page_rows = 2,
                     .summary_min_rows = 0}});
  shapes.push_back({"odd",
                    {.tier = Tier::kDay,
                     .row_group_rows = 100,
                     .time_page_rows = 33,
                     .value_page_rows = 17,
                     .long_series_page_rows = 8,
                     .series_page_rows = 5}});
  return shapes;
}

TEST(SamplesFile, KeepsAwkwardSeriesInEveryShape) {
  for (const Shape& shape : Shapes()) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      SCOPED_TRACE(testing::Message() << shape.name << " seed=" << seed);
      const auto series = AwkwardSeries(seed, 40, 60);
      io::SimFileSystem fs(1);
      ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series), shape.options).ok());
      ExpectSame(fs, series);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(SamplesFile, KeepsLabelsPastTheCap) {
  for (const Shape& shape : Shapes()) {
    SCOPED_TRACE(shape.name);
    std::vector<TestSeries> series;
    TestRandom random(7);
    for (int i = 0; i < 30; ++i) {
      std::vector<std::pair<std::string, std::string>> pairs = {{"__name__", "m"}};
      for (int k = 0; k < 400; ++k) {
        if (random.OneIn(2)) pairs.emplace_back("label" + std::to_string(k), std::to_string(i % 7));
      }
      series.push_back({MakeLabels(std::move(pairs)), {1000, 2000, 3000}, {1, 2, 3}, {}});
    }
    SortForFile(&series);
    io::SimFileSystem fs(1);
    ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, 50), shape.options).ok());
    ExpectSame(fs, series);
    if (HasFatalFailure()) return;
  }
}

TEST(SamplesFile, KeepsSeriesLongerThanARowGroup) {
  TestSeries series{MakeLabels({{"__name__", "m"}, {"job", "j"}}), {}, {}, {}};
  for (int i = 0; i < 10'000; ++i) {
    series.time_ms.push_back(i * 15'000);
    series.value.push_back(i % 100 == 99 ? std::bit_cast<double>(kStaleBits) : i);
  }
  io::SimFileSystem fs(1);
  const auto summary =
      WriteSeries(fs, {series}, ColumnsFor({series}), {.tier = Tier::kDay, .row_group_rows = 999})
          .ValueOrDie();
  EXPECT_EQ(summary.rows, 10'000);
  EXPECT_EQ(summary.series, 1);
  EXPECT_EQ(summary.stale_rows, 100);
  EXPECT_EQ(summary.min_time_ms, 0);
  EXPECT_EQ(summary.max_time_ms, 9'999 * 15'000);
  ExpectSame(fs, {series});
}

TEST(SamplesFile, KeepsAnEmptyFile) {
  io::SimFileSystem fs(1);
  const auto summary = WriteSeries(fs, {}, {}, {}).ValueOrDie();
  EXPECT_EQ(summary.rows, 0);
  EXPECT_EQ(summary.series, 0);
  ExpectSame(fs, {});
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  EXPECT_TRUE(files.index->Match({}, {}, nullptr).ValueOrDie().empty());
}

TEST(SamplesFile, ReadsAnyRanges) {
  const auto series = AwkwardSeries(3, 50, 80);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series),
                          {.row_group_rows = 300,
                           .time_page_rows = 64,
                           .value_page_rows = 32,
                           .long_series_page_rows = 16})
                  .ok());
  std::vector<int64_t> times;
  std::vector<double> values;
  for (const TestSeries& one : series) {
    times.insert(times.end(), one.time_ms.begin(), one.time_ms.end());
    values.insert(values.end(), one.value.begin(), one.value.end());
  }
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  TestRandom random(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<RowRange> ranges;
    std::vector<int64_t> want_times;
    std::vector<double> want_values;
    for (int64_t at = random.Below(200); at < files.data->rows();) {
      const int64_t count = std::min(random.Below(100), files.data->rows() - at);
      ranges.push_back({at, count});
      want_times.insert(want_times.end(), times.begin() + at, times.begin() + at + count);
      want_values.insert(want_values.end(), values.begin() + at, values.begin() + at + count);
      at += count + random.Below(round + 1);
    }
    std::vector<int64_t> got_times{-1};
    std::vector<double> got_values;
    ASSERT_TRUE(files.data->ReadTimes(ranges, &got_times, nullptr).ok());
    ASSERT_TRUE(files.data->ReadValues(ranges, &got_values, nullptr).ok());
    want_times.insert(want_times.begin(), -1);
    ASSERT_EQ(got_times, want_times);
    ASSERT_EQ(Bits(got_values), Bits(want_values));
  }
}

TEST(SamplesFile, RefusesBadRanges) {
  const auto series = AwkwardSeries(3, 5, 10);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series), {}).ok());
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  std::vector<double> values;
  for (const std::vector<RowRange>& ranges : {std::vector<RowRange>{{-1, 2}},
                                              {{0, -1}},
                                              {{0, 1'000'000}},
                                              {{2, 1}, {0, 1}},
                                              {{0, 2}, {1, 1}},
                                              {{files.data->rows(), 1}}}) {
    EXPECT_TRUE(files.data->ReadValues(ranges, &values, nullptr).IsInvalid());
  }
}

TEST(SamplesFile, ReadsFewBytesOfOneSeries) {
  std::vector<TestSeries> series;
  TestRandom random(5);
  for (int i = 0; i < 500; ++i) {
    TestSeries one{MakeLabels({{"__name__", "m" + std::to_string(i % 10)},
                               {"pod", "pod-" + std::to_string(random.Next())}}),
                   {},
                   {},
                   {}};
    for (int k = 0; k < 240; ++k) {
      one.time_ms.push_back(1'700'000'000'000 + k * 15'000);
      one.value.push_back(std::bit_cast<double>(random.Next() >> 2));
    }
    series.push_back(std::move(one));
  }
  SortForFile(&series);
  io::SimFileSystem fs(1);
  const auto summary =
      WriteSeries(fs, series, ColumnsFor(series), {.value_page_rows = 8192}).ValueOrDie();
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  ReadStats stats;
  std::vector<double> values;
  const RowRange range{240 * 77, 240};
  ASSERT_TRUE(files.data->ReadValues({&range, 1}, &values, &stats).ok());
  EXPECT_EQ(stats.pages_read, 1);
  EXPECT_LT(stats.bytes_read, summary.data_bytes / 8);
  EXPECT_LE(stats.samples_decoded, 8192);
}

// With pages that are kept, in a cache that holds all or next to none, and on several threads: the
// same rows, and no page is read twice where there is room for it.
TEST(SamplesFile, KeptPagesReadTheSame) {
  const auto series = AwkwardSeries(3, 200, 60);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(
      WriteSeries(fs, series, ColumnsFor(series), {.time_page_rows = 500, .value_page_rows = 64})
          .ok());
  const OpenFiles plain = OpenBoth(fs).ValueOrDie();
  io::ThreadExecutor executor(2);
  for (const int64_t budget : {0, 20'000, 100'000'000}) {
    SCOPED_TRACE(budget);
    const auto cache = std::make_shared<PageCache>(budget);
    const auto reader = SamplesReader::Open(fs.OpenReadable("data.parquet").ValueOrDie(), nullptr,
                                            0, std::nullopt, std::make_shared<FilePages>(cache))
                            .ValueOrDie();
    TestRandom random(9);
    for (int round = 0; round < 40; ++round) {
      std::vector<RowRange> ranges;
      int64_t row = 0;
      while ((row += random.Below(300)) < plain.data->rows()) {
        ranges.push_back({row, std::min(random.Below(200), plain.data->rows() - row)});
        row += ranges.back().count;
      }
      std::vector<int64_t> times;
      std::vector<double> values;
      std::vector<int64_t> starts;
      ASSERT_OK(plain.data->ReadTimes(ranges, &times, nullptr));
      ASSERT_OK(plain.data->ReadValues(ranges, &values, nullptr));
      ASSERT_OK(plain.data->ReadStarts(ranges, &starts, nullptr));
      const ReadContext context{
          nullptr, round % 2 == 0 ? io::TaskRunner() : io::MakeTaskRunner(&executor, 2)};
      std::vector<TimesView> time_views;
      ValueViews value_views;
      std::vector<int64_t> kept_starts;
      ASSERT_OK(reader->ViewTimes(ranges, context, &time_views));
      ASSERT_OK(reader->ViewValues(ranges, context, &value_views));
      ASSERT_OK(reader->ReadStarts(ranges, &kept_starts, nullptr));
      EXPECT_EQ(kept_starts, starts);
      size_t at = 0;
      for (size_t i = 0; i < ranges.size(); ++i) {
        const auto count = static_cast<size_t>(ranges[i].count);
        ASSERT_EQ(time_views[i].times().size(), count);
        ASSERT_EQ(value_views.values[i].size(), count);
        for (size_t j = 0; j < count; ++j, ++at) {
          ASSERT_EQ(time_views[i].times()[j], times[at]);
          ASSERT_EQ(std::bit_cast<uint64_t>(value_views.values[i][j]),
                    std::bit_cast<uint64_t>(values[at]));
        }
      }
    }
    const RowRange all{0, plain.data->rows()};
    ReadStats stats;
    std::vector<double> values;
    ASSERT_OK(reader->ReadValues({&all, 1}, &values, nullptr));
    ASSERT_OK(reader->ReadValues({&all, 1}, &values, &stats));
    EXPECT_EQ(stats.pages_read == 0, budget > 1'000'000);
    EXPECT_LE(cache->stats().bytes, budget);
  }
}

TEST(SeriesIndex, MatchesLikeAScanOfAllLabels) {
  const auto series = AwkwardSeries(11, 300, 3);
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, 12), {.series_page_rows = 16}).ok());
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  const std::vector<std::string> selectors = {"metric_1",
                                              "metric_1{job=\"v3\"}",
                                              "{job=\"\"}",
                                              "{job!=\"\"}",
                                              "{pod=~\"v[0-9]\"}",
                                              "{Pod!~\"v1.*\",job=~\"v.*\"}",
                                              "{__name__=\"\"}",
                                              "{nothing=\"\"}",
                                              "{nothing=\"x\"}",
                                              "{label_42=~\"v1.*\"}",
                                              "{x=\"v1\",le!=\"v2\"}",
                                              "{__name__=~\"metric_[23]\",date=\"\"}",
                                              "{__name__!=\"metric_0\",value=~\".*5|\"}"};
  for (const std::string& text : selectors) {
    SCOPED_TRACE(text);
    std::vector<Matcher> matchers;
    // ParseSelector refuses selectors that match the empty label set; here all are fine.
    const auto parsed = ParseSelector(text);
    if (parsed.ok()) {
      matchers = *parsed;
    } else {
      matchers.push_back(Matcher::Make(MatchType::kEqual, "job", "").ValueOrDie());
    }
    for (const TimeRange range :
         {TimeRange{}, TimeRange{0, 100'000}, TimeRange{1'700'000'050'000, 1'700'000'050'500}}) {
      std::vector<uint32_t> want;
      for (uint32_t row = 0; row < series.size(); ++row) {
        bool matches = range.Overlaps({series[row].time_ms.front(), series[row].time_ms.back()});
        for (const Matcher& matcher : matchers) {
          matches &= matcher.Matches(series[row].labels.Get(matcher.name()));
        }
        if (matches) want.push_back(row);
      }
      EXPECT_EQ(files.index->Match(matchers, range, nullptr).ValueOrDie(), want);
    }
  }
}

TEST(SeriesIndex, ListsNamesAndValues) {
  std::vector<TestSeries> series;
  for (int i = 0; i < 20; ++i) {
    series.push_back({MakeLabels({{"__name__", i < 10 ? "a" : "b"},
                                  {"pod", "p" + std::to_string(i % 3)},
                                  {i < 10 ? "left" : "right", std::to_string(i)}}),
                      {1000},
                      {1},
                      {}});
  }
  SortForFile(&series);
  for (const int cap : {0, 1, 10}) {
    io::SimFileSystem fs(1);
    ASSERT_TRUE(WriteSeries(fs, series, ColumnsFor(series, cap), {}).ok());
    const OpenFiles files = OpenBoth(fs).ValueOrDie();
    const SeriesIndex& index = *files.index;
    EXPECT_THAT(index.DistinctNames(nullptr).ValueOrDie(),
                ElementsAre("__name__", "left", "pod", "right"));
    EXPECT_THAT(index.DistinctValues("pod", nullptr).ValueOrDie(), ElementsAre("p0", "p1", "p2"));
    const std::vector<uint32_t> rows = {0, 1};
    EXPECT_THAT(index.DistinctNames(rows, nullptr).ValueOrDie(),
                ElementsAre("__name__", "left", "pod"));
    EXPECT_EQ(index.DistinctValues("left", rows, nullptr).ValueOrDie().size(), 2u);
    EXPECT_THAT(index.DistinctValues("right", rows, nullptr).ValueOrDie(), ElementsAre());
    EXPECT_THAT(index.DistinctValues("none", nullptr).ValueOrDie(), ElementsAre());
    const std::vector<std::string> names = {"__name__", "pod"};
    const LabelSets kept = index.LabelsOf(rows, names, true, nullptr).ValueOrDie();
    EXPECT_EQ(kept[0].Get("left"), "");
    EXPECT_EQ(kept[0].metric(), "a");
    const LabelSets dropped = index.LabelsOf(rows, names, false, nullptr).ValueOrDie();
    EXPECT_EQ(dropped[0].metric(), "");
    EXPECT_NE(dropped[0].Get("left"), "");
  }
}

TEST(SeriesIndex, SumsUpValues) {
  const double stale = std::bit_cast<double>(kStaleBits);
  const std::vector<TestSeries> series = {
      {MakeLabels({{"__name__", "a"}}), {1, 2, 3, 4, 5}, {5, 7, 3, 4, stale}, {}},
      {MakeLabels({{"__name__", "b"}}), {1, 2}, {stale, stale}, {}},
      {MakeLabels({{"__name__", "c"}}), {1, 2, 3}, {1e100, 1, -1e100}, {}},
  };
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, {}, {.summary_min_rows = 0}).ok());
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  ASSERT_TRUE(files.index->has_values());
  const auto values = files.index->Values(AllRows(*files.index), nullptr).ValueOrDie();
  EXPECT_TRUE(values[0].has_values);
  EXPECT_EQ(values[0].first_value, 5);
  EXPECT_EQ(values[0].last_value, 4);
  EXPECT_EQ(values[0].last_time_ms, 4);
  EXPECT_EQ(values[0].sum, 19);
  EXPECT_EQ(values[0].min, 3);
  EXPECT_EQ(values[0].max, 7);
  EXPECT_EQ(values[0].resets, 1);
  EXPECT_FALSE(values[1].has_values);
  EXPECT_EQ(values[2].sum, 1);
  EXPECT_EQ(files.index->Extents(AllRows(*files.index), nullptr).ValueOrDie()[0].stale_count, 1);
}

TEST(SeriesIndex, SumsOfNansHaveTheSameBitsEverywhere) {
  const double first = std::bit_cast<double>(uint64_t{0x7ff8000000000001});
  const double last = std::bit_cast<double>(uint64_t{0xfff00000000000aa});
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<TestSeries> series = {
      {MakeLabels({{"__name__", "a"}}), {1, 2, 3, 4}, {1, first, last, 2}, {}},
      {MakeLabels({{"__name__", "b"}}), {1, 2, 3}, {last, 1, first}, {}},
      {MakeLabels({{"__name__", "c"}}), {1, 2, 3}, {inf, -inf, 1}, {}},
      {MakeLabels({{"__name__", "d"}}), {1, 2, 3}, {first, inf, -inf}, {}},
  };
  io::SimFileSystem fs(1);
  ASSERT_TRUE(WriteSeries(fs, series, {}, {.summary_min_rows = 0}).ok());
  const OpenFiles files = OpenBoth(fs).ValueOrDie();
  std::vector<double> sums;
  for (const auto& one : files.index->Values(AllRows(*files.index), nullptr).ValueOrDie()) {
    sums.push_back(one.sum);
  }
  EXPECT_THAT(Bits(sums), ElementsAre(0xfff80000000000aa, 0x7ff8000000000001, 0xfff8000000000000,
                                      0x7ff8000000000001));
}

}  // namespace
}  // namespace larnax::columns
