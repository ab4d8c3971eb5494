#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "larnax/database.h"

namespace larnax::http {

/// A Database for tests of the server: series in memory, writes answered as the test says.
class FakeDatabase : public Database {
 public:
  struct Sample {
    int64_t time_ms = 0;
    double value = 0;
    int64_t start_ms = 0;
  };
  struct Write {
    std::string content_type;
    std::string content_encoding;
    std::string body;
  };

  /// Add a series; labels without `__name__` get none.
  void AddSeries(std::vector<std::pair<std::string, std::string>> labels,
                 std::vector<Sample> samples);

  /// Add native histograms to the series added last.
  void AddHistograms(std::vector<HistogramSample> histograms);

  // What the next calls do. To be set while no request is under way.
  arrow::Result<WriteReport> write_outcome = WriteReport{};
  bool defer_writes = false;       ///< Keep `done` until CompleteWrites.
  arrow::Status failure;           ///< Of everything but writes, where not OK.
  std::function<void()> on_write;  ///< Run by each Ingest.
  /// Run at the start of Flush and Merge, and of each batch (with its number).
  std::function<void()> on_maintenance;
  std::function<arrow::Status(int batch)> on_batch;
  std::vector<std::string> warnings;  ///< Of every stream and list.
  bool endless = false;               ///< Streams repeat their series for ever, until cancelled.
  std::vector<MetricMetadata> metadata;
  std::vector<SeriesExemplars> exemplars;  ///< Answered whole, whatever is selected.
  DatabaseStatus status;
  /// Answers queries; called by several threads.
  std::function<arrow::Result<QueryResult>(const QueryRequest&)> on_query;

  /// Answer the writes kept so far, from the calling thread. Waits until there are `count`.
  void CompleteWrites(size_t count);
  std::vector<Write> writes();
  /// The last request of Select, LabelNames, LabelValues or Series.
  SelectRequest last_select();

  std::atomic<int> flushes{0};
  std::atomic<int> merges{0};
  std::atomic<bool> merged_everything{false};
  std::atomic<int> open_streams{0};

  void Ingest(const WriteMessage& message, WriteDone done) override;
  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override;
  arrow::Result<NamesAnswer> LabelNames(const SelectRequest& request) override;
  arrow::Result<NamesAnswer> LabelValues(std::string_view name,
                                         const SelectRequest& request) override;
  arrow::Result<SeriesAnswer> Series(const SelectRequest& request) override;
  arrow::Result<ExemplarsAnswer> Exemplars(const SelectRequest& request) override;
  arrow::Result<QueryResult> Query(const QueryRequest& request) override;
  arrow::Result<std::vector<MetricMetadata>> Metadata(std::string_view metric) override;
  arrow::Status Flush() override;
  arrow::Status Merge(bool everything) override;
  arrow::Result<DatabaseStatus> Status(int limit) override;
  std::string MetricsText() override { return "larnax_fake 1\n"; }
  arrow::Status RecordOwnMetrics(std::string_view) override { return arrow::Status::OK(); }
  arrow::Status Close() override { return arrow::Status::OK(); }

 private:
  friend class FakeStream;
  struct StoredSeries {
    Labels labels;
    std::vector<Sample> samples;
    std::vector<HistogramSample> histograms;
  };
  std::vector<const StoredSeries*> Matching(const SelectRequest& request);

  std::vector<StoredSeries> series_;
  std::mutex mutex_;  // Guards what follows.
  std::condition_variable write_kept_;
  std::vector<Write> writes_;
  std::vector<WriteDone> kept_writes_;
  SelectRequest last_select_;
};

}  // namespace larnax::http
