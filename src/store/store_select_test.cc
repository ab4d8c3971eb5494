#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/civil_time.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "store/store.h"
#include "store/store_fixture.h"
#include "store/watched_file_system.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

using test::HasMessage;
using test::IsKind;
using testing::ElementsAre;

constexpr int64_t kDay = base::kDayMs;
constexpr int64_t kFirst = 20'700 * kDay;
constexpr int64_t kNow = kFirst + 3 * kDay;

std::vector<std::vector<Matcher>> Selector(const std::string& text) {
  return {ParseSelector(text).ValueOrDie()};
}

class StoreSelectTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.merge.fan_in = 3;
    options_.max_columns = 6;
    Open();
  }

  void Open() {
    store_ = nullptr;
    auto store = Store::Open(fs_, "/a", options_, kNow);
    ASSERT_OK(store);
    store_ = std::move(*store);
  }

  void Flush(const std::vector<TestSample>& samples) {
    const auto frozen = head_.Freeze(samples, {.segment = 1, .offset_bytes = ++position_});
    ASSERT_OK(store_->Flush(*frozen, kNow));
    head_.NoteFlushed(*frozen);
    AddToOracle(samples, &oracle_);
  }

  arrow::Result<Oracle> Read(const SelectRequest& request, head::HeadSnapshot head = {}) {
    ARROW_ASSIGN_OR_RAISE(auto stream, store_->Select(std::move(head), request, clock_));
    ARROW_ASSIGN_OR_RAISE(Oracle all, ReadAll(*stream));
    stats_ = stream->stats();
    return all;
  }

  // A regular load: `series` series, `rows` samples each, 15 s apart.
  std::vector<TestSample> Regular(int series, int rows, int64_t first_ms) {
    std::vector<TestSample> samples;
    for (int row = 0; row < rows; ++row) {
      for (int i = 0; i < series; ++i) {
        samples.push_back({.labels = MakeLabels({{"__name__", "m" + std::to_string(i % 3)},
                                                 {"job", "j"},
                                                 {"instance", "i" + std::to_string(i / 3)}}),
                           .time_ms = first_ms + row * 15'000,
                           .value = static_cast<double>(row * i)});
      }
    }
    return samples;
  }

  // Samples that were read, and are not as they were written last.
  int64_t Surplus(const Oracle& got) const {
    int64_t surplus = 0;
    for (const auto& [labels, samples] : got) {
      const auto series = oracle_.find(labels);
      for (const auto& [time_ms, sample] : samples) {
        const bool is_known = series != oracle_.end() && series->second.contains(time_ms) &&
                              series->second.at(time_ms) == sample;
        if (!is_known) ++surplus;
      }
    }
    return surplus;
  }

  // Calls `check` with what is read while one bit of a file's rows is flipped, for many bits.
  template <typename Check>
  void WithFlips(size_t file, int64_t stride, Check check, Tree tree = Tree::kData) {
    const std::string path = store_->Current()->files[file]->PathIn(tree, false);
    const FileEntry entry = store_->Current()->files[file]->entry();
    const int64_t bytes = tree == Tree::kData ? entry.bytes : entry.series_bytes;
    for (int64_t offset = 4; offset < bytes; offset += stride) {
      SCOPED_TRACE(offset);
      ASSERT_OK(fs_.Corrupt(path, offset, 0x10));
      Open();
      StoreOptions options = options_;
      options.read_only = true;
      ASSERT_OK_AND_ASSIGN(const auto reader, Store::Open(fs_, "/a", options, kNow));
      for (Store* const store : {store_.get(), reader.get()}) {
        ASSERT_OK_AND_ASSIGN(const auto stream, store->Select({}, {}, clock_));
        ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
        check(got, stream->warnings());
      }
      ASSERT_OK(fs_.Corrupt(path, offset, 0x10));
    }
  }

  io::SimFileSystem fs_{1};
  io::SimClock clock_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  TestHead head_;
  Oracle oracle_;
  ReadStats stats_;
  int64_t position_ = 0;
};

