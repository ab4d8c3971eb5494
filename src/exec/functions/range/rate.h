#pragma once

#include <cstdint>
#include <vector>

#include "exec/function.h"

namespace larnax::exec {

/// What tells `rate`, `increase` and `delta` apart.
struct RateKind {
  bool counter = false;     ///< A fall is a reset; it never was below 0.
  bool per_second = false;  ///< Divide by the length of the range.
};

/// Seconds of a range, rounded as the reference does.
double RangeSeconds(int64_t range_ms);

/// Windows under `anchored` and `smoothed`: the difference of the values at their edges, without
/// extrapolation. In extended_rate.cc.
///
/// \retval kTimeout kCancelled kLimit
arrow::Status EvaluateExtendedRate(const CallContext& call, const RangeSpec& spec,
                                   const RangeSeries& series, RateKind kind, SeriesWriter* out,
                                   Annotations* annotations);

/// Indexes of samples before which something happened, in ascending order: counter resets, say.
///
/// Windows move forwards, and so does the place in the list where the one at hand begins.
class EventList {
 public:
  void Add(size_t index) { at_.push_back(static_cast<uint32_t>(index)); }
  bool empty() const { return at_.empty(); }
  /// Call `f(index)` for each index in (begin, end): those between two samples of a window. Calls
  /// must come with ascending `begin`.
  template <typename F>
  void ForEachInside(uint32_t begin, uint32_t end, F&& f) {
    while (next_ < at_.size() && at_[next_] <= begin) ++next_;
    for (size_t i = next_; i < at_.size() && at_[i] < end; ++i) f(at_[i]);
  }
  bool AnyInside(uint32_t begin, uint32_t end) {
    while (next_ < at_.size() && at_[next_] <= begin) ++next_;
    return next_ < at_.size() && at_[next_] < end;
  }

 private:
  std::vector<uint32_t> at_;
  size_t next_ = 0;
};

}  // namespace larnax::exec
