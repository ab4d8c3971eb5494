#include "http/fake_database_for_test.h"

#include <algorithm>
#include <set>

#include "larnax/error.h"

namespace larnax::http {
namespace {

bool MatchesAll(const std::vector<Matcher>& matchers, LabelsView labels) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    return matcher.Matches(labels.Get(matcher.name()));
  });
}

NamesAnswer Limited(const std::set<std::string>& names, int64_t limit,
                    const std::vector<std::string>& warnings) {
  NamesAnswer answer;
  answer.warnings = warnings;
  answer.names.assign(names.begin(), names.end());
  if (limit > 0 && std::ssize(answer.names) > limit) {
    answer.names.resize(static_cast<size_t>(limit));
    answer.truncated = true;
  }
  answer.stats.files_read = 1;
  return answer;
}

}  // namespace

// Yields one series a batch.
class FakeStream : public SampleStream {
 public:
  FakeStream(FakeDatabase* database, std::vector<const FakeDatabase::StoredSeries*> series,
             const SelectRequest& request)
      : database_(database), series_(std::move(series)), request_(request) {
    ++database_->open_streams;
  }
  ~FakeStream() override { --database_->open_streams; }

  arrow::Result<SampleBatch> Next() override {
    if (request_.cancelled != nullptr && request_.cancelled->load()) {
      return MakeError(ErrorKind::kCancelled, "query was canceled");
    }
    if (database_->on_batch) ARROW_RETURN_NOT_OK(database_->on_batch(batches_));
    ++batches_;
    if (database_->endless && next_ == series_.size()) next_ = 0;
    if (next_ == series_.size()) return SampleBatch{};
    if (request_.limit > 0 && yielded_ == request_.limit) return SampleBatch{};
    ++yielded_;
    return MakeBatch(*series_[next_++]);
  }
  const ReadStats& stats() const override { return stats_; }
  std::vector<std::string> warnings() const override { return database_->warnings; }

 private:
  struct Storage {
    std::vector<double> values;
    std::vector<int64_t> starts;
    std::vector<HistogramSample> histograms;
  };

  SampleBatch MakeBatch(const FakeDatabase::StoredSeries& stored) {
    auto storage = std::make_shared<Storage>();
    auto times = std::make_shared<TimestampVector>();
    for (const auto& sample : stored.samples) {
      if (!request_.range.Contains(sample.time_ms)) continue;
      times->push_back(sample.time_ms);
      storage->values.push_back(sample.value);
      storage->starts.push_back(sample.start_ms);
    }
    for (const auto& histogram : stored.histograms) {
      if (request_.range.Contains(histogram.time_ms)) storage->histograms.push_back(histogram);
    }
    ++stats_.series;
    stats_.samples += std::ssize(*times);
    SampleBatch batch;
    batch.series.push_back(
        {stored.labels.view(), times, storage->values, storage->starts, storage->histograms});
    batch.storage = storage;
    return batch;
  }

  FakeDatabase* database_;
  std::vector<const FakeDatabase::StoredSeries*> series_;
  SelectRequest request_;
  ReadStats stats_;
  size_t next_ = 0;
  int64_t yielded_ = 0;
  int batches_ = 0;
};

void FakeDatabase::AddSeries(std::vector<std::pair<std::string, std::string>> labels,
                             std::vector<Sample> samples) {
  series_.push_back({Labels::Make(std::move(labels)).ValueOrDie(), std::move(samples), {}});
}

void FakeDatabase::AddHistograms(std::vector<HistogramSample> histograms) {
  series_.back().histograms = std::move(histograms);
}

void FakeDatabase::CompleteWrites(size_t count) {
  std::vector<WriteDone> kept;
  {
    std::unique_lock lock(mutex_);
    write_kept_.wait(lock, [&] { return kept_writes_.size() >= count; });
    kept.swap(kept_writes_);
  }
  for (const WriteDone& done : kept) done(write_outcome);
}

std::vector<FakeDatabase::Write> FakeDatabase::writes() {
  const std::lock_guard lock(mutex_);
  return writes_;
}

SelectRequest FakeDatabase::last_select() {
  const std::lock_guard lock(mutex_);
  return last_select_;
}

