// Histograms, exemplars and metadata from the write to the answer: in memory, in files, merged, and
// after a restart.

#include <map>
#include <string>
#include <vector>

#include "base/varint.h"
#include "db/database_fixture.h"
#include "db/metadata_catalog.h"
#include "head/log.h"
#include "head/sample_record.h"
#include "wire/remote_write/histogram_message.h"

namespace larnax::db {
namespace {

constexpr char kSeries[] = "latency{job=\"api\"}";

std::string Message(int64_t time_ms, int64_t count) {
  NativeHistogram histogram;
  histogram.is_integer = true;
  histogram.integer_count = static_cast<uint64_t>(count);
  histogram.sum = 0.5;
  histogram.positive_spans = {{.offset = 2, .length = 1}};
  histogram.integer_positive = {count};
  return wire::EncodeHistogram(histogram, time_ms, 0);
}

class OtherTablesDatabaseTest : public DatabaseTest {
 protected:
  using Both = std::map<int64_t, std::string>;

  void WriteHistogram(int64_t time_ms, int64_t count) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    encoder.BeginSeries(LabelsOf(kSeries).bytes());
    encoder.AddHistogram(Message(time_ms, count));
    IngestMessage(encoder.Finish());
    executor_.RunUntilIdle();
  }
  void WriteExemplar(int64_t time_ms, double value, const std::string& trace) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    encoder.BeginSeries(LabelsOf(kSeries).bytes());
    encoder.AddExemplar(Labels::Make({{"trace_id", trace}}).ValueOrDie().bytes(), value, time_ms);
    IngestMessage(encoder.Finish());
    executor_.RunUntilIdle();
  }
  void WriteMetadata(const std::string& metric, const std::string& help) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    encoder.AddMetadata({metric, wire::MetricType::kHistogram, help, "s"});
    IngestMessage(encoder.Finish());
    executor_.RunUntilIdle();
  }

  // All samples of the series; a histogram of count n reads as "hn".
  Both ReadBoth(Database& database) {
    Both content;
    const auto stream = database.Select({}).ValueOrDie();
    for (;;) {
      const SampleBatch batch = stream->Next().ValueOrDie();
      if (batch.series.empty()) return content;
      EXPECT_EQ(batch.series.size(), 1u);
      const SeriesSamples& series = batch.series[0];
      for (size_t i = 0; i < series.value.size(); ++i) {
        content[(*series.time_ms)[i]] = std::to_string(static_cast<int>(series.value[i]));
      }
      for (const HistogramSample& sample : series.histograms) {
        EXPECT_FALSE(content.contains(sample.time_ms));
        content[sample.time_ms] = "h" + std::to_string(sample.histogram->integer_count);
      }
    }
  }
  Both ReadBoth() { return ReadBoth(*database_); }
};

TEST_F(OtherTablesDatabaseTest, TheLaterOfFloatAndHistogramCountsInEveryPlace) {
  ASSERT_OK(Open());
  const int64_t t = now_ms_;
  ASSERT_OK(Write({{kSeries, t, 1}, {kSeries, t + 1, 2}, {kSeries, t + 2, 3}}));
  ASSERT_OK(database_->Flush());
  WriteHistogram(t + 1, 20);  // Over a float in files.
  WriteHistogram(t + 3, 40);
  const Both second{{t, "1"}, {t + 1, "h20"}, {t + 2, "3"}, {t + 3, "h40"}};
  EXPECT_EQ(ReadBoth(), second);
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(ReadBoth(), second);
  // The float of before again: it is in a file, but does not count there.
  ASSERT_OK(Write({{kSeries, t + 1, 2}, {kSeries, t + 3, 4}}));
  const Both third{{t, "1"}, {t + 1, "2"}, {t + 2, "3"}, {t + 3, "4"}};
  EXPECT_EQ(ReadBoth(), third);
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(ReadBoth(), third);
  ASSERT_OK(database_->Merge(true));
  EXPECT_EQ(ReadBoth(), third);
  // Both histograms have lost: their table has no file any more.
  EXPECT_EQ(FileCount(), 1);
  WriteHistogram(t + 2, 30);
  Crash();
  ASSERT_OK(Open());
  EXPECT_EQ(ReadBoth(), (Both{{t, "1"}, {t + 1, "2"}, {t + 2, "h30"}, {t + 3, "4"}}));
}

