#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <arrow/status.h>

#include "io/clock.h"
#include "larnax/query.h"

namespace larnax::exec {

/// Counts what a query holds in memory. Safe to use from several threads.
class MemoryMeter {
 public:
  void AddBytes(int64_t bytes) { Raise(&bytes_, &peak_bytes_, bytes); }
  void RemoveBytes(int64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  void AddSamples(int64_t samples) { Raise(&samples_, &peak_samples_, samples); }
  void RemoveSamples(int64_t samples) { samples_.fetch_sub(samples, std::memory_order_relaxed); }

  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  int64_t samples() const { return samples_.load(std::memory_order_relaxed); }
  int64_t peak_bytes() const { return peak_bytes_.load(std::memory_order_relaxed); }
  int64_t peak_samples() const { return peak_samples_.load(std::memory_order_relaxed); }

 private:
  static void Raise(std::atomic<int64_t>* now, std::atomic<int64_t>* peak, int64_t by) {
    const int64_t value = now->fetch_add(by, std::memory_order_relaxed) + by;
    int64_t before = peak->load(std::memory_order_relaxed);
    while (before < value && !peak->compare_exchange_weak(before, value)) {
    }
  }
  std::atomic<int64_t> bytes_{0};
  std::atomic<int64_t> samples_{0};
  std::atomic<int64_t> peak_bytes_{0};
  std::atomic<int64_t> peak_samples_{0};
};

/// Ends a query that takes too long, that nobody waits for, or that holds too much. Operators ask
/// it between batches. Safe to use from several threads.
class QueryBudget {
 public:
  /// \param clock  Outlives the budget.
  QueryBudget(const QueryRequest& request, const io::Clock& clock);

  /// \retval kTimeout, kCancelled, kLimit
  arrow::Status Check() const;
  /// Check as if `bytes` more were held: before something large is allocated.
  arrow::Status CheckBytes(int64_t bytes) const;
  /// Milliseconds left of the timeout, at least 1; 0: there is none.
  int64_t RemainingMs() const;

  const std::shared_ptr<MemoryMeter>& meter() const { return meter_; }

 private:
  const io::Clock& clock_;
  const int64_t deadline_ns_;  // 0: none.
  const int64_t max_samples_;
  const int64_t max_bytes_;
  const std::shared_ptr<const std::atomic<bool>> cancelled_;
  const std::shared_ptr<MemoryMeter> meter_ = std::make_shared<MemoryMeter>();
};

}  // namespace larnax::exec
