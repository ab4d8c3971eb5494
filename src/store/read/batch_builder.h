#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "head/generation.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "store/read/part_reader.h"

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

  /// Add a series whose values, start times and histograms are kept.
  void AddBorrowed(LabelsView labels, const PartSamples& samples,
                   std::span<const HistogramSample> histograms = {});
  /// Add a series by copying its samples. \param histograms  Taken over.
  void AddCopied(LabelsView labels, const PartSamples& samples,
                 std::vector<HistogramSample> histograms = {});

  /// Add a series whose parts lie one after the other in time, by copying its values; false where
  /// they do not, or have start times. \param parts  None is empty.
  bool AddJoined(LabelsView labels, std::span<const PartSamples> parts);

  size_t series_count() const { return batch_.series.size(); }
  SampleBatch Finish();

 private:
  struct Storage;
  // Times of parts put together, and what they were made of: compared by address, so held.
  struct JoinedTimes {
    std::vector<std::shared_ptr<const TimestampVector>> parts;
    std::shared_ptr<const TimestampVector> times;
  };

  std::shared_ptr<const TimestampVector> ShareTimes(std::span<const int64_t> time_ms);
  template <typename T>
  std::span<const T> Copy(std::span<const T> from, std::vector<std::unique_ptr<T[]>>* blocks,
                          T** next, size_t* left);
  template <typename T>
  std::span<T> Allocate(size_t size, std::vector<std::unique_ptr<T[]>>* blocks, T** next,
                        size_t* left);

  std::shared_ptr<const TimestampVector> JoinTimes(std::span<const PartSamples> parts);

  std::shared_ptr<Storage> storage_;
  SampleBatch batch_;
  // By hash of length and some of the times; the last vector of each hash.
  boost::unordered_flat_map<uint64_t, std::shared_ptr<const TimestampVector>> times_;
  // By hash of the addresses; the last of each hash.
  boost::unordered_flat_map<uint64_t, JoinedTimes> joined_times_;
  std::vector<std::shared_ptr<const TimestampVector>> part_times_;  // Reused.
  double* next_value_ = nullptr;
  size_t values_left_ = 0;
  int64_t* next_start_ = nullptr;
  size_t starts_left_ = 0;
};

}  // namespace larnax::store
