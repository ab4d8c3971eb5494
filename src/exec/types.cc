#include "exec/types.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "exec/query_budget.h"

namespace larnax::exec {
namespace {

constexpr size_t kMinBlockBytes = 4096;
constexpr size_t kMaxBlockBytes = 1 << 20;
// Histograms of one allocation, which lives as long as any of them.
constexpr size_t kMaxChunkHistograms = 64;
constexpr int64_t kMostUncountedBytes = 16 << 10;
constexpr size_t kMostUncountedSamples = 4096;

size_t RoundUp(size_t bytes) { return (bytes + 15) / 16 * 16; }

struct MeteredHistogram {
  MeteredHistogram(model::FloatHistogram of, const std::shared_ptr<MemoryMeter>& meter)
      : histogram(std::move(of)), hold(meter) {
    hold.AddBytes(static_cast<int64_t>(histogram.SizeBytes() + sizeof(hold)));
  }
  const model::FloatHistogram histogram;
  MeteredHold hold;
};

// The room for histograms of a row.
struct HistogramRow {
  HistogramRow(size_t steps, const std::shared_ptr<MemoryMeter>& meter)
      : histograms(steps), hold(meter) {
    hold.AddBytes(static_cast<int64_t>(steps * sizeof(HistogramPtr)));
  }
  std::vector<HistogramPtr> histograms;
  MeteredHold hold;
};

}  // namespace

HistogramPtr MakeHistogram(model::FloatHistogram histogram,
                           const std::shared_ptr<MemoryMeter>& meter) {
  const auto metered = std::make_shared<const MeteredHistogram>(std::move(histogram), meter);
  return {metered, &metered->histogram};
}

void SetAllPresent(PresenceWord* present, size_t steps) {
  const size_t words = PresenceWordCount(steps);
  for (size_t i = 0; i < words; ++i) present[i] = ~PresenceWord{0};
  if (steps % 64 != 0) present[words - 1] = (PresenceWord{1} << (steps % 64)) - 1;
}

size_t CountPresent(const PresenceWord* present, size_t steps) {
  size_t count = 0;
  for (size_t i = 0; i < PresenceWordCount(steps); ++i) {
    count += static_cast<size_t>(std::popcount(present[i]));
  }
  return count;
}

bool AnyPresent(const PresenceWord* present, size_t steps) {
  for (size_t i = 0; i < PresenceWordCount(steps); ++i) {
    if (present[i] != 0) return true;
  }
  return false;
}

bool AllPresent(const PresenceWord* present, size_t steps) {
  return CountPresent(present, steps) == steps;
}

// One allocation that a vector hands out piece by piece.
class StepVector::Block {
 public:
  Block(size_t bytes, std::shared_ptr<MemoryMeter> meter)
      : memory_(new std::byte[bytes]), bytes_(bytes), hold_(std::move(meter)) {
    hold_.AddBytes(static_cast<int64_t>(bytes_));
  }

  std::byte* Take(size_t bytes) {
    if (bytes > bytes_ - used_) return nullptr;
    std::byte* at = memory_.get() + used_;
    used_ += bytes;
    return at;
  }
  size_t bytes() const { return bytes_; }
  // Count a row that was given room here, soon: its samples, and what the vector has of it.
  void AddRow(size_t samples) {
    ++uncounted_rows_;
    uncounted_samples_ += samples;
    if (uncounted_samples_ >= kMostUncountedSamples) CountRows();
  }
  void CountRows() {
    hold_.AddSamples(static_cast<int64_t>(std::exchange(uncounted_samples_, 0)));
    hold_.AddBytes(static_cast<int64_t>(std::exchange(uncounted_rows_, 0) * sizeof(StepSeries)));
  }
  void CountSamples(int64_t samples) { hold_.AddSamples(samples); }