TEST_F(OtherTablesDatabaseTest, ARepeatedHistogramIsWrittenOnce) {
  ASSERT_OK(Open());
  WriteHistogram(now_ms_, 7);
  ASSERT_OK(database_->Flush());
  WriteHistogram(now_ms_, 7);
  WriteHistogram(now_ms_ + 1, 8);
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(database_->Status(0).ValueOrDie().file_rows, 2);
  EXPECT_EQ(ReadBoth(), (Both{{now_ms_, "h7"}, {now_ms_ + 1, "h8"}}));
  EXPECT_EQ(database_->LabelValues("__name__", {}).ValueOrDie().names,
            (std::vector<std::string>{"latency"}));
}

TEST_F(OtherTablesDatabaseTest, ExemplarsComeFromFilesAndMemoryOnce) {
  ASSERT_OK(Open());
  WriteExemplar(now_ms_ + 5, 1, "a");
  WriteExemplar(now_ms_, 2, "b");
  ASSERT_OK(database_->Flush());
  WriteExemplar(now_ms_, 2, "b");  // Stored already.
  WriteExemplar(now_ms_, 2, "c");
  const auto check = [&] {
    ASSERT_OK_AND_ASSIGN(const ExemplarsAnswer answer, database_->Exemplars({}));
    ASSERT_EQ(answer.series.size(), 1u);
    EXPECT_EQ(answer.series[0].labels, LabelsOf(kSeries));
    std::vector<std::string> traces;
    for (const Exemplar& each : answer.series[0].exemplars) {
      traces.emplace_back(each.labels.Get("trace_id"));
    }
    EXPECT_EQ(traces, (std::vector<std::string>{"b", "c", "a"}));
    SelectRequest other;
    other.selectors = {ParseSelector("other").ValueOrDie()};
    ASSERT_OK_AND_ASSIGN(const auto some, database_->Exemplars(other));
    EXPECT_TRUE(some.series.empty());
    SelectRequest later;
    later.range = {.start_ms = now_ms_ + 1, .end_ms = now_ms_ + 9};
    ASSERT_OK_AND_ASSIGN(const auto late, database_->Exemplars(later));
    ASSERT_EQ(late.series.size(), 1u);
    EXPECT_EQ(late.series[0].exemplars.size(), 1u);
    SelectRequest limited;
    limited.sample_limit = 2;
    EXPECT_THAT(database_->Exemplars(limited), test::IsKind(ErrorKind::kLimit));
  };
  check();
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(database_->Status(0).ValueOrDie().file_rows, 3);
  check();
  ASSERT_OK(database_->Merge(true));
  check();
  Close();
  ASSERT_OK(Open());
  check();
  // Exemplars alone are no samples.
  EXPECT_TRUE(Read().empty());
}

