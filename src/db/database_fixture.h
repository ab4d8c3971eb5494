#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/database_impl.h"
#include "io/executor.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "test/matchers.h"
#include "wire/remote_write/encoder.h"

namespace larnax::db {

/// For tests: a database on a simulated disk, whose background work runs when the test says so.
class DatabaseTest : public testing::Test {
 protected:
  static constexpr char kRoot[] = "/archive";

  struct Sample {
    std::string series;  ///< As ParseSelector reads it: `metric{a="b"}`.
    int64_t time_ms;
    double value;
  };
  /// What became of a write: nothing yet, or the answer.
  using Answer = std::shared_ptr<std::optional<arrow::Result<WriteReport>>>;
  using Content = std::map<std::string, std::map<int64_t, double>>;

  DatabaseTest() { now_ms_ = clock_.NowMs(); }
  ~DatabaseTest() override { Close(); }

  Environment TheEnvironment() {
    return {.fs = &fs_, .clock = &clock_, .executor = &executor_, .seed = 7, .recovery_threads = 1};
  }
  arrow::Status Open() {
    return DatabaseImpl::Open(TheEnvironment(), kRoot, options_, {}).Value(&database_);
  }
  /// Leave as a process does that ends in order.
  void Close() {
    if (database_ != nullptr) {
      EXPECT_OK(database_->Close());
    }
    executor_.DropAll();
    database_.reset();
  }
  /// Leave as at a power cut.
  void Crash() {
    executor_.DropAll();
    // Nothing that the old object still does may reach the disk.
    fs_.set_capacity_bytes(0);
    for (const auto operation :
         {io::SimOperation::kWrite, io::SimOperation::kSync, io::SimOperation::kCreate,
          io::SimOperation::kRename, io::SimOperation::kTruncate}) {
      fs_.FailRandomly(operation, 1, io::SimError::kIo);
    }
    database_.reset();
    fs_.Crash();
    fs_.ClearFailures();
    fs_.set_capacity_bytes(std::nullopt);
  }

  static Labels LabelsOf(const std::string& text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const Matcher& matcher : ParseSelector(text).ValueOrDie()) {
      pairs.emplace_back(matcher.name(), matcher.value());
    }
    return Labels::Make(std::move(pairs)).ValueOrDie();
  }

  Answer IngestMessage(std::string_view message) {
    auto answer = std::make_shared<std::optional<arrow::Result<WriteReport>>>();
    database_->Ingest({.content_type = {},
                       .content_encoding = "identity",
                       .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}},
                      [answer](arrow::Result<WriteReport> result) {
                        EXPECT_FALSE(answer->has_value()) << "answered twice";
                        *answer = std::move(result);
                      });
    return answer;
  }
  /// Hand in a write; its answer comes when the executor runs.
  Answer Ingest(const std::vector<Sample>& samples) {
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    for (const Sample& sample : samples) {
      encoder.BeginSeries(LabelsOf(sample.series).bytes());
      encoder.AddSample(sample.time_ms, sample.value);
    }
    return IngestMessage(encoder.Finish());
  }
  /// Write, and wait for the answer.
  arrow::Result<WriteReport> Write(const std::vector<Sample>& samples) {
    const Answer answer = Ingest(samples);
    executor_.RunUntilIdle();
    if (!answer->has_value()) return arrow::Status::Invalid("no answer");
    return **answer;
  }

  static Content ReadFrom(Database& database, const SelectRequest& request = {}) {
    Content content;
    auto stream = database.Select(request);
    EXPECT_OK(stream);
    while (stream.ok()) {
      auto batch = (*stream)->Next();
      EXPECT_OK(batch);
      if (!batch.ok() || batch->series.empty()) break;
      for (const SeriesSamples& series : batch->series) {
        auto& samples = content[series.labels.ToString()];
        for (size_t i = 0; i < series.value.size(); ++i) {
          samples[(*series.time_ms)[i]] = series.value[i];
        }
      }
    }
    return content;
  }
  Content Read() { return ReadFrom(*database_); }

  std::vector<std::string> NamesIn(const std::string& folder) {
    std::vector<std::string> names;
    const auto entries = fs_.List(io::JoinPath(kRoot, folder));
    if (!entries.ok()) return names;
    for (const io::DirectoryEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  int64_t FileCount() { return database_->Status(0).ValueOrDie().files; }
  int64_t HeadSamples() { return database_->Status(0).ValueOrDie().head_samples; }

  io::SimFileSystem fs_{1};
  io::SimClock clock_;
  io::SimExecutor executor_{clock_, 1};
  DatabaseOptions options_;
  std::unique_ptr<DatabaseImpl> database_;
  int64_t now_ms_ = 0;
};

}  // namespace larnax::db
