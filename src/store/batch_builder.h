#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "head/generation.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "store/part_reader.h"

namespace larnax::store {

/// Puts a SampleBatch together: series with equal times share one vector, and everything that the
/// batch borrows is kept alive by it.
class BatchBuilder {
 public:
  BatchBuilder();

  /// Keep an object alive with the batch.
  void Keep(std::shared_ptr<const void> object);
  /// Take over values and start times that were read: AddBorrowed borrows them.
  void Take(LoadedParts* loaded);

  /// Add a series whose values and start times are kept.
  void AddBorrowed(LabelsView labels, const PartSamples& samples);
  /// Add a series by copying its samples. \param histograms  Taken over.
  void AddCopied(LabelsView labels, const PartSamples& samples,
                 std::vector<HistogramSample> histograms = {});

  size_t series_count() const { return batch_.series.size(); }
  SampleBatch Finish();

 private:
  struct Storage;

  std::shared_ptr<const TimestampVector> ShareTimes(std::span<const int64_t> time_ms);
  template <typename T>
  std::span<const T> Copy(std::span<const T> from, std::vector<std::unique_ptr<T[]>>* blocks,
                          T** next, size_t* left);

  std::shared_ptr<Storage> storage_;
  SampleBatch batch_;
  // By hash of length and some of the times; the last vector of each hash.
  boost::unordered_flat_map<uint64_t, std::shared_ptr<const TimestampVector>> times_;
  double* next_value_ = nullptr;
  size_t values_left_ = 0;
  int64_t* next_start_ = nullptr;
  size_t starts_left_ = 0;
};

}  // namespace larnax::store
