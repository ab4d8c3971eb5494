#include <string>

#include "db/database_fixture.h"
#include "db/experiments.h"

namespace larnax::db {
namespace {

constexpr int64_t kDayMs = 86'400'000;

TEST_F(DatabaseTest, ARestartChangesNothing) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a{job=\"x\"}", now_ms_, 1}, {"a{job=\"y\"}", now_ms_ - kDayMs, 2}}));
  const Content before = Read();
  EXPECT_EQ(before.size(), 2u);
  Close();
  fs_.Kill();
  ASSERT_OK(Open());
  EXPECT_EQ(Read(), before);
  EXPECT_EQ(HeadSamples(), 0);  // Close has flushed.
  EXPECT_EQ(FileCount(), 2);    // One a day.
}

TEST_F(DatabaseTest, WhatWasAcknowledgedSurvivesAPowerCutInTheLog) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  ASSERT_OK(database_->Flush());
  ASSERT_OK(Write({{"a", now_ms_ + 1, 2}, {"b", now_ms_, 3}}));
  Crash();
  ASSERT_OK(Open());
  EXPECT_EQ(Read(), (Content{{"a", {{now_ms_, 1}, {now_ms_ + 1, 2}}}, {"b", {{now_ms_, 3}}}}));
  EXPECT_EQ(HeadSamples(), 2);
}

TEST_F(DatabaseTest, AFlushFreesTheLogBeforeIt) {
  options_.wal_segment_bytes = 4096;
  ASSERT_OK(Open());
  for (int i = 0; i < 200; ++i) {
    ASSERT_OK(Write({{"a{i=\"" + std::to_string(i) + "\"}", now_ms_, 1}}));
  }
  EXPECT_GT(NamesIn("wal/samples").size(), 2u);
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(NamesIn("wal/samples").size(), 1u);
  EXPECT_EQ(Read().size(), 200u);
}

TEST_F(DatabaseTest, FlushesByAge) {
  options_.flush_interval_ms = 50'000;
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  executor_.RunFor(49'000);
  EXPECT_EQ(HeadSamples(), 1);
  executor_.RunFor(2'000);
  EXPECT_EQ(HeadSamples(), 0);
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(DatabaseTest, FlushesWhenTheClockWasSetBack) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  clock_.JumpWallMs(-3'600'000);
  executor_.RunFor(1'001);
  EXPECT_EQ(HeadSamples(), 0);
}

TEST_F(DatabaseTest, FlushesByNumber) {
  options_.flush_samples = 3;
  options_.head_limit_samples = 6;
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}, {"b", now_ms_, 1}}));
  EXPECT_EQ(HeadSamples(), 2);
  ASSERT_OK(Write({{"c", now_ms_, 1}}));
  EXPECT_EQ(HeadSamples(), 0);
  EXPECT_EQ(Read().size(), 3u);
}

TEST_F(DatabaseTest, AFlushThatFailsKeepsEverythingAndIsTriedAgain) {
  options_.min_free_disk_bytes = 0;
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  const Content before = Read();
  fs_.FailNth(io::SimOperation::kRename, 1, io::SimError::kIo);
  EXPECT_FALSE(database_->Flush().ok());
  EXPECT_EQ(database_->counters().flush_failures.value(), 1);
  EXPECT_EQ(Read(), before);
  executor_.RunFor(3'000);  // Nothing new comes.
  EXPECT_EQ(HeadSamples(), 0);
  EXPECT_EQ(Read(), before);
  ASSERT_OK(Write({{"a", now_ms_, 1}, {"b", now_ms_, 2}}));
  executor_.RunFor(51'000);
  EXPECT_EQ(HeadSamples(), 0);
  EXPECT_EQ(Read(), (Content{{"a", {{now_ms_, 1}}}, {"b", {{now_ms_, 2}}}}));
}

TEST_F(DatabaseTest, AFullHeadEmptiesOnceTheDiskWorksAgain) {
  options_.min_free_disk_bytes = 0;
  options_.head_limit_samples = 1;
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}, {"b", now_ms_, 1}}));
  fs_.FailRandomly(io::SimOperation::kRename, 1, io::SimError::kIo);
  EXPECT_FALSE(database_->Flush().ok());
  EXPECT_THAT(Write({{"c", now_ms_, 1}}), test::IsKind(ErrorKind::kOverloaded));
  executor_.RunFor(300'000);
  // It was tried again, but not every second.
  EXPECT_GT(database_->counters().flush_failures.value(), 5);
  EXPECT_LT(database_->counters().flush_failures.value(), 12);
  fs_.ClearFailures();
  executor_.RunFor(66'000);
  EXPECT_EQ(HeadSamples(), 0);
  EXPECT_OK(Write({{"c", now_ms_, 1}}));
}

TEST_F(DatabaseTest, TheLaterValueWinsWhereverItIs) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  ASSERT_OK(database_->Flush());
  ASSERT_OK(Write({{"a", now_ms_, 2}}));
  EXPECT_EQ(Read(), (Content{{"a", {{now_ms_, 2}}}}));  // In memory over a file.
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(Read(), (Content{{"a", {{now_ms_, 2}}}}));  // In a file over a file.
  ASSERT_OK(database_->Merge(true));
  EXPECT_EQ(FileCount(), 1);
  EXPECT_EQ(Read(), (Content{{"a", {{now_ms_, 2}}}}));
}

