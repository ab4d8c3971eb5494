#include "store/read/batch_builder.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "columns/read/page_cache.h"

namespace larnax::store {
namespace {

constexpr size_t kBlockElements = 32 << 10;

bool AreEqual(std::span<const int64_t> a, const TimestampVector& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

struct BatchBuilder::Storage {
  std::vector<std::shared_ptr<const void>> kept;
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
  storage_->kept.insert(storage_->kept.end(), std::make_move_iterator(loaded->memory.begin()),
                        std::make_move_iterator(loaded->memory.end()));
  loaded->memory.clear();
}

std::shared_ptr<const TimestampVector> BatchBuilder::ShareTimes(std::span<const int64_t> time_ms) {
  if (time_ms.empty()) return std::make_shared<const TimestampVector>();
  if (!batch_.series.empty()) {
    const auto& previous = batch_.series.back().time_ms;
    if (AreEqual(time_ms, *previous)) return previous;
  }
  auto& shared = times_[columns::HashTimes(time_ms)];
  if (shared == nullptr || !AreEqual(time_ms, *shared)) {
    shared = std::make_shared<const TimestampVector>(time_ms.begin(), time_ms.end());
  }
  return shared;
}

template <typename T>
std::span<T> BatchBuilder::Allocate(size_t size, std::vector<std::unique_ptr<T[]>>* blocks,
                                    T** next, size_t* left) {
  if (size > *left) {
    *left = std::max(kBlockElements, size);
    blocks->push_back(std::make_unique_for_overwrite<T[]>(*left));
    *next = blocks->back().get();
  }
  T* const to = *next;
  *next += size;
  *left -= size;
  return {to, size};
}

template <typename T>
std::span<const T> BatchBuilder::Copy(std::span<const T> from,
                                      std::vector<std::unique_ptr<T[]>>* blocks, T** next,
                                      size_t* left) {
  const std::span<T> to = Allocate(from.size(), blocks, next, left);
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

// Series of one target have the same parts: their times are put together once.
std::shared_ptr<const TimestampVector> BatchBuilder::JoinTimes(std::span<const PartSamples> parts) {
  part_times_.clear();
  uint64_t hash = parts.size();
  size_t size = 0;
  for (const PartSamples& part : parts) {
    part_times_.push_back(part.times != nullptr ? part.times->Share() : ShareTimes(part.time_ms));
    const auto address = reinterpret_cast<uintptr_t>(part_times_.back().get());
    hash = (hash ^ (address >> 4)) * 0x9e3779b97f4a7c15ULL;
    size += part.size();
  }
  JoinedTimes& joined = joined_times_[hash];
  if (joined.parts == part_times_) return joined.times;
  auto times = std::make_shared<TimestampVector>();
  times->reserve(size);
  for (const PartSamples& part : parts) {
    times->insert(times->end(), part.time_ms.begin(), part.time_ms.end());
  }
  joined = {part_times_, std::move(times)};
  return joined.times;
}

bool BatchBuilder::AddJoined(LabelsView labels, std::span<const PartSamples> parts) {
  size_t size = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].start_ms.empty()) return false;
    if (i > 0 && parts[i].time_ms.front() <= parts[i - 1].time_ms.back()) return false;
    size += parts[i].size();
  }
  const std::span<double> values = Allocate(size, &storage_->values, &next_value_, &values_left_);
  double* next = values.data();
  for (const PartSamples& part : parts)
    next = std::copy(part.value.begin(), part.value.end(), next);
  batch_.series.push_back(
      {.labels = labels, .time_ms = JoinTimes(parts), .value = values, .start_ms = {}});
  return true;
}

void BatchBuilder::AddBorrowed(LabelsView labels, const PartSamples& samples,
                               std::span<const HistogramSample> histograms) {
  auto times = samples.times != nullptr ? samples.times->Share() : ShareTimes(samples.time_ms);
  batch_.series.push_back({.labels = labels,
                           .time_ms = std::move(times),
                           .value = samples.value,
                           .start_ms = samples.start_ms,
                           .histograms = histograms});
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
