#include <new>
#include <string>

#include "db/database_fixture.h"

namespace larnax::db {
namespace {

class WritePathTest : public DatabaseTest {
 protected:
  void SetUp() override { options_.min_free_disk_bytes = 0; }
};

TEST_F(WritePathTest, RequestsThatWaitTogetherShareACommit) {
  ASSERT_OK(Open());
  const Answer first = Ingest({{"a", now_ms_, 1}});
  const Answer second = Ingest({{"b", now_ms_, 2}});
  const Answer third = Ingest({{"a", now_ms_ + 1, 3}});
  EXPECT_FALSE(first->has_value());  // Nothing is on disk yet.
  executor_.RunUntilIdle();
  for (const Answer& answer : {first, second, third}) {
    ASSERT_TRUE(answer->has_value());
    ASSERT_OK(**answer);
    EXPECT_EQ((**answer)->samples, 1);
  }
  EXPECT_EQ(database_->counters().wal_commits.value(), 1);
  Crash();
  ASSERT_OK(Open());
  EXPECT_EQ(Read(), (Content{{"a", {{now_ms_, 1}, {now_ms_ + 1, 3}}}, {"b", {{now_ms_, 2}}}}));
}

TEST_F(WritePathTest, AFailedCommitIsToldToAllThatWaitedAndTheNextSucceeds) {
  for (const io::SimOperation operation : {io::SimOperation::kWrite, io::SimOperation::kSync}) {
    ASSERT_OK(Open());
    ASSERT_OK(Write({{"a", now_ms_, 1}}));
    const Answer first = Ingest({{"b", now_ms_, 2}});
    const Answer second = Ingest({{"c", now_ms_, 3}});
    fs_.FailNth(operation, 1, io::SimError::kIo);
    executor_.RunUntilIdle();
    ASSERT_TRUE(first->has_value() && second->has_value());
    EXPECT_THAT(**first, test::IsKind(ErrorKind::kOverloaded));
    EXPECT_THAT(**second, test::IsKind(ErrorKind::kOverloaded));
    // The sender tries again.
    ASSERT_OK(Write({{"b", now_ms_, 2}}));
    ASSERT_OK(Write({{"c", now_ms_, 3}}));
    EXPECT_EQ(database_->counters().wal_commit_failures.value(), 1);
    EXPECT_EQ(database_->counters().write_requests_postponed.value(), 2);
    Crash();
    ASSERT_OK(Open());
    EXPECT_EQ(Read().size(), 3u);
    Close();
    fs_.Kill();
  }
}

// Memory may run out where an answer is passed on.
TEST_F(WritePathTest, AnAnswerThatThrowsKeepsNobodyFromTheirs) {
  ASSERT_OK(Open());
  const Answer first = Ingest({{"a", now_ms_, 1}});
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.BeginSeries(LabelsOf("b").bytes());
  encoder.AddSample(now_ms_, 2);
  const std::string_view message = encoder.Finish();
  const WriteMessage write{
      .content_type = {},
      .content_encoding = "identity",
      .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}};
  int thrown = 0;
  const WriteDone throws = [&](const arrow::Result<WriteReport>&) {
    ++thrown;
    throw std::bad_alloc();
  };
  database_->Ingest(write, throws);
  const Answer last = Ingest({{"c", now_ms_, 3}});
  executor_.RunUntilIdle();
  EXPECT_EQ(thrown, 1);
  for (const Answer& answer : {first, last}) {
    ASSERT_TRUE(answer->has_value());
    ASSERT_OK(**answer);
  }
  // Where it is answered at once, too.
  database_->Ingest({.content_type = "text/plain", .content_encoding = {}, .body = {}}, throws);
  EXPECT_EQ(thrown, 2);
  ASSERT_OK(Write({{"d", now_ms_, 4}}));
  EXPECT_EQ(Read().size(), 4u);
}

TEST_F(WritePathTest, MetadataIsLoggedOnceAndSurvives) {
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.AddMetadata({"requests_total", wire::MetricType::kCounter, "Requests.", "1"});
  const std::string message(encoder.Finish());
  ASSERT_OK(Open());
  const auto logged_bytes = [this] { return database_->counters().wal_bytes.value(); };
  const Answer first = IngestMessage(message);
  executor_.RunUntilIdle();
  ASSERT_OK(**first);
  EXPECT_EQ((**first)->metadata, 1);
  const int64_t bytes = logged_bytes();
  EXPECT_GT(bytes, 0);
  const Answer again = IngestMessage(message);
  executor_.RunUntilIdle();
  ASSERT_OK(**again);
  EXPECT_EQ((**again)->metadata, 1);
  EXPECT_EQ(logged_bytes(), bytes);
  Crash();
  ASSERT_OK(Open());
  ASSERT_OK_AND_ASSIGN(const auto found, database_->Metadata("requests_total"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].type, "counter");
  EXPECT_EQ(found[0].help, "Requests.");
  EXPECT_EQ(found[0].unit, "1");
}

TEST_F(WritePathTest, MetadataThatTheLogLostIsLoggedAgain) {
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  encoder.AddMetadata({"m", wire::MetricType::kGauge, "Help.", ""});
  const std::string message(encoder.Finish());
  ASSERT_OK(Open());
  fs_.FailNth(io::SimOperation::kCreate, 1, io::SimError::kIo);
  const Answer failed = IngestMessage(message);
  executor_.RunUntilIdle();
  EXPECT_THAT(**failed, test::IsKind(ErrorKind::kOverloaded));
  const Answer again = IngestMessage(message);
  executor_.RunUntilIdle();
  ASSERT_OK(**again);
  Crash();
  ASSERT_OK(Open());
  EXPECT_EQ(database_->Metadata("").ValueOrDie().size(), 1u);
}

TEST_F(WritePathTest, WhatCannotBeStoredIsRefusedAndTheRestKept) {
  ASSERT_OK(Open());
  const int64_t latest_ms = now_ms_ + options_.max_future_ms;
  ASSERT_OK_AND_ASSIGN(const WriteReport report,
                       Write({{"a", latest_ms, 1}, {"a", latest_ms + 1, 2}, {"b", -1, 3}}));
  EXPECT_EQ(report.samples, 1);
  ASSERT_EQ(report.refused.size(), 1u);
  EXPECT_EQ(report.refused[0].count, 2);
  EXPECT_EQ(Read(), (Content{{"a", {{latest_ms, 1}}}}));
  EXPECT_EQ(database_->counters().samples_refused.value(), 2);
}

TEST_F(WritePathTest, ABadBodyStoresNothing) {
  options_.max_request_bytes = 1000;
  ASSERT_OK(Open());
  const Answer broken = IngestMessage("\x0a\xff");
  ASSERT_TRUE(broken->has_value());
  EXPECT_THAT(**broken, test::IsKind(ErrorKind::kBadSample));
  const Answer large = IngestMessage(std::string(1001, 'x'));
  EXPECT_THAT(**large, test::IsKind(ErrorKind::kTooLarge));
  const auto unsupported = std::make_shared<std::optional<arrow::Result<WriteReport>>>();
  database_->Ingest({.content_type = "text/plain", .content_encoding = {}, .body = {}},
                    [&](arrow::Result<WriteReport> result) { *unsupported = std::move(result); });
  EXPECT_THAT(**unsupported, test::IsKind(ErrorKind::kUnsupported));
  EXPECT_TRUE(Read().empty());
}

TEST_F(WritePathTest, WritesWaitWhileMemoryIsFull) {
  options_.head_limit_samples = 1;
  ASSERT_OK(Open());
  ASSERT_OK(Write({{"a", now_ms_, 1}, {"b", now_ms_, 1}}));
  EXPECT_THAT(Write({{"c", now_ms_, 1}}), test::IsKind(ErrorKind::kOverloaded));
  ASSERT_OK(database_->Flush());
  EXPECT_OK(Write({{"c", now_ms_, 1}}));
}

TEST_F(WritePathTest, WritesWaitWhileLabelsTakeTooMuch) {
  options_.head_limit_bytes = 4 << 20;
  ASSERT_OK(Open());
  const auto giant = [](int i) {
    return "a{i=\"" + std::to_string(i) + "\", b=\"" + std::string(60'000, 'x') + "\"}";
  };
  int sent = 0;
  arrow::Status refused;
  while (refused.ok() && sent < 1000) {
    const auto written = Write({{giant(sent), now_ms_, 1}});
    refused = written.status();
    sent += written.ok();
  }
  EXPECT_THAT(refused, test::IsKind(ErrorKind::kOverloaded));
  EXPECT_GT(sent, 10);
  EXPECT_LT(sent, 200);
  // It goes to files at once, and the labels of series that have gone quiet are forgotten.
  executor_.RunFor(2'001);
  EXPECT_OK(Write({{giant(sent), now_ms_, 1}}));
  EXPECT_EQ(Read().size(), static_cast<size_t>(sent + 1));
}

TEST_F(WritePathTest, WritesWaitWhileTheDiskIsNearlyFull) {
  options_.min_free_disk_bytes = 1 << 20;
  ASSERT_OK(Open());
  fs_.set_capacity_bytes(1 << 20);
  executor_.RunFor(1001);  // The disk is looked at once a second.
  EXPECT_THAT(Write({{"a", now_ms_, 1}}), test::IsKind(ErrorKind::kOverloaded));
  fs_.set_capacity_bytes(std::nullopt);
  executor_.RunFor(1001);
  EXPECT_OK(Write({{"a", now_ms_, 1}}));
}

TEST_F(WritePathTest, AClosedDatabaseTakesNothing) {
  ASSERT_OK(Open());
  const Answer before = Ingest({{"a", now_ms_, 1}});
  ASSERT_OK(database_->Close());
  ASSERT_TRUE(before->has_value());  // Taken before, answered by Close.
  EXPECT_OK(**before);
  const Answer after = Ingest({{"a", now_ms_, 2}});
  ASSERT_TRUE(after->has_value());
  EXPECT_THAT(**after, test::IsKind(ErrorKind::kClosed));
}

}  // namespace
}  // namespace larnax::db