TEST_F(DatabaseTest, SeriesThatAreForgottenKeepTheirSamplesAndNewOnesTakeTheirPlace) {
  constexpr int kSeries = 5000;
  const auto many = [](const std::string& metric, int64_t time_ms, double value) {
    std::vector<Sample> samples;
    for (int i = 0; i < kSeries; ++i) {
      samples.push_back({metric + "{i=\"" + std::to_string(i) + "\"}", time_ms, value});
    }
    return samples;
  };
  ASSERT_OK(Open());
  ASSERT_OK(Write(many("old", now_ms_, 1)));
  for (int i = 0; i < 12; ++i) {
    ASSERT_OK(database_->Flush());
    ASSERT_OK(Write({{"steady", now_ms_ + i, 1.0 * i}}));
  }
  ASSERT_OK(database_->Flush());
  EXPECT_LT(database_->Status(0).ValueOrDie().head_series, 10);
  ASSERT_OK(Write(many("new", now_ms_, 2)));
  ASSERT_OK(Write({{"old{i=\"7\"}", now_ms_, 1}, {"old{i=\"8\"}", now_ms_, 3}}));
  const Content before = Read();
  ASSERT_EQ(before.size(), 2 * kSeries + 1u);
  EXPECT_EQ(before.at("new{i=\"7\"}"), (std::map<int64_t, double>{{now_ms_, 2}}));
  EXPECT_EQ(before.at("old{i=\"7\"}"), (std::map<int64_t, double>{{now_ms_, 1}}));
  EXPECT_EQ(before.at("old{i=\"8\"}"), (std::map<int64_t, double>{{now_ms_, 3}}));
  Crash();
  ASSERT_OK(Open());
  EXPECT_EQ(Read(), before);
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(Read(), before);
  // The repeat of what files have is not stored again.
  EXPECT_EQ(database_->Status(0).ValueOrDie().file_rows, 2 * kSeries + 12 + 1);
}

TEST_F(DatabaseTest, MergesByTheTick) {
  options_.merge_fan_in = 2;
  ASSERT_OK(Open());
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(Write({{"a", now_ms_ + i, 1}}));
    ASSERT_OK(database_->Flush());
  }
  EXPECT_EQ(FileCount(), 4);
  executor_.RunFor(5'001);
  EXPECT_LT(FileCount(), 4);
  EXPECT_EQ(Read()["a"].size(), 4u);
}

TEST_F(DatabaseTest, AReaderBesideTheWriterSeesItsFilesAndWritesNothing) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  ASSERT_OK(database_->Flush());
  ASSERT_OK(Write({{"a", now_ms_ + 1, 2}}));  // In the log only.
  const auto log_before = NamesIn("wal/samples");
  DatabaseOptions options = options_;
  options.read_only = true;
  ASSERT_OK_AND_ASSIGN(const auto reader, DatabaseImpl::Open(TheEnvironment(), kRoot, options, {}));
  EXPECT_EQ(ReadFrom(*reader), (Content{{"a", {{now_ms_, 1}}}}));
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(ReadFrom(*reader).at("a").size(), 2u);  // It goes with the writer.
  EXPECT_THAT(reader->Flush(), test::IsKind(ErrorKind::kClosed));
  EXPECT_THAT(reader->Merge(true), test::IsKind(ErrorKind::kClosed));
  bool refused = false;
  reader->Ingest({}, [&](const arrow::Result<WriteReport>& result) {
    refused = KindOf(result.status()) == ErrorKind::kClosed;
  });
  EXPECT_TRUE(refused);
  EXPECT_OK(reader->Close());
}

TEST_F(DatabaseTest, OneWriterATree) {
  options_.address = "127.0.0.1:9797";
  ASSERT_OK(Open());
  const auto second = DatabaseImpl::Open(TheEnvironment(), kRoot, options_, {});
  EXPECT_THAT(second, test::IsKind(ErrorKind::kClosed));
  EXPECT_THAT(second, test::HasMessage("127.0.0.1:9797"));
}

