#include "store/query_guard.h"

#include <limits>
#include <string>

#include "larnax/error.h"

namespace larnax::store {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

int64_t DeadlineNs(int64_t timeout_ms, const io::Clock& clock) {
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  const int64_t now_ns = clock.MonotonicNs();
  if (timeout_ms <= 0 || timeout_ms > (kNever - now_ns) / kNsPerMs) return kNever;
  return now_ns + timeout_ms * kNsPerMs;
}

}  // namespace

QueryGuard::QueryGuard(const SelectRequest& request, const io::Clock& clock)
    : clock_(clock),
      timeout_ms_(request.timeout_ms),
      deadline_ns_(DeadlineNs(request.timeout_ms, clock)),
      sample_limit_(request.sample_limit),
      cancelled_(request.cancelled) {}

arrow::Status QueryGuard::Check() const {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
    return MakeError(ErrorKind::kCancelled, "The query was cancelled.");
  }
  if (deadline_ns_ != std::numeric_limits<int64_t>::max() && clock_.MonotonicNs() > deadline_ns_) {
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

}  // namespace larnax::store