// Long runs of series of one file between those of another, and some of both.
TEST_F(StoreSelectTest, GivesSeriesOfSeveralFilesInOneOrder) {
  std::vector<TestSample> first;
  std::vector<TestSample> second;
  for (int i = 0; i < 400; ++i) {
    const TestSample sample{
        .labels = MakeLabels({{"__name__", "m"}, {"i", std::to_string(1000 + i)}}),
        .time_ms = kFirst,
        .value = static_cast<double>(i)};
    if (i % 41 < 40) first.push_back(sample);
    if (i % 41 == 40 || i % 50 == 7) {
      second.push_back(sample);
      second.back().time_ms += 1000;
    }
  }
  Flush(first);
  Flush(second);
  ASSERT_OK_AND_ASSIGN(const auto stream, store_->Select({}, {}, clock_));
  ASSERT_OK_AND_ASSIGN(const SampleBatch batch, stream->Next());
  ASSERT_EQ(batch.series.size(), 400u);
  for (size_t i = 0; i < batch.series.size(); ++i) {
    EXPECT_EQ(batch.series[i].labels.Get("i"), std::to_string(1000 + i));
  }
  ASSERT_OK_AND_ASSIGN(const Oracle got, Read({}));
  EXPECT_EQ(Difference(oracle_, got), "");
}

// Random data in files and head, random selectors and ranges, against the oracle.
TEST_F(StoreSelectTest, AgreesWithTheOracle) {
  io::Random random(3);
  for (int round = 0; round < 12; ++round) {
    Flush(DrawSamples(random, 200, kFirst + static_cast<int64_t>(random.Below(kDay)), kDay));
    if (round % 3 == 2) {
      ASSERT_OK(store_->MergeOnce(kNow, false));
    }
  }
  const auto in_head = DrawSamples(random, 200, kFirst + kDay / 2, kDay);
  const auto frozen = head_.Freeze(in_head, {.segment = 1, .offset_bytes = 1000});
  AddToOracle(in_head, &oracle_);
  const std::vector<std::string> selectors = {"metric_1",
                                              "{__name__=~\"metric_[1-3]\"}",
                                              "{job=\"job-0\"}",
                                              "{le=\"\"}",
                                              "{le!=\"\"}",
                                              "metric_2{instance!~\"host-[01]\"}",
                                              "{extra_3=\"x\"}",
                                              "{timestamp=\"reserved\"}",
                                              "{\"odd \\\"name\\\" \xC3\xA9\"=~\"a,.*\"}",
                                              "{__name__!=\"metric_0\",job!=\"\"}"};
  for (int i = 0; i < 300; ++i) {
    SelectRequest request;
    for (uint64_t n = random.Below(3); n > 0; --n) {
      request.selectors.push_back(Selector(selectors[random.Below(selectors.size())])[0]);
    }
    if (random.Chance(0.8)) {
      request.range.start_ms = kFirst + static_cast<int64_t>(random.Below(2 * kDay));
      request.range.end_ms = request.range.start_ms +
                             static_cast<int64_t>(random.Below(random.Chance(0.5) ? kDay : 60'000));
    }
    Oracle want = Cut(oracle_, request.range);
    std::erase_if(want, [&](const auto& series) {
      if (request.selectors.empty()) return false;
      return std::none_of(
          request.selectors.begin(), request.selectors.end(), [&](const auto& matchers) {
            return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
              return matcher.Matches(LabelsView(series.first).Get(matcher.name()));
            });
          });
    });
    head::HeadSnapshot head = TestHead::Capture(*frozen);
    // The head gives only what the request asks for.
    std::erase_if(head.series, [&](const head::HeadSeries& series) {
      const auto it = want.find(std::string(series.labels.bytes()));
      return it == want.end();
    });
    ASSERT_OK_AND_ASSIGN(const Oracle got, Read(request, std::move(head)));
    ASSERT_EQ(Difference(want, got), "") << i;
    int64_t samples = 0;
    for (const auto& [labels, times] : got) samples += static_cast<int64_t>(times.size());
    EXPECT_EQ(stats_.samples, samples);
    EXPECT_EQ(stats_.series, static_cast<int64_t>(got.size()));
  }
}

