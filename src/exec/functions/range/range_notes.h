#pragma once

#include <cstdint>
#include <string>

#include "exec/function.h"

namespace larnax::exec {

/// Where notes about an argument stand: at it, without the parentheses around it; at the beginning
/// of the query if it is a subquery, as in Prometheus; at the call where it was left out.
promql::PositionRange BareArgPosition(const CallContext& call, size_t arg);
/// Where the range vector argument stands.
promql::PositionRange RangeArgPosition(const CallContext& call);

/// What a range function may have to say about the windows of one series.
enum class RangeNote : uint8_t {
  kMixedTypes,         ///< Floats and histograms: no result.
  kHistogramsIgnored,  ///< Floats and histograms: only floats count.
  kMixedSchemas,       ///< Exponential and custom bounds: no result.
  kNotCounter,
  kNotGauge,
  kBoundsAdded,  ///< Custom bounds were brought to common ones.
  kBoundsSubtracted,
  kBoundsAggregated,
  kResetsCollide,  ///< A "reset" was summed up with a "not reset".
};

/// A set of notes, so that those about one series are given once and not at each step.
class RangeNotes {
 public:
  RangeNotes() = default;
  void Add(RangeNote note) { bits_ |= uint32_t{1} << static_cast<int>(note); }
  void Add(RangeNotes other) { bits_ |= other.bits_; }
  /// Forget what was added and say only `note`.
  void Replace(RangeNote note) {
    bits_ = 0;
    Add(note);
  }
  bool empty() const { return bits_ == 0; }
  /// Give all notes of the set.
  void Report(LabelsView labels, promql::PositionRange position, Annotations* annotations) const;

 private:
  uint32_t bits_ = 0;
};

/// Print ` for metric name "x"`, or nothing where there is no name.
std::string ForMetric(std::string_view metric);

}  // namespace larnax::exec
