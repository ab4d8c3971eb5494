#include "store/read/query_guard.h"

#include <string>

#include "io/deadline.h"
#include "larnax/error.h"

namespace larnax::store {

QueryGuard::QueryGuard(const SelectRequest& request, const io::Clock& clock)
    : clock_(clock),
      timeout_ms_(request.timeout_ms),
      deadline_ns_(io::DeadlineNs(request.timeout_ms, clock)),
      sample_limit_(request.sample_limit),
      max_label_bytes_(request.max_label_bytes),
      cancelled_(request.cancelled) {}

arrow::Status QueryGuard::Check() const {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
    return MakeError(ErrorKind::kCancelled, "The query was cancelled.");
  }
  if (deadline_ns_ != io::kNoDeadline && clock_.MonotonicNs() > deadline_ns_) {
    return MakeError(ErrorKind::kTimeout, "The query took longer than it may. timeout_ms=" +
                                              std::to_string(timeout_ms_));
  }
  return arrow::Status::OK();
}

arrow::Status QueryGuard::CheckSamples(int64_t samples) const {
  if (sample_limit_ <= 0 || samples <= sample_limit_) return arrow::Status::OK();
  return MakeError(ErrorKind::kLimit,
                   "query processing would load too many samples into memory in query execution. "
                   "limit=" +
                       std::to_string(sample_limit_));
}

arrow::Status QueryGuard::CheckLabelBytes(int64_t bytes) const {
  if (max_label_bytes_ <= 0 || bytes <= max_label_bytes_) return arrow::Status::OK();
  return MakeError(ErrorKind::kLimit,
                   "The series have more bytes of labels than may be held at once: match fewer, or "
                   "list them with a limit. limit_bytes=" +
                       std::to_string(max_label_bytes_));
}

}  // namespace larnax::store