 private:
  std::unique_ptr<std::byte[]> memory_;
  size_t bytes_;
  size_t used_ = 0;
  size_t uncounted_rows_ = 0;
  size_t uncounted_samples_ = 0;
  MeteredHold hold_;
};

std::byte* StepVector::Allocate(size_t bytes) {
  bytes = RoundUp(bytes);
  if (block_ != nullptr) {
    if (std::byte* at = block_->Take(bytes)) return at;
  }
  const size_t last = block_ == nullptr ? 0 : block_->bytes();
  const size_t size = std::max({bytes, kMinBlockBytes, std::min(2 * last, kMaxBlockBytes)});
  CountRows();
  block_ = std::make_shared<Block>(size, meter_);
  keep_.push_back(block_);
  return block_->Take(bytes);
}

void StepVector::Reserve(size_t rows) {
  series.reserve(series.size() + rows);
  const size_t row_bytes =
      RoundUp(steps_ * sizeof(double)) + RoundUp(PresenceWordCount(steps_) * sizeof(PresenceWord));
  if (rows == 0) return;
  CountRows();
  block_ = std::make_shared<Block>(std::max<size_t>(rows * row_bytes, 16), meter_);
  keep_.push_back(block_);
}

StepSeries& StepVector::Add(LabelsView labels, bool drop_name) {
  const size_t words = PresenceWordCount(steps_) * sizeof(PresenceWord);
  StepSeries& row = series.emplace_back();
  row.labels = labels;
  row.drop_name = drop_name;
  row.values = reinterpret_cast<double*>(Allocate(steps_ * sizeof(double)));
  row.present = reinterpret_cast<PresenceWord*>(Allocate(words));
  block_->AddRow(steps_);
  std::memset(row.present, 0, words);
  return row;
}

void StepVector::CountRows() {
  if (block_ != nullptr) block_->CountRows();
}

StepSeries& StepVector::AddCopy(StepSeries from) {
  StepSeries& row = Add(from.labels, from.drop_name);
  std::copy_n(from.values, steps_, row.values);
  std::copy_n(from.present, PresenceWordCount(steps_), row.present);
  if (from.histograms != nullptr) {
    AddHistograms(&row);
    std::copy_n(from.histograms, steps_, row.histograms);
    ForEachPresent(row.present, steps_, [&](size_t step) {
      if (row.IsHistogram(step)) CountHistogram(*row.histograms[step], 1);
    });
  }
  if (from.sample_time_ms != nullptr) {
    AddSampleTimes(&row);
    std::copy_n(from.sample_time_ms, steps_, row.sample_time_ms);
  }
  return row;
}

void StepVector::AddHistograms(StepSeries* row) {
  if (row->histograms != nullptr) return;
  auto room = std::make_shared<HistogramRow>(steps_, meter_);
  row->histograms = room->histograms.data();
  keep_.push_back(std::move(room));
}

void StepVector::SetHistogram(StepSeries* row, size_t step, HistogramPtr histogram) {
  AddHistograms(row);
  CountHistogram(*histogram, 1);
  row->histograms[step] = std::move(histogram);
  SetPresent(row->present, step);
}

struct StepVector::HistogramChunk {
  HistogramChunk(size_t size, std::shared_ptr<MemoryMeter> meter) : hold(std::move(meter)) {
    histograms.reserve(size);
  }
  bool is_full() const { return histograms.size() == histograms.capacity(); }

  std::vector<model::FloatHistogram> histograms;
  MeteredHold hold;
  int64_t uncounted_bytes = 0;
  int64_t uncounted_samples = 0;
};

void StepVector::PutHistogram(StepSeries* row, size_t step, model::FloatHistogram histogram) {
  AddHistograms(row);
  if (chunk_ == nullptr || chunk_->is_full()) {
    CountHistograms();
    const size_t last = chunk_ == nullptr ? 0 : chunk_->histograms.capacity();
    const size_t size = std::clamp<size_t>(std::max(2 * last, steps_), 1, kMaxChunkHistograms);
    chunk_ = std::make_shared<HistogramChunk>(size, meter_);
  }
  const size_t bytes = histogram.SizeBytes();
  chunk_->histograms.push_back(std::move(histogram));
  row->histograms[step] = HistogramPtr(chunk_, &chunk_->histograms.back());
  SetPresent(row->present, step);
  chunk_->uncounted_bytes += static_cast<int64_t>(bytes);
  // One sample is counted for the step already.
  chunk_->uncounted_samples += SamplesOfHistogram(bytes) - 1;
  if (chunk_->uncounted_bytes > kMostUncountedBytes) CountHistograms();
}

void StepVector::CountHistograms() {
  if (chunk_ == nullptr || chunk_->uncounted_bytes == 0) return;
  if (block_ == nullptr) Allocate(0);
  chunk_->hold.AddBytes(std::exchange(chunk_->uncounted_bytes, 0));
  block_->CountSamples(std::exchange(chunk_->uncounted_samples, 0));
}

void StepVector::SetAllHistograms(StepSeries* row, const HistogramPtr& histogram) {
  AddHistograms(row);
  CountHistogram(*histogram, steps_);
  std::fill_n(row->histograms, steps_, histogram);
  SetAllPresent(row->present, steps_);
}

// One sample is counted for the step already.
void StepVector::CountHistogram(const model::FloatHistogram& histogram, size_t steps) {
  if (block_ == nullptr) Allocate(0);
  block_->CountSamples(static_cast<int64_t>(steps) *
                       (SamplesOfHistogram(histogram.SizeBytes()) - 1));
}

void StepVector::AddSampleTimes(StepSeries* row) {
  if (row->sample_time_ms != nullptr) return;
  row->sample_time_ms = reinterpret_cast<int64_t*>(Allocate(steps_ * sizeof(int64_t)));
}

LabelsView StepVector::StoreLabels(std::string_view canonical_bytes) {
  char* at = reinterpret_cast<char*>(Allocate(canonical_bytes.size()));
  std::copy_n(canonical_bytes.data(), canonical_bytes.size(), at);
  return LabelsView({at, canonical_bytes.size()});
}

void StepVector::Keep(std::shared_ptr<const void> object) { keep_.push_back(std::move(object)); }

void StepVector::KeepAllOf(const StepVector& other) {
  keep_.insert(keep_.end(), other.keep_.begin(), other.keep_.end());
}

void StepVector::Append(StepVector other) {
  other.CountRows();
  groups = nullptr;
  if (series.empty()) {
    series = std::move(other.series);
  } else {
    series.insert(series.end(), other.series.begin(), other.series.end());
  }
  if (block_ == nullptr) block_ = std::move(other.block_);
  keep_.insert(keep_.end(), std::make_move_iterator(other.keep_.begin()),
               std::make_move_iterator(other.keep_.end()));
}

}  // namespace larnax::exec