TEST_F(StoreSelectTest, SeriesScrapedTogetherShareTheirTimes) {
  Flush(Regular(30, 4, kFirst));
  Flush(Regular(30, 4, kFirst + 60'000));
  auto stream = store_->Select({}, {}, clock_);
  ASSERT_OK(stream);
  ASSERT_OK_AND_ASSIGN(const SampleBatch batch, (*stream)->Next());
  ASSERT_EQ(batch.series.size(), 30u);
  for (const SeriesSamples& series : batch.series) {
    EXPECT_EQ(series.time_ms, batch.series[0].time_ms);
    EXPECT_TRUE(series.start_ms.empty());
  }
  ASSERT_OK_AND_ASSIGN(const SampleBatch end, (*stream)->Next());
  EXPECT_TRUE(end.series.empty());
}

TEST_F(StoreSelectTest, BatchOutlivesStreamStoreAndMerge) {
  Flush(Regular(5, 4, kFirst));
  Flush(Regular(5, 4, kFirst + 60'000));
  Flush(Regular(5, 4, kFirst + 120'000));
  auto stream = store_->Select({}, {}, clock_);
  ASSERT_OK(stream);
  // A merge replaces the files before the stream has read them.
  ASSERT_OK_AND_ASSIGN(const bool merged, store_->MergeOnce(kNow, true));
  EXPECT_TRUE(merged);
  ASSERT_OK_AND_ASSIGN(const SampleBatch batch, (*stream)->Next());
  stream->reset();
  EXPECT_THAT(fs_.List("/a/retired").ValueOrDie(), testing::IsEmpty());
  store_ = nullptr;
  ASSERT_EQ(batch.series.size(), 5u);
  for (const SeriesSamples& series : batch.series) {
    EXPECT_EQ(series.value.size(), 12u);
    EXPECT_EQ(series.value[0], 0.0);
  }
}

TEST_F(StoreSelectTest, OnlyFilesAndPagesThatMatterAreRead) {
  Flush(Regular(9, 100, kFirst));
  Flush(Regular(9, 100, kFirst + kDay));
  Open();
  SelectRequest request;
  request.selectors = Selector("m1");
  request.range = {.start_ms = kFirst, .end_ms = kFirst + 60'000};
  ASSERT_OK_AND_ASSIGN(const Oracle got, Read(request));
  EXPECT_EQ(got.size(), 3u);
  EXPECT_EQ(stats_.files_considered, 2);
  EXPECT_EQ(stats_.files_read, 1);
  EXPECT_EQ(stats_.samples, 15);
  EXPECT_GT(stats_.bytes_read, 0);
  const int64_t cold_bytes = stats_.bytes_read;
  // Index and footers are read once.
  ASSERT_OK(Read(request));
  EXPECT_EQ(stats_.files_read, 1);
  EXPECT_LT(stats_.bytes_read, cold_bytes);
  request.selectors = Selector("zebra");
  ASSERT_OK(Read(request));
  EXPECT_EQ(stats_.files_read, 0);
  EXPECT_EQ(stats_.bytes_read, 0);
}

TEST_F(StoreSelectTest, LimitsEndAQuery) {
  Flush(Regular(10, 100, kFirst));
  SelectRequest request;
  request.sample_limit = 999;
  ASSERT_OK_AND_ASSIGN(auto large, store_->Select({}, request, clock_));
  EXPECT_THAT(large->Next(), IsKind(ErrorKind::kLimit));
  EXPECT_EQ(large->stats().samples_decoded, 0) << "the index tells before rows are read";
  request.range = {.start_ms = kFirst + 1, .end_ms = kFirst + kDay};
  EXPECT_OK(Read(request));  // The first scrape is not in it: the index cannot tell.
  request.range = TimeRange();
  request.sample_limit = 1000;
  EXPECT_OK(Read(request));
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  request.cancelled = cancelled;
  ASSERT_OK_AND_ASSIGN(auto stream, store_->Select({}, request, clock_));
  *cancelled = true;
  EXPECT_THAT(stream->Next(), IsKind(ErrorKind::kCancelled));
  request.cancelled = nullptr;
  request.max_label_bytes = 100;
  EXPECT_THAT(store_->Series({}, request, clock_), IsKind(ErrorKind::kLimit));
  EXPECT_THAT(store_->LabelNames({}, request, clock_), IsKind(ErrorKind::kLimit));
  EXPECT_THAT(store_->LabelValues({}, "instance", request, clock_), IsKind(ErrorKind::kLimit));
  request.limit = 1;
  EXPECT_OK(store_->Series({}, request, clock_));
  ASSERT_OK_AND_ASSIGN(const NamesAnswer first,
                       store_->LabelValues({}, "instance", request, clock_));
  EXPECT_TRUE(first.names.size() == 1 && first.truncated);
  request.timeout_ms = 100;
  ASSERT_OK_AND_ASSIGN(auto slow, store_->Select({}, request, clock_));
  clock_.AdvanceMs(101);
  EXPECT_THAT(slow->Next(), IsKind(ErrorKind::kTimeout));
  request.range = {.start_ms = 5, .end_ms = 4};
  ASSERT_OK_AND_ASSIGN(const Oracle none, Read(request));
  EXPECT_TRUE(none.empty());
}

TEST_F(StoreSelectTest, NamesValuesAndSeriesOfFilesAndHead) {
  const auto sample = [](std::vector<std::pair<std::string, std::string>> pairs, int64_t time_ms) {
    return TestSample{.labels = MakeLabels(std::move(pairs)), .time_ms = time_ms, .value = 1};
  };
  Flush({sample({{"__name__", "up"}, {"job", "a"}, {"x", "1"}}, kFirst)});
  Flush({sample({{"__name__", "up"}, {"job", "b"}, {"y", "1"}}, kFirst + kDay)});
  const auto frozen = head_.Freeze({sample({{"__name__", "down"}, {"job", "c"}}, kFirst + kDay),
                                    sample({{"__name__", "up"}, {"job", "a"}, {"x", "1"}}, kNow)},
                                   {});
  const auto head = [&] { return TestHead::Capture(*frozen); };
  ASSERT_OK_AND_ASSIGN(auto names, store_->LabelNames(head(), {}, clock_));
  EXPECT_THAT(names.names, ElementsAre("__name__", "job", "x", "y"));
  EXPECT_FALSE(names.truncated);
  ASSERT_OK_AND_ASSIGN(auto values, store_->LabelValues(head(), "job", {}, clock_));
  EXPECT_THAT(values.names, ElementsAre("a", "b", "c"));
  ASSERT_OK_AND_ASSIGN(auto metrics, store_->LabelValues(head(), "__name__", {}, clock_));
  EXPECT_THAT(metrics.names, ElementsAre("down", "up"));
  ASSERT_OK_AND_ASSIGN(auto nothing, store_->LabelValues(head(), "nope", {}, clock_));
  EXPECT_THAT(nothing.names, ElementsAre());
  ASSERT_OK_AND_ASSIGN(auto series, store_->Series(head(), {}, clock_));
  ASSERT_EQ(series.series.size(), 3u);
  EXPECT_EQ(series.series[0].ToString(), "down{job=\"c\"}");
  EXPECT_EQ(series.series[1].ToString(), "up{job=\"a\", x=\"1\"}");

  SelectRequest request;
  request.limit = 2;
  ASSERT_OK_AND_ASSIGN(names, store_->LabelNames(head(), request, clock_));
  EXPECT_THAT(names.names, ElementsAre("__name__", "job"));
  EXPECT_TRUE(names.truncated);
  ASSERT_OK_AND_ASSIGN(series, store_->Series(head(), request, clock_));
  EXPECT_EQ(series.series.size(), 2u);
  EXPECT_TRUE(series.truncated);
  request.limit = 3;
  ASSERT_OK_AND_ASSIGN(series, store_->Series(head(), request, clock_));
  EXPECT_FALSE(series.truncated);

  request = {};
  request.selectors = Selector("up{y=\"1\"}");
  ASSERT_OK_AND_ASSIGN(names, store_->LabelNames({}, request, clock_));
  EXPECT_THAT(names.names, ElementsAre("__name__", "job", "y"));
  request.selectors.clear();
  request.range = {.start_ms = kFirst, .end_ms = kFirst + 1000};
  ASSERT_OK_AND_ASSIGN(values, store_->LabelValues({}, "job", request, clock_));
  EXPECT_THAT(values.names, ElementsAre("a"));
}

TEST_F(StoreSelectTest, FilesAreClosedWhenTooManyAreOpen) {
  options_.open_files.files = 3;
  Open();
  for (int day = 0; day < 10; ++day) Flush(Regular(2, 3, kFirst - day * kDay));
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK_AND_ASSIGN(const Oracle got, Read({}));
    EXPECT_EQ(Difference(oracle_, got), "");
  }
  int64_t open = 0;
  for (const auto& file : store_->Current()->files) open += file->is_open() ? 1 : 0;
  EXPECT_EQ(open, 3);
}

TEST_F(StoreSelectTest, ReadOnlyFollowsTheWriter) {
  StoreOptions read_only = options_;
  read_only.read_only = true;
  EXPECT_THAT(Store::Open(fs_, "/nowhere", read_only, kNow), IsKind(ErrorKind::kNotFound));
  ASSERT_OK_AND_ASSIGN(auto reader, Store::Open(fs_, "/a", read_only, kNow));
  const auto expect_same = [&] {
    auto stream = reader->Select({}, {}, clock_);
    ASSERT_OK(stream);
    ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(**stream));
    EXPECT_EQ(Difference(oracle_, got), "");
  };
  io::Random random(5);
  for (int i = 0; i < 8; ++i) {
    Flush(DrawSamples(random, 50, kFirst + i * 1000, kDay));
    expect_same();
    auto stream = reader->Select({}, {}, clock_);
    ASSERT_OK(stream);
    const Oracle before = oracle_;
    ASSERT_OK(store_->MergeOnce(kNow, true));
    // What the merge replaced is gone from the disk, but open.
    ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(**stream));
    EXPECT_EQ(Difference(before, got), "");
    expect_same();
  }
  const auto frozen = head_.Freeze({}, {});
  EXPECT_THAT(reader->Flush(*frozen, kNow), IsKind(ErrorKind::kClosed));
  EXPECT_THAT(reader->MergeOnce(kNow, true), IsKind(ErrorKind::kClosed));
}

TEST_F(StoreSelectTest, ReadOnlyFollowsAWriterThatMergesWheneverAFileIsOpened) {
  Flush(Regular(3, 10, kFirst));
  WatchedFileSystem watched(&fs_);
  StoreOptions read_only = options_;
  read_only.read_only = true;
  ASSERT_OK_AND_ASSIGN(auto reader, Store::Open(watched, "/a", read_only, kNow));
  int merges = 0;
  watched.before_open = [&](const std::string& path) {
    if (merges == 20 || path.find("/samples/date=") == std::string::npos) return;
    ++merges;
    Flush(Regular(3, 2, kFirst + merges * 3'600'000));
    ASSERT_OK(store_->MergeOnce(kNow, true));
  };
  auto stream = reader->Select({}, {}, clock_);
  ASSERT_OK(stream);
  ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(**stream));
  EXPECT_EQ(merges, 20);
  EXPECT_EQ(Difference(oracle_, got), "");
}

// Lists of labels say what they lack, and have nothing that was never there.
TEST_F(StoreSelectTest, DamageIsToldByLists) {
  Flush(Regular(30, 100, kFirst));
  Flush(Regular(3, 100, kFirst + kDay));
  SelectRequest metric;
  metric.selectors = Selector("{__name__=~\".+\"}");
  const auto all = store_->LabelNames({}, {}, clock_).ValueOrDie().names;
  const auto metrics = store_->LabelValues({}, "__name__", metric, clock_).ValueOrDie().names;
  const auto series = store_->Series({}, {}, clock_).ValueOrDie().series;
  const auto file = store_->Current()->files[0];
  const std::string path = file->PathIn(Tree::kSeries, false);
  int told = 0;
  for (int64_t offset = 4; offset < file->entry().series_bytes; offset += 37) {
    ASSERT_OK(fs_.Corrupt(path, offset, 0x10));
    Open();
    ASSERT_OK_AND_ASSIGN(const auto names, store_->LabelNames({}, {}, clock_));
    ASSERT_OK_AND_ASSIGN(const auto values, store_->LabelValues({}, "__name__", metric, clock_));
    ASSERT_OK_AND_ASSIGN(const auto listed, store_->Series({}, {}, clock_));
    EXPECT_THAT(names.names, testing::IsSubsetOf(all));
    EXPECT_THAT(values.names, testing::IsSubsetOf(metrics));
    EXPECT_THAT(listed.series, testing::IsSubsetOf(series));
    if (names.warnings.empty()) {
      EXPECT_EQ(names.names, all);
    }
    if (values.warnings.empty()) {
      EXPECT_EQ(values.names, metrics);
    }
    if (listed.warnings.empty()) {
      EXPECT_EQ(listed.series.size(), series.size());
    }
    // The other file is read nevertheless.
    EXPECT_FALSE(names.names.empty());
    EXPECT_FALSE(values.names.empty());
    EXPECT_GE(listed.series.size(), 3U);
    for (const auto& warnings : {names.warnings, values.warnings, listed.warnings}) {
      if (warnings.empty()) continue;
      EXPECT_THAT(warnings[0], testing::HasSubstr(path)) << offset;
      ++told;
    }
    ASSERT_OK(fs_.Corrupt(path, offset, 0x10));
  }
  EXPECT_GT(told, 10);
}

TEST_F(StoreSelectTest, DamageIsToldWithItsFileOrDoesNotMatter) {
  Flush(Regular(30, 100, kFirst));
  const auto file = store_->Current()->files[0];
  int told = 0;
  for (const Tree tree : kTrees) {
    const std::string path = file->PathIn(tree, false);
    const int64_t bytes = tree == Tree::kData ? file->entry().bytes : file->entry().series_bytes;
    for (int64_t offset = 4; offset < bytes; offset += 37) {
      ASSERT_OK(fs_.Corrupt(path, offset, 0x10));
      Open();
      auto stream = store_->Select({}, {}, clock_);
      const arrow::Result<Oracle> read =
          stream.ok() ? ReadAll(**stream) : arrow::Result<Oracle>(stream.status());
      if (!read.ok()) {
        EXPECT_THAT(read, IsKind(ErrorKind::kCorrupt)) << offset;
        EXPECT_THAT(read, HasMessage(path)) << offset;
        ++told;
      } else if (const auto warnings = (*stream)->warnings(); !warnings.empty()) {
        EXPECT_THAT(warnings[0], testing::HasSubstr(path)) << offset;
        EXPECT_EQ(Surplus(*read), 0) << path << " " << offset;
        ++told;
      } else {
        // A label page of the data file, which the engine does not read.
        EXPECT_EQ(Difference(oracle_, *read), "") << path << " " << offset;
      }
      ASSERT_OK(fs_.Corrupt(path, offset, 0x10));
    }
  }
  EXPECT_GT(told, 10);
}

// A long series loses the page that is damaged, not the others; and nothing of other files.
TEST_F(StoreSelectTest, DamageCostsOnlyWhatItHits) {
  constexpr int kRows = 12'000;
  constexpr int kLaterRows = 10;
  io::Random random(7);
  std::vector<TestSample> samples;
  for (int row = 0; row < kRows; ++row) {
    for (const char* name : {"a", "b"}) {
      samples.push_back({.labels = MakeLabels({{"__name__", name}}),
                         .time_ms = kFirst + row * 1'000,
                         .value = static_cast<double>(random.Next())});
    }
  }
  Flush(samples);
  samples.resize(2 * kLaterRows);
  for (TestSample& sample : samples) sample.time_ms += kDay / 2;
  Flush(samples);
  ASSERT_EQ(store_->Current()->files.size(), 2U);
  int in_part = 0;
  WithFlips(0, 997, [&](const Oracle& got, const std::vector<std::string>& warnings) {
    EXPECT_EQ(Surplus(got), 0);
    ASSERT_EQ(got.size(), 2U);
    for (const auto& [labels, found] : got) {
      ASSERT_GE(found.size(), size_t{kLaterRows});
      EXPECT_EQ(std::prev(found.end(), kLaterRows)->first, kFirst + kDay / 2);
      const size_t left = found.size() - kLaterRows;
      if (warnings.empty()) {
        EXPECT_EQ(left, kRows);
      }
      if (left > 0 && left < kRows) ++in_part;
    }
  });
  EXPECT_GT(in_part, 10);
}

// Samples that a damaged file replaced are not told in the stead of its own.
TEST_F(StoreSelectTest, DamageBringsNoOldSamplesBack) {
  constexpr int kRows = 100;
  constexpr int kReplaced = 20;
  std::vector<TestSample> old;
  std::vector<TestSample> replaced;
  for (int series = 0; series < 3; ++series) {
    const int first = series * 40;  // At the beginning, within, at the end.
    for (int row = 0; row < kRows; ++row) {
      TestSample sample{.labels = MakeLabels({{"__name__", "m" + std::to_string(series)}}),
                        .time_ms = kFirst + row * 15'000,
                        .value = static_cast<double>(row),
                        .start_ms = kFirst - row};
      old.push_back(sample);
      if (row < first || row >= first + kReplaced) continue;
      sample.value = -1;
      replaced.push_back(sample);
    }
  }
  Flush(old);
  Flush(replaced);
  ASSERT_EQ(store_->Current()->files.size(), 2U);
  int told = 0;
  WithFlips(1, 37, [&](const Oracle& got, const std::vector<std::string>& warnings) {
    EXPECT_EQ(Surplus(got), 0);
    for (const auto& [labels, found] : got) {
      EXPECT_EQ(std::ssize(found), warnings.empty() ? kRows : kRows - kReplaced) << labels;
    }
    EXPECT_EQ(got.size(), 3U);
    if (!warnings.empty()) ++told;
  });
  EXPECT_GT(told, 5);
  // Where the index cannot be read, nobody knows which series it has.
  told = 0;
  const auto check_index = [&](const Oracle& got, const std::vector<std::string>& warnings) {
    EXPECT_EQ(Surplus(got), 0);
    if (warnings.empty()) {
      EXPECT_EQ(Difference(oracle_, got), "");
    } else {
      ++told;
    }
  };
  WithFlips(1, 7, check_index, Tree::kSeries);
  EXPECT_GT(told, 50);
}

// Lists load columns of indexes after these were opened.
TEST_F(StoreSelectTest, WhatListsLoadIsCounted) {
  for (int day = 0; day < 10; ++day) Flush(Regular(500, 2, kFirst - day * kDay));
  Open();  // Forget the labels that the files share with the head.
  const auto loaded = [this] {
    std::vector<int64_t> bytes;
    for (const auto& file : store_->Current()->files) bytes.push_back(file->memory_bytes());
    return bytes;
  };
  const auto check = [&](const auto& list) {
    options_.open_files.memory_bytes = 64 << 20;
    Open();
    ASSERT_OK(list());
    const std::vector<int64_t> all = loaded();
    options_.open_files.memory_bytes = 3 * *std::max_element(all.begin(), all.end());
    Open();
    ASSERT_OK(list());
    const std::vector<int64_t> kept = loaded();
    EXPECT_LE(std::accumulate(kept.begin(), kept.end(), int64_t{0}),
              options_.open_files.memory_bytes);
    EXPECT_GE(std::count_if(kept.begin(), kept.end(), [](int64_t bytes) { return bytes > 0; }), 2);
  };
  check([this] { return store_->Series({}, {}, clock_).status(); });
  check([this] { return store_->LabelValues({}, "instance", {}, clock_).status(); });
  check([this] { return store_->LabelNames({}, {}, clock_).status(); });
}

}  // namespace
}  // namespace larnax::store
