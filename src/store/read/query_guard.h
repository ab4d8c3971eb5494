#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <arrow/status.h>

#include "io/clock.h"
#include "larnax/database.h"

namespace larnax::store {

/// Ends a query that takes too long, that nobody waits for, or that reads too much.
class QueryGuard {
 public:
  /// \param clock  Outlives the guard.
  QueryGuard(const SelectRequest& request, const io::Clock& clock);

  /// \retval kTimeout, kCancelled
  arrow::Status Check() const;
  /// \param samples  In the answer so far. \retval kLimit
  arrow::Status CheckSamples(int64_t samples) const;
  /// \param bytes  Of label sets, names or values in the answer so far. \retval kLimit
  arrow::Status CheckLabelBytes(int64_t bytes) const;

 private:
  const io::Clock& clock_;
  int64_t timeout_ms_;
  int64_t deadline_ns_;
  int64_t sample_limit_;
  int64_t max_label_bytes_;
  std::shared_ptr<const std::atomic<bool>> cancelled_;
};

}  // namespace larnax::store