TEST_F(OtherTablesDatabaseTest, MetadataIsATableThatIsMergedAndReadBack) {
  ASSERT_OK(Open());
  for (int i = 0; i < 20; ++i) {
    WriteMetadata("m" + std::to_string(i), "help");
    ASSERT_OK(database_->Flush());
    clock_.AdvanceMs(100);  // Too short a time for merges by themselves.
  }
  EXPECT_EQ(NamesIn("metadata").size(), 20u);
  ASSERT_OK(database_->Merge(false));
  EXPECT_EQ(NamesIn("metadata").size(), 1u);
  Close();
  ASSERT_OK(Open());
  ASSERT_OK_AND_ASSIGN(const auto all, database_->Metadata({}));
  ASSERT_EQ(all.size(), 20u);
  EXPECT_EQ(all[0].metric, "m0");
  EXPECT_EQ(all[0].type, "histogram");
  EXPECT_EQ(all[0].unit, "s");
  EXPECT_EQ(all[0].first_seen_ms, now_ms_);
  // Known: neither logged nor written again.
  WriteMetadata("m3", "help");
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(NamesIn("metadata").size(), 1u);
  // But for a note, each day, that it is still said.
  clock_.AdvanceMs(2 * 86'400'000);
  WriteMetadata("m3", "help");
  ASSERT_OK(Write({{"other", clock_.NowMs(), 1}}));
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(NamesIn("metadata").size(), 2u);
  options_.read_only = true;
  Close();
  ASSERT_OK(Open());
  ASSERT_OK_AND_ASSIGN(const auto one, database_->Metadata("m3"));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_LT(one[0].first_seen_ms, now_ms_ + 20'000);
  EXPECT_GT(one[0].last_seen_ms, now_ms_ + 2 * 86'400'000);
}

TEST_F(OtherTablesDatabaseTest, DamagedMetadataIsToldAndCostsOnlyItself) {
  ASSERT_OK(Open());
  for (int i = 0; i < 5; ++i) {
    WriteMetadata("m" + std::to_string(i), "help");
    ASSERT_OK(database_->Flush());
  }
  Close();
  const std::vector<std::string> names = NamesIn("metadata");
  ASSERT_EQ(names.size(), 5u);
  const auto path_of = [&](size_t file) { return io::JoinPath(kRoot, "metadata/" + names[file]); };
  ASSERT_OK_AND_ASSIGN(const std::string whole, io::ReadFile(fs_, path_of(1)));
  ASSERT_OK(fs_.Corrupt(path_of(1), static_cast<int64_t>(whole.size() / 2)));
  ASSERT_OK(fs_.RemoveFile(path_of(3)));
  ASSERT_OK(Open());
  const auto warnings = database_->Status(0).ValueOrDie().warnings;
  EXPECT_THAT(warnings, testing::Contains(testing::HasSubstr(names[1])));
  EXPECT_THAT(warnings, testing::Contains(testing::HasSubstr(names[3])));
  const auto metrics = [&] {
    std::vector<std::string> found;
    for (const auto& each : database_->Metadata({}).ValueOrDie()) found.push_back(each.metric);
    return found;
  };
  EXPECT_THAT(metrics(), testing::ElementsAre("m0", "m2", "m4"));
  // A merge tells once, and leaves them alone then.
  for (int i = 5; i < 8; ++i) {
    WriteMetadata("m" + std::to_string(i), "help");
    ASSERT_OK(database_->Flush());
  }
  (void)database_->Merge(true);
  ASSERT_OK(database_->Merge(true));
  EXPECT_EQ(NamesIn("metadata").size(), 4u);
  EXPECT_THAT(NamesIn("metadata"), testing::Contains(names[1]));
  EXPECT_THAT(metrics(), testing::ElementsAre("m0", "m2", "m4", "m5", "m6", "m7"));
  // What is said again is stored again.
  WriteMetadata("m1", "help");
  ASSERT_OK(database_->Flush());
  Close();
  options_.read_only = true;
  ASSERT_OK(Open());
  EXPECT_THAT(metrics(), testing::ElementsAre("m0", "m1", "m2", "m4", "m5", "m6", "m7"));
}

// Each table's index is written anew from its rows.
TEST_F(OtherTablesDatabaseTest, LostIndexesAreWrittenAnew) {
  ASSERT_OK(Open());
  WriteHistogram(now_ms_, 3);
  WriteExemplar(now_ms_, 0.5, "t");
  ASSERT_OK(database_->Flush());
  const Both all = ReadBoth();
  Close();
  int removed = 0;
  for (const std::string table : {"series/histograms", "series/exemplars"}) {
    for (const std::string& day : NamesIn(table)) {
      for (const std::string& name : NamesIn(table + "/" + day)) {
        if (!name.starts_with("s")) continue;
        ASSERT_OK(fs_.RemoveFile(io::JoinPath(kRoot, table + "/" + day + "/" + name)));
        ++removed;
      }
    }
  }
  ASSERT_EQ(removed, 2);
  ASSERT_OK(Open());
  EXPECT_EQ(database_->Status(0).ValueOrDie().warnings.size(), 2u);
  EXPECT_EQ(ReadBoth(), all);
  ASSERT_OK_AND_ASSIGN(const ExemplarsAnswer exemplars, database_->Exemplars({}));
  EXPECT_EQ(exemplars.series.size(), 1u);
  EXPECT_TRUE(exemplars.warnings.empty());
}

TEST(MetadataCatalog, ForgetsWhatWasNotSeenForLongest) {
  MetadataCatalog catalog(/*most_entries=*/100);
  const auto entry = [](int i, int64_t seen_ms) {
    return MetadataCatalog::EntryOf({"m" + std::to_string(i), wire::MetricType::kGauge, "help", ""},
                                    seen_ms);
  };
  for (int i = 0; i < 100; ++i) catalog.Learn(entry(i, i));
  EXPECT_TRUE(catalog.is_complete());
  EXPECT_TRUE(catalog.NoteSeen(entry(0, 1000)));
  catalog.Learn(entry(100, 100));
  EXPECT_FALSE(catalog.is_complete());
  EXPECT_LT(catalog.Find({}).size(), 80u);
  EXPECT_TRUE(catalog.NoteSeen(entry(0, 1000)));
  EXPECT_FALSE(catalog.NoteSeen(entry(1, 1000)));
}

// What the log of old holds: one histogram, one exemplar, metadata.
std::string OldRecord(const std::string& labels, const std::string& message, int64_t time_ms) {
  std::string out;
  const auto put = [&out](std::string_view text) {
    base::PutVarint(text.size(), &out);
    out.append(text);
  };
  base::PutVarint(1, &out);
  put(labels);
  put(message);
  base::PutVarint(1, &out);
  put(labels);
  put({});
  base::PutVarint(base::ZigZag(time_ms), &out);
  out.append(8, '\0');
  base::PutVarint(1, &out);
  put("latency");
  base::PutVarint(3, &out);
  put("Old help.");
  put("s");
  return out;
}

TEST_F(OtherTablesDatabaseTest, TakesOverTheSecondLogOfOldArchives) {
  options_.flush_samples = 3;  // Not all of it fits into memory.
  {
    ASSERT_OK_AND_ASSIGN(const auto log,
                         head::Log::Open(fs_, clock_, "/archive/wal/typed", {.salt_seed = 1}));
    for (int64_t i = 0; i < 50; ++i) {
      const std::string record =
          OldRecord(std::string(LabelsOf(kSeries).bytes()), Message(now_ms_ + i, i), now_ms_ + i);
      log->PrepareAppend(record.size());
      log->Append(head::kOldNonFloatRecord,
                  {reinterpret_cast<const uint8_t*>(record.data()), record.size()});
    }
    ASSERT_OK(log->Commit());
  }
  ASSERT_OK(Open());
  const Both found = ReadBoth();
  ASSERT_EQ(found.size(), 50u);
  EXPECT_EQ(found.at(now_ms_ + 49), "h49");
  ASSERT_OK_AND_ASSIGN(const auto exemplars, database_->Exemplars({}));
  ASSERT_EQ(exemplars.series.size(), 1u);
  EXPECT_EQ(exemplars.series[0].exemplars.size(), 50u);
  EXPECT_EQ(database_->Metadata("latency").ValueOrDie().at(0).help, "Old help.");
  EXPECT_EQ(NamesIn("wal"), (std::vector<std::string>{"samples"}));
  Crash();
  ASSERT_OK(Open());
  EXPECT_EQ(ReadBoth().size(), 50u);
}

}  // namespace
}  // namespace larnax::db
