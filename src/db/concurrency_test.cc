// Many threads at one database on a real disk: writes, flushes, merges and every kind of question
// at once. Mostly for ThreadSanitizer; what readers may see at any moment is checked as well.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "larnax/database.h"
#include "test/matchers.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/histogram_message.h"

namespace larnax::db {
namespace {

constexpr int kWriters = 3;
constexpr int kSeriesPerWriter = 5;
constexpr int kRounds = 60;
constexpr int64_t kStepMs = 1000;
constexpr int64_t kFirstMs = 1'700'000'000'000;

std::string Number(int64_t n) { return std::to_string(n); }

// What a writer sends in one round: its floats, a histogram, an exemplar and metadata, all at one
// time. Every round doubles back on the one before, which changes nothing.
std::string MessageOf(int writer, int round) {
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  const int64_t time_ms = kFirstMs + round * kStepMs;
  for (int i = 0; i < kSeriesPerWriter; ++i) {
    const Labels labels =
        Labels::Make({{"__name__", "floats"}, {"writer", Number(writer)}, {"i", Number(i)}})
            .ValueOrDie();
    encoder.BeginSeries(labels.bytes());
    if (round > 0) encoder.AddSample(time_ms - kStepMs, round - 1);
    encoder.AddSample(time_ms, round);
    if (i == 0) {
      const Labels trace = Labels::Make({{"trace", Number(round)}}).ValueOrDie();
      encoder.AddExemplar(trace.bytes(), round, time_ms);
    }
  }
  NativeHistogram histogram;
  histogram.count = histogram.sum = round;
  histogram.positive_spans = {{0, 1}};
  histogram.positive = {histogram.count};
  const Labels labels =
      Labels::Make({{"__name__", "histograms"}, {"writer", Number(writer)}}).ValueOrDie();
  encoder.BeginSeries(labels.bytes());
  encoder.AddHistogram(wire::EncodeHistogram(histogram, time_ms, 0));
  encoder.AddMetadata({"floats", wire::MetricType::kGauge, "round " + Number(round), ""});
  return std::string(encoder.Finish());
}

class ConcurrencyTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("larnax_concurrency_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    // Everything happens often: flushes by count, segments that end, merges of two.
    options_.flush_samples = 150;
    options_.wal_segment_bytes = 16 << 10;
    options_.merge_fan_in = 2;
    ASSERT_OK(Open());
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  arrow::Status Open() { return Database::Open(folder_.string(), options_).Value(&database_); }

  void Write(int writer, int round) {
    const std::string message = MessageOf(writer, round);
    std::promise<arrow::Result<WriteReport>> answer;
    database_->Ingest(
        {.content_type = {},
         .content_encoding = "identity",
         .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}},
        [&](arrow::Result<WriteReport> report) { answer.set_value(std::move(report)); });
    const auto report = answer.get_future().get();
    ASSERT_OK(report);
    ASSERT_TRUE(report->refused.empty()) << report->refused[0].first;
    acknowledged_[static_cast<size_t>(writer)] = round + 1;
  }
  void WriteAll(int writer) {
    for (int round = 0; round < kRounds; ++round) ASSERT_NO_FATAL_FAILURE(Write(writer, round));
  }

  // All floats of a writer: as many of each series, none missing, and all that was acknowledged.
  void CheckSelect(int writer, bool merge_meanwhile) {
    const int at_least = acknowledged_[static_cast<size_t>(writer)];
    SelectRequest request;
    request.selectors = {
        ParseSelector("{writer=\"" + Number(writer) + "\",__name__=~\"floats|histograms\"}")
            .ValueOrDie()};
    auto stream = database_->Select(request);
    ASSERT_OK(stream);
    // What the stream is to read is merged away under it.
    if (merge_meanwhile) {
      ASSERT_OK(database_->Merge(true));
    }
    size_t rounds = SIZE_MAX;
    size_t series_count = 0;
    for (;;) {
      const auto batch = (*stream)->Next();
      ASSERT_OK(batch);
      if (batch->series.empty()) break;
      for (const SeriesSamples& series : batch->series) {
        ++series_count;
        const size_t count = series.value.size() + series.histograms.size();
        if (rounds == SIZE_MAX) rounds = count;
        ASSERT_EQ(count, rounds) << series.labels.ToString();
        for (size_t i = 0; i < series.value.size(); ++i) {
          ASSERT_EQ((*series.time_ms)[i], kFirstMs + static_cast<int64_t>(i) * kStepMs);
          ASSERT_EQ(series.value[i], static_cast<double>(i));
        }
        for (size_t i = 0; i < series.histograms.size(); ++i) {
          ASSERT_EQ(series.histograms[i].histogram->count, static_cast<double>(i));
        }
      }
    }
    if (at_least == 0) return;
    ASSERT_EQ(series_count, kSeriesPerWriter + 1u);
    ASSERT_GE(rounds, static_cast<size_t>(at_least));
  }

