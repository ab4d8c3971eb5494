#include "exec/memory_source_for_test.h"

#include <algorithm>
#include <utility>

namespace larnax::exec {
namespace {

bool Matches(LabelsView labels, const std::vector<std::vector<Matcher>>& selectors) {
  return selectors.empty() ||
         std::any_of(selectors.begin(), selectors.end(), [&](const auto& matchers) {
           return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
             return matcher.Matches(labels.Get(matcher.name()));
           });
         });
}

struct SeriesCopy {
  Labels labels;
  std::shared_ptr<const TimestampVector> times;
  std::vector<double> values;
  std::vector<int64_t> starts;
  std::vector<HistogramSample> histograms;
};

}  // namespace

// Holds a copy of what was selected.
class MemorySource::Stream final : public SampleStream {
 public:
  Stream(std::vector<std::vector<SeriesCopy>> batches, ReadStats stats)
      : batches_(std::move(batches)), stats_(stats) {}

  arrow::Result<SampleBatch> Next() override {
    if (next_ == batches_.size()) return SampleBatch{};
    auto storage = std::make_shared<std::vector<SeriesCopy>>(std::move(batches_[next_++]));
    SampleBatch batch;
    for (const SeriesCopy& series : *storage) {
      batch.series.push_back(
          {series.labels, series.times, series.values, series.starts, series.histograms});
    }
    batch.storage = std::move(storage);
    return batch;
  }
  const ReadStats& stats() const override { return stats_; }

 private:
  std::vector<std::vector<SeriesCopy>> batches_;
  ReadStats stats_;
  size_t next_ = 0;
};

MemorySource::Series& MemorySource::At(const Labels& labels) {
  Series& series = series_[std::string(labels.bytes())];
  series.labels = labels;
  return series;
}

void MemorySource::Add(const Labels& labels, int64_t time_ms, double value, int64_t start_ms) {
  Series& series = At(labels);
  series.histograms.erase(time_ms);
  series.floats[time_ms] = {value, start_ms};
}

void MemorySource::Add(const Labels& labels, int64_t time_ms, NativeHistogram histogram,
                       int64_t start_ms) {
  Series& series = At(labels);
  series.floats.erase(time_ms);
  series.histograms[time_ms] = {time_ms, start_ms,
                                std::make_shared<const NativeHistogram>(std::move(histogram))};
}

arrow::Result<std::unique_ptr<SampleStream>> MemorySource::Select(const SelectRequest& request) {
  std::vector<std::vector<SeriesCopy>> batches;
  ReadStats stats;
  for (const auto& [bytes, series] : series_) {
    if (!Matches(series.labels, request.selectors)) continue;
    SeriesCopy copy;
    copy.labels = series.labels;
    TimestampVector times;
    bool any_start = false;
    for (const auto& [time_ms, sample] : series.floats) {
      if (!request.range.Contains(time_ms)) continue;
      times.push_back(time_ms);
      copy.values.push_back(sample.value);
      copy.starts.push_back(sample.start_ms);
      any_start = any_start || sample.start_ms != 0;
    }
    if (!any_start) copy.starts.clear();
    copy.times = std::make_shared<const TimestampVector>(std::move(times));
    for (const auto& [time_ms, sample] : series.histograms) {
      if (request.range.Contains(time_ms)) copy.histograms.push_back(sample);
    }
    const size_t samples = copy.values.size() + copy.histograms.size();
    if (samples == 0) continue;
    ++stats.series;
    stats.samples += static_cast<int64_t>(samples);
    if (batches.empty() || batches.back().size() == batch_series) batches.emplace_back();
    batches.back().push_back(std::move(copy));
  }
  return std::make_unique<Stream>(std::move(batches), stats);
}

}  // namespace larnax::exec
