#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <system_error>
#include <utility>

#include "larnax/database.h"
#include "test/promql/storage.h"
#include "wire/remote_write/encoder.h"

namespace larnax::promqltest {
namespace {

using arrow::Status;

std::string EncodeSample(const TimedSample& sample) {
  const model::FloatHistogram& h = *sample.histogram;
  wire::HistogramFields fields;
  fields.is_float = true;
  fields.count_float = h.count;
  fields.sum = h.sum;
  fields.schema = h.schema;
  fields.zero_threshold = h.zero_threshold;
  fields.zero_count_float = h.zero_count;
  fields.negative_spans = h.negative_spans;
  fields.negative_counts = h.negative;
  fields.positive_spans = h.positive_spans;
  fields.positive_counts = h.positive;
  fields.reset_hint = static_cast<uint32_t>(h.counter_reset_hint);
  fields.time_ms = sample.time_ms;
  fields.custom_bounds = h.custom_bounds;
  fields.start_ms = sample.start_ms;
  return wire::EncodeHistogram(fields);
}

class DatabaseStorage final : public TestStorage {
 public:
  DatabaseStorage(DatabaseStage stage, std::filesystem::path folder)
      : stage_(stage), folder_(std::move(folder)) {}
  ~DatabaseStorage() override {
    (void)Close();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Status Clear() override {
    if (empty_) return Status::OK();
    ARROW_RETURN_NOT_OK(Close());
    std::filesystem::remove_all(ArchivePath());
    empty_ = true;
    return Open();
  }

  Status Load(const std::vector<TimedSeries>& all) override {
    empty_ = false;
    wire::RequestEncoder encoder(wire::WriteVersion::kV2);
    for (const TimedSeries& series : all) {
      if (series.samples.empty()) continue;
      encoder.BeginSeries(series.labels.bytes());
      for (const TimedSample& sample : series.samples) {
        if (sample.histogram == nullptr) {
          encoder.AddSample(sample.time_ms, sample.value, sample.start_ms);
        } else {
          encoder.AddHistogram(EncodeSample(sample));
        }
      }
    }
    ARROW_RETURN_NOT_OK(Ingest(encoder.Finish()));
    if (stage_ == DatabaseStage::kFiles) {
      ARROW_RETURN_NOT_OK(database_->Flush());
      return database_->Merge(true);
    }
    if (stage_ == DatabaseStage::kReopened) {
      ARROW_RETURN_NOT_OK(Close());
      return Open();
    }
    return Status::OK();
  }

  arrow::Result<QueryResult> Query(const QueryRequest& request) override {
    return database_->Query(request);
  }

  Status Open() {
    DatabaseOptions options;
    options.wal_sync = WalSync::kOff;
    options.flush_interval_ms = int64_t{3600} * 1000 * 24;
    return Database::Open(ArchivePath().string(), options).Value(&database_);
  }

 private:
  Status Close() {
    if (database_ == nullptr) return Status::OK();
    const Status status = database_->Close();
    database_.reset();
    return status;
  }

  std::filesystem::path ArchivePath() const { return folder_ / "archive"; }

  Status Ingest(std::string_view message) {
    std::promise<arrow::Result<WriteReport>> promise;
    database_->Ingest(
        {.content_type = "application/x-protobuf;proto=io.prometheus.write.v2.Request",
         .content_encoding = "identity",
         .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}},
        [&promise](arrow::Result<WriteReport> report) { promise.set_value(std::move(report)); });
    ARROW_ASSIGN_OR_RAISE(const WriteReport report, promise.get_future().get());
    if (report.refused.empty()) return Status::OK();
    return Status::Invalid(report.refused[0].reason, ": ", report.refused[0].first);
  }

  DatabaseStage stage_;
  std::filesystem::path folder_;
  bool empty_ = true;
  std::unique_ptr<Database> database_;
};

}  // namespace

arrow::Result<std::unique_ptr<TestStorage>> MakeDatabaseStorage(DatabaseStage stage) {
  std::string folder =
      (std::filesystem::temp_directory_path() / "larnax-promqltest-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return Status::IOError("cannot make a temporary directory");
  }
  auto storage = std::make_unique<DatabaseStorage>(stage, folder);
  ARROW_RETURN_NOT_OK(storage->Open());
  return storage;
}

}  // namespace larnax::promqltest