void FakeDatabase::Ingest(const WriteMessage& message, WriteDone done) {
  if (on_write) on_write();
  {
    const std::lock_guard lock(mutex_);
    writes_.push_back({std::string(message.content_type), std::string(message.content_encoding),
                       std::string(message.body.begin(), message.body.end())});
    if (defer_writes) {
      kept_writes_.push_back(std::move(done));
      write_kept_.notify_all();
      return;
    }
  }
  done(write_outcome);
}

std::vector<const FakeDatabase::StoredSeries*> FakeDatabase::Matching(
    const SelectRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    last_select_ = request;
  }
  std::vector<const StoredSeries*> matching;
  for (const StoredSeries& series : series_) {
    const bool selected =
        request.selectors.empty() ||
        std::any_of(request.selectors.begin(), request.selectors.end(),
                    [&](const auto& matchers) { return MatchesAll(matchers, series.labels); });
    const bool in_range =
        std::any_of(series.samples.begin(), series.samples.end(),
                    [&](const Sample& s) { return request.range.Contains(s.time_ms); });
    if (selected && in_range) matching.push_back(&series);
  }
  return matching;
}

arrow::Result<std::unique_ptr<SampleStream>> FakeDatabase::Select(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(failure);
  return std::make_unique<FakeStream>(this, Matching(request), request);
}

arrow::Result<NamesAnswer> FakeDatabase::LabelNames(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(failure);
  std::set<std::string> names;
  for (const StoredSeries* series : Matching(request)) {
    for (const Label& label : series->labels.view()) names.emplace(label.name);
  }
  return Limited(names, request.limit, warnings);
}

arrow::Result<NamesAnswer> FakeDatabase::LabelValues(std::string_view name,
                                                     const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(failure);
  std::set<std::string> values;
  for (const StoredSeries* series : Matching(request)) {
    const std::string_view value = series->labels.Get(name);
    if (!value.empty()) values.emplace(value);
  }
  return Limited(values, request.limit, warnings);
}

arrow::Result<SeriesAnswer> FakeDatabase::Series(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(failure);
  SeriesAnswer answer;
  answer.warnings = warnings;
  for (const StoredSeries* series : Matching(request)) {
    if (request.limit > 0 && std::ssize(answer.series) == request.limit) {
      answer.truncated = true;
      break;
    }
    answer.series.push_back(series->labels);
  }
  return answer;
}

arrow::Result<ExemplarsAnswer> FakeDatabase::Exemplars(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(failure);
  {
    const std::lock_guard lock(mutex_);
    last_select_ = request;
  }
  ExemplarsAnswer answer;
  answer.series = exemplars;
  return answer;
}

arrow::Result<std::vector<MetricMetadata>> FakeDatabase::Metadata(std::string_view metric) {
  ARROW_RETURN_NOT_OK(failure);
  std::vector<MetricMetadata> entries;
  for (const MetricMetadata& entry : metadata) {
    if (metric.empty() || entry.metric == metric) entries.push_back(entry);
  }
  return entries;
}

arrow::Status FakeDatabase::Flush() {
  if (on_maintenance) on_maintenance();
  ARROW_RETURN_NOT_OK(failure);
  ++flushes;
  return arrow::Status::OK();
}

arrow::Status FakeDatabase::Merge(bool everything) {
  if (on_maintenance) on_maintenance();
  ARROW_RETURN_NOT_OK(failure);
  ++merges;
  merged_everything = everything;
  return arrow::Status::OK();
}

arrow::Result<DatabaseStatus> FakeDatabase::Status(int limit) {
  ARROW_RETURN_NOT_OK(failure);
  DatabaseStatus limited = status;
  const auto size = static_cast<size_t>(limit);
  if (limited.series_by_metric.size() > size) limited.series_by_metric.resize(size);
  return limited;
}

arrow::Result<QueryResult> FakeDatabase::Query(const QueryRequest& request) {
  if (!failure.ok()) return failure;
  if (on_query) return on_query(request);
  QueryResult result;
  result.time_ms = request.start_ms;
  return result;
}

}  // namespace larnax::http
