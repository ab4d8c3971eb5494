#include "exec/query_budget.h"

#include <algorithm>

#include "io/deadline.h"
#include "larnax/error.h"

namespace larnax::exec {

QueryBudget::QueryBudget(const QueryRequest& request, const io::Clock& clock)
    : clock_(clock),
      deadline_ns_(io::DeadlineNs(request.timeout_ms, clock)),
      max_samples_(request.max_samples),
      max_bytes_(request.max_memory_bytes),
      cancelled_(request.cancelled) {}

arrow::Status QueryBudget::Check() const {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
    return MakeError(ErrorKind::kCancelled, "query was canceled in expression evaluation");
  }
  if (deadline_ns_ != io::kNoDeadline && clock_.MonotonicNs() >= deadline_ns_) {
    return MakeError(ErrorKind::kTimeout, "query timed out in expression evaluation");
  }
  if (max_samples_ > 0 && meter_->samples() > max_samples_) {
    return MakeError(ErrorKind::kLimit,
                     "query processing would load too many samples into memory in expression "
                     "evaluation");
  }
  return CheckBytes(0);
}

arrow::Status QueryBudget::CheckBytes(int64_t bytes) const {
  if (max_bytes_ > 0 && (bytes > max_bytes_ || meter_->bytes() > max_bytes_ - bytes)) {
    return MakeError(ErrorKind::kLimit,
                     "query would hold too many bytes in memory in expression evaluation: limit=" +
                         std::to_string(max_bytes_));
  }
  return arrow::Status::OK();
}

int64_t QueryBudget::RemainingMs() const {
  if (deadline_ns_ == io::kNoDeadline) return 0;
  return std::max<int64_t>(1, (deadline_ns_ - clock_.MonotonicNs()) / 1'000'000);
}

}  // namespace larnax::exec