TEST_F(DatabaseTest, AReadOnlyArchiveMustBeThere) {
  options_.read_only = true;
  EXPECT_THAT(Open(), test::IsKind(ErrorKind::kNotFound));
}

TEST_F(DatabaseTest, RecordsEachValueOfTheExperimentLabelOnce) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a{prom2parquet_prefix=\"run/1\"}", now_ms_ + 5, 1},
                   {"b{prom2parquet_prefix=\"run/1\"}", now_ms_, 1},
                   {"a{prom2parquet_prefix=\"run 2\"}", now_ms_, 1}}));
  ASSERT_OK(database_->Flush());
  ASSERT_OK_AND_ASSIGN(const auto names, Experiments::List(fs_, kRoot));
  EXPECT_EQ(names, (std::vector<std::string>{"run 2", "run/1"}));
  const std::string path = io::JoinPath(kRoot, "experiments/run%2F1.json");
  ASSERT_OK_AND_ASSIGN(const std::string first, io::ReadFile(fs_, path));
  EXPECT_THAT(first, testing::HasSubstr("2023-11-14T22:13:20"));  // The earliest of its samples.
  ASSERT_OK(Write({{"a{prom2parquet_prefix=\"run/1\"}", now_ms_ - 1000, 1}}));
  ASSERT_OK(database_->Flush());
  EXPECT_EQ(io::ReadFile(fs_, path).ValueOrDie(), first);  // Created once, never overwritten.
}

TEST_F(DatabaseTest, CountsAndTellsItsState) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a{job=\"x\"}", now_ms_, 1}, {"a{job=\"y\"}", now_ms_ + 7, 1}}));
  ASSERT_OK_AND_ASSIGN(const DatabaseStatus status, database_->Status(1));
  EXPECT_EQ(status.head_series, 2);
  EXPECT_EQ(status.head_samples, 2);
  EXPECT_EQ(status.head_min_time_ms, now_ms_);
  EXPECT_EQ(status.head_max_time_ms, now_ms_ + 7);
  EXPECT_GT(status.wal_bytes, 0);
  ASSERT_EQ(status.series_by_metric.size(), 1u);
  EXPECT_EQ(status.series_by_metric[0], (std::pair<std::string, int64_t>("a", 2)));
  EXPECT_EQ(status.values_by_label[0], (std::pair<std::string, int64_t>("job", 2)));
  EXPECT_EQ(status.label_pairs, 3);
  ASSERT_OK_AND_ASSIGN(const DatabaseStatus brief, database_->Status(0));
  EXPECT_EQ(brief.head_series, 2);
  EXPECT_EQ(brief.label_pairs, 0);  // Not counted where nobody asks for lists.
  const std::string text = database_->MetricsText();
  EXPECT_THAT(text, testing::HasSubstr("\nlarnax_head_samples 2\n"));
  EXPECT_THAT(text, testing::HasSubstr("# TYPE larnax_wal_commits_total counter"));
}

TEST_F(DatabaseTest, RecordsItsOwnMetricsAsSamples) {
  // The call waits for its answer, so that another thread has to commit.
  io::ThreadExecutor threads(1);
  Environment environment = TheEnvironment();
  environment.executor = &threads;
  ASSERT_OK_AND_ASSIGN(const auto database, DatabaseImpl::Open(environment, kRoot, options_, {}));
  ASSERT_OK(database->RecordOwnMetrics("here:1"));
  SelectRequest request;
  request.selectors.push_back(ParseSelector("{job=\"larnax\",instance=\"here:1\"}").ValueOrDie());
  const Content content = ReadFrom(*database, request);
  EXPECT_EQ(content.at("up{instance=\"here:1\", job=\"larnax\"}"),
            (std::map<int64_t, double>{{now_ms_, 1}}));
  EXPECT_TRUE(content.contains("larnax_files{instance=\"here:1\", job=\"larnax\"}"));
  ASSERT_OK_AND_ASSIGN(const auto metadata, database->Metadata("larnax_files"));
  EXPECT_EQ(metadata.size(), 1u);
  EXPECT_OK(database->Close());
}

TEST_F(DatabaseTest, ADamagedManifestIsNamed) {
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}}));
  Close();
  fs_.Kill();
  const std::string path = io::JoinPath(kRoot, "manifest/CURRENT");
  ASSERT_OK(fs_.Corrupt(path, 2, 0x40));
  const arrow::Status opened = Open();
  EXPECT_THAT(opened, test::IsKind(ErrorKind::kCorrupt));
  EXPECT_THAT(opened, test::HasMessage("manifest/"));
}

}  // namespace
}  // namespace larnax::db
