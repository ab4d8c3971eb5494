#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

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

/// Counts what one owner holds while it lives. One thread at a time.
class MeteredHold {
 public:
  /// \param meter  May be null.
  explicit MeteredHold(std::shared_ptr<MemoryMeter> meter) : meter_(std::move(meter)) {}
  ~MeteredHold() {
    if (meter_ == nullptr) return;
    meter_->RemoveBytes(bytes_);
    meter_->RemoveSamples(samples_);
  }
  MeteredHold(const MeteredHold&) = delete;
  MeteredHold& operator=(const MeteredHold&) = delete;

  /// Count more, or less where negative.
  void AddBytes(int64_t bytes) {
    if (meter_ == nullptr || bytes == 0) return;
    bytes_ += bytes;
    meter_->AddBytes(bytes);
  }
  void AddSamples(int64_t samples) {
    if (meter_ == nullptr || samples == 0) return;
    samples_ += samples;
    meter_->AddSamples(samples);
  }

 private:
  const std::shared_ptr<MemoryMeter> meter_;
  int64_t bytes_ = 0;
  int64_t samples_ = 0;
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
  const int64_t deadline_ns_;  // Or io::kNoDeadline.
  const int64_t max_samples_;
  const int64_t max_bytes_;
  const std::shared_ptr<const std::atomic<bool>> cancelled_;
  const std::shared_ptr<MemoryMeter> meter_ = std::make_shared<MemoryMeter>();
};

/// Asks the budget before what is done in many small steps goes on: once for each mebibyte that is
/// allocated or gone over, which takes less than a millisecond. One thread at a time.
class BudgetPace {
 public:
  /// \param budget  Outlives this; may be null.
  explicit BudgetPace(const QueryBudget* budget) : budget_(budget) {}

  /// \param bytes  Of the next step. \retval kTimeout, kCancelled, kLimit
  arrow::Status Pass(size_t bytes) {
    left_ -= static_cast<int64_t>(bytes);
    if (left_ >= 0 || budget_ == nullptr) return arrow::Status::OK();
    left_ = kBytes;
    ARROW_RETURN_NOT_OK(budget_->Check());
    return budget_->CheckBytes(static_cast<int64_t>(bytes));
  }

 private:
  static constexpr int64_t kBytes = 1 << 20;

  const QueryBudget* budget_;
  int64_t left_ = kBytes;
};

}  // namespace larnax::exec
