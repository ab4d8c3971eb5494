#include "store/batch_builder.h"

#include <algorithm>
#include <cstring>

namespace larnax::store {
namespace {

constexpr size_t kBlockElements = 32 << 10;

uint64_t Mix(uint64_t hash, int64_t value) {
  return (hash ^ static_cast<uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
}

// Series of one target differ from those of another in their first time already.
uint64_t HashTimes(std::span<const int64_t> time_ms) {
  uint64_t hash = Mix(time_ms.size(), time_ms.front());
  hash = Mix(hash, time_ms.back());
  return Mix(hash, time_ms[time_ms.size() / 2]);
}

bool AreEqual(std::span<const int64_t> a, const TimestampVector& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

struct BatchBuilder::Storage {
  std::vector<std::shared_ptr<const void>> kept;
  std::vector<std::unique_ptr<double[]>> read_values;
  std::vector<std::unique_ptr<std::vector<int64_t>>> read_starts;
  std::vector<std::unique_ptr<double[]>> values;
  std::vector<std::unique_ptr<int64_t[]>> starts;
  std::vector<std::vector<HistogramSample>> histograms;
};

BatchBuilder::BatchBuilder() : storage_(std::make_shared<Storage>()) {}

void BatchBuilder::Keep(std::shared_ptr<const void> object) {
  if (!storage_->kept.empty() && storage_->kept.back() == object) return;
  storage_->kept.push_back(std::move(object));
}

void BatchBuilder::Take(LoadedParts* loaded) {
  storage_->read_values = std::move(loaded->values);
  storage_->read_starts = std::move(loaded->starts);
}

std::shared_ptr<const TimestampVector> BatchBuilder::ShareTimes(std::span<const int64_t> time_ms) {
  if (time_ms.empty()) return std::make_shared<const TimestampVector>();
  if (!batch_.series.empty()) {
    const auto& previous = batch_.series.back().time_ms;
    if (AreEqual(time_ms, *previous)) return previous;
  }
  auto& shared = times_[HashTimes(time_ms)];
  if (shared == nullptr || !AreEqual(time_ms, *shared)) {
    shared = std::make_shared<const TimestampVector>(time_ms.begin(), time_ms.end());
  }
  return shared;
}

template <typename T>
std::span<const T> BatchBuilder::Copy(std::span<const T> from,
                                      std::vector<std::unique_ptr<T[]>>* blocks, T** next,
                                      size_t* left) {
  if (from.size() > *left) {
    *left = std::max(kBlockElements, from.size());
    blocks->push_back(std::make_unique_for_overwrite<T[]>(*left));
    *next = blocks->back().get();
  }
  T* const to = *next;
  std::copy(from.begin(), from.end(), to);
  *next += from.size();
  *left -= from.size();
  return {to, from.size()};
}

void BatchBuilder::AddBorrowed(LabelsView labels, const PartSamples& samples) {
  auto times = ShareTimes(samples.time_ms);
  batch_.series.push_back({.labels = labels,
                           .time_ms = std::move(times),
                           .value = samples.value,
                           .start_ms = samples.start_ms,
                           .histograms = {}});
}

void BatchBuilder::AddCopied(LabelsView labels, const PartSamples& samples,
                             std::vector<HistogramSample> histograms) {
  PartSamples own = samples;
  own.value = Copy(samples.value, &storage_->values, &next_value_, &values_left_);
  const bool has_starts = std::any_of(samples.start_ms.begin(), samples.start_ms.end(),
                                      [](int64_t start_ms) { return start_ms != 0; });
  own.start_ms = has_starts ? Copy(samples.start_ms, &storage_->starts, &next_start_, &starts_left_)
                            : std::span<const int64_t>();
  AddBorrowed(labels, own);
  if (histograms.empty()) return;
  storage_->histograms.push_back(std::move(histograms));
  batch_.series.back().histograms = storage_->histograms.back();
}

SampleBatch BatchBuilder::Finish() {
  batch_.storage = std::move(storage_);
  return std::move(batch_);
}

}  // namespace larnax::store
