#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "larnax/labels.h"
#include "model/float_histogram.h"

namespace larnax::exec {

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

/// Counts the bytes that a query holds; see query_budget.h.
class MemoryMeter;
/// See aggregate/group_index.h.
struct RowGroups;

/// As how many samples a histogram of so many bytes counts for limits: as many as for Prometheus.
constexpr int64_t SamplesOfHistogram(size_t size_bytes) {
  return static_cast<int64_t>((size_bytes + 8) / 16);
}

/// Make a histogram that is counted until it is freed.
/// \param meter  May be null.
HistogramPtr MakeHistogram(model::FloatHistogram histogram,
                           const std::shared_ptr<MemoryMeter>& meter);

/// Times at which an expression is evaluated: start, start + step, ...
struct StepGrid {
  int64_t start_ms = 0;
  int64_t step_ms = 1;  ///< > 0, also where there is one step only.
  size_t count = 1;     ///< At least 1, but for the grid of a subquery that covers nothing.

  int64_t TimeAt(size_t step) const { return start_ms + static_cast<int64_t>(step) * step_ms; }
  int64_t end_ms() const { return count == 0 ? start_ms : TimeAt(count - 1); }

  friend bool operator==(const StepGrid&, const StepGrid&) = default;
};

/// Bits that tell at which steps a series has a sample: bit s % 64 of word s / 64. Bits past the
/// last step are 0.
using PresenceWord = uint64_t;
constexpr size_t PresenceWordCount(size_t steps) { return (steps + 63) / 64; }
constexpr bool IsPresent(const PresenceWord* present, size_t step) {
  return (present[step / 64] >> (step % 64) & 1) != 0;
}
constexpr void SetPresent(PresenceWord* present, size_t step) {
  present[step / 64] |= PresenceWord{1} << (step % 64);
}
constexpr void ClearPresent(PresenceWord* present, size_t step) {
  present[step / 64] &= ~(PresenceWord{1} << (step % 64));
}
/// Mark every one of `steps` steps.
void SetAllPresent(PresenceWord* present, size_t steps);
/// Count the steps with a sample.
size_t CountPresent(const PresenceWord* present, size_t steps);
/// Tell whether any, or every step has a sample.
bool AnyPresent(const PresenceWord* present, size_t steps);
bool AllPresent(const PresenceWord* present, size_t steps);

/// Call `f(step)` for each step with a sample, ascending.
template <typename F>
void ForEachPresent(const PresenceWord* present, size_t steps, F&& f) {
  for (size_t word = 0; word < PresenceWordCount(steps); ++word) {
    for (PresenceWord bits = present[word]; bits != 0; bits &= bits - 1) {
      f(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
    }
  }
}

/// One series over all steps of a grid; a row of a StepVector, which owns what it points to.
///
/// Where a step is present its sample is the histogram if there is one, else the float.
struct StepSeries {
  LabelsView labels;
  /// The metric's name (and `__type__`, `__unit__`) goes away at the end of the query.
  bool drop_name = false;
  double* values = nullptr;            ///< Shape [steps]; anything where absent or a histogram.
  PresenceWord* present = nullptr;     ///< Shape [PresenceWordCount(steps)].
  HistogramPtr* histograms = nullptr;  ///< Shape [steps], or null: none.
  int64_t* sample_time_ms = nullptr;   ///< Shape [steps], where asked for: when it was sampled.

  bool IsPresent(size_t step) const { return exec::IsPresent(present, step); }
  bool IsHistogram(size_t step) const {
    return histograms != nullptr && histograms[step] != nullptr;
  }
  void SetFloat(size_t step, double value) {
    values[step] = value;
    SetPresent(present, step);
  }
};

/// Series over the steps of one grid: an instant vector at every step at once. Either a whole
/// vector or a batch of one.
///
/// Rows point into memory that the vector keeps; rows may be reordered, removed and copied between
/// vectors that Keep the same memory. Not synchronized; vectors that share memory must not write
/// to it.
class StepVector {
 public:
  StepVector() = default;
  /// \param meter  May be null. Is told of every allocation until it is freed: of rows
  ///               with CountRows at the latest.
  StepVector(size_t steps, std::shared_ptr<MemoryMeter> meter)
      : steps_(steps), meter_(std::move(meter)) {}
  StepVector(StepVector&&) = default;
  StepVector& operator=(StepVector&&) = default;
  StepVector(const StepVector&) = delete;
  StepVector& operator=(const StepVector&) = delete;

  size_t steps() const { return steps_; }
  const std::shared_ptr<MemoryMeter>& meter() const { return meter_; }
  bool empty() const { return series.empty(); }
  size_t size() const { return series.size(); }

  /// Make room for so many rows at once.
  void Reserve(size_t rows);
  /// Append a row without samples: presence is 0, values are not set. Labels are borrowed: they
  /// must live in something that is kept.
  /// \return Valid until the next row is appended.
  StepSeries& Add(LabelsView labels, bool drop_name);
  /// Append a row with the labels, the mark and the samples of another vector's row, copied; labels
  /// stay borrowed.
  StepSeries& AddCopy(StepSeries row);
  /// Give a row room for histograms, all null, if it has none.
  void AddHistograms(StepSeries* row);
  void SetHistogram(StepSeries* row, size_t step, HistogramPtr histogram);
  void SetHistogram(StepSeries* row, size_t step, model::FloatHistogram histogram) {
    PutHistogram(row, step, std::move(histogram));
    CountHistograms();
  }
  /// As SetHistogram, but counted soon: with CountHistograms at the latest. Histograms that are put
  /// one after the other share an allocation.
  void PutHistogram(StepSeries* row, size_t step, model::FloatHistogram histogram);
  void CountHistograms();
  /// Set one histogram at every step.
  void SetAllHistograms(StepSeries* row, const HistogramPtr& histogram);
  /// Give a row room for sample times.
  void AddSampleTimes(StepSeries* row);

  /// Count the rows that were added: with several at once, as counting is shared by all threads.
  /// Operators do so with all that they put out.
  void CountRows();

  /// Copy labels into memory of this vector.
  LabelsView StoreLabels(std::string_view canonical_bytes);
  /// Keep an object alive with the vector.
  void Keep(std::shared_ptr<const void> object);
  /// Keep alive all that `other` keeps.
  void KeepAllOf(const StepVector& other);
  /// Take over all rows of `other`, after the own.
  void Append(StepVector other);

  std::vector<StepSeries> series;
  /// Of the rows of a batch, which stay as they are then, where the aggregation that takes it had
  /// them found; else null.
  std::shared_ptr<const RowGroups> groups;

 private:
  class Block;
  struct HistogramChunk;
  std::byte* Allocate(size_t bytes);
  void CountHistogram(const model::FloatHistogram& histogram, size_t steps);

  size_t steps_ = 1;
  std::shared_ptr<MemoryMeter> meter_;
  std::shared_ptr<Block> block_;  // Where the next allocation is taken from; also in keep_.
  std::shared_ptr<HistogramChunk> chunk_;  // Where the next histogram is put; they keep it.
  std::vector<std::shared_ptr<const void>> keep_;
};

}  // namespace larnax::exec
