#pragma once

#include <cstddef>

#include <arrow/status.h>

#include "exec/function.h"
#include "exec/query_budget.h"

namespace larnax::exec {

/// A histogram is as much work as so many floats.
inline constexpr size_t kHistogramWork = 64;

/// Counts what a kernel looks at, and asks now and then whether the query may go on: windows of a
/// single series can hold more than can be looked at in a second.
class WorkMeter {
 public:
  explicit WorkMeter(const CallContext& call) : budget_(call.budget) {}

  /// \retval kTimeout, kCancelled, kLimit
  arrow::Status Add(size_t samples) {
    done_ += samples;
    if (done_ < kCheckEvery || budget_ == nullptr) return arrow::Status::OK();
    done_ = 0;
    return budget_->Check();
  }

 private:
  static constexpr size_t kCheckEvery = 1 << 20;

  const QueryBudget* budget_;
  size_t done_ = 0;
};

}  // namespace larnax::exec