  void CheckQueries() {
    int at_least = 0;
    for (const std::atomic<int>& each : acknowledged_) at_least += each;
    QueryRequest request;
    request.text = "sum(count_over_time(floats[1h])) / 5";
    request.start_ms = kFirstMs + kRounds * kStepMs;
    const auto count = database_->Query(request);
    ASSERT_OK(count);
    if (at_least > 0) {
      ASSERT_EQ(count->series.size(), 1u);
      ASSERT_GE(count->series[0].value[0], at_least);
    }
    request.text =
        "sum by (writer) (rate(floats[10s])) + on (writer) group_left histogram_count(histograms)";
    request.start_ms = kFirstMs;
    request.end_ms = kFirstMs + kRounds * kStepMs;
    request.step_ms = kStepMs;
    request.threads = 2;
    ASSERT_OK(database_->Query(request));
  }

  void CheckTheRest() {
    ASSERT_OK_AND_ASSIGN(const NamesAnswer names, database_->LabelNames({}));
    ASSERT_LE(names.names.size(), 3u);
    ASSERT_OK_AND_ASSIGN(const NamesAnswer writers, database_->LabelValues("writer", {}));
    ASSERT_LE(writers.names.size(), static_cast<size_t>(kWriters));
    ASSERT_OK(database_->Series({}));
    ASSERT_OK_AND_ASSIGN(const ExemplarsAnswer exemplars, database_->Exemplars({}));
    for (const SeriesExemplars& series : exemplars.series) {
      for (size_t i = 0; i < series.exemplars.size(); ++i) {
        ASSERT_EQ(series.exemplars[i].value, static_cast<double>(i));
      }
    }
    ASSERT_OK(database_->Metadata(""));
    ASSERT_OK(database_->Status(3));
    ASSERT_FALSE(database_->MetricsText().empty());
  }

  // Runs `work(turn)` in a thread until all writes are done, and once more after that.
  std::thread Repeat(const std::function<void(int)>& work) {
    return std::thread([this, work] {
      for (int turn = 0; !testing::Test::HasFatalFailure(); ++turn) {
        const bool is_last = writes_done_;
        work(turn);
        if (is_last) return;
      }
    });
  }

  std::filesystem::path folder_;
  DatabaseOptions options_;
  std::unique_ptr<Database> database_;
  std::array<std::atomic<int>, kWriters> acknowledged_{};
  std::atomic<bool> writes_done_{false};
};

TEST_F(ConcurrencyTest, WritesFlushesMergesAndQuestionsAtOnce) {
  std::vector<std::thread> threads;
  threads.push_back(Repeat([this](int) { ASSERT_OK(database_->Flush()); }));
  threads.push_back(Repeat([this](int turn) { ASSERT_OK(database_->Merge(turn % 3 == 2)); }));
  for (int reader = 0; reader < 2; ++reader) {
    threads.push_back(Repeat(
        [this, reader](int turn) { CheckSelect((reader + turn) % kWriters, turn % 4 == 3); }));
  }
  threads.push_back(Repeat([this](int) { CheckQueries(); }));
  threads.push_back(Repeat([this](int) { CheckTheRest(); }));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] { WriteAll(writer); });
  }
  for (std::thread& writer : writers) writer.join();
  writes_done_ = true;
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK(database_->Close());
  database_.reset();
  ASSERT_OK(Open());
  for (int writer = 0; writer < kWriters; ++writer) {
    ASSERT_EQ(acknowledged_[static_cast<size_t>(writer)], kRounds);
    CheckSelect(writer, false);
  }
  ASSERT_OK_AND_ASSIGN(const ExemplarsAnswer exemplars, database_->Exemplars({}));
  ASSERT_EQ(exemplars.series.size(), static_cast<size_t>(kWriters));
  EXPECT_EQ(exemplars.series[0].exemplars.size(), static_cast<size_t>(kRounds));
}

// More is said of one metric than memory keeps, so that files are asked, whose merges do not leave
// the old ones behind.
TEST_F(ConcurrencyTest, MetadataIsReadWhileItsFilesAreMerged) {
  std::thread reader = Repeat([this](int) { ASSERT_OK(database_->Metadata("floats")); });
  constexpr int kNews = 30;
  for (int round = 0; round < kNews && !HasFatalFailure(); ++round) {
    Write(0, round);
    EXPECT_OK(database_->Flush());
    if (round % 2 == 1) {
      EXPECT_OK(database_->Merge(true));
    }
  }
  writes_done_ = true;
  reader.join();
  ASSERT_OK_AND_ASSIGN(const auto metadata, database_->Metadata("floats"));
  // Of those of one metric an answer holds some, the newest last.
  ASSERT_FALSE(metadata.empty());
  EXPECT_EQ(metadata.back().help, "round " + Number(kNews - 1));
}

}  // namespace
}  // namespace larnax::db
