#pragma once

#include <string>
#include <vector>

#include "exec/annotations.h"
#include "exec/function.h"
#include "exec/functions/histograms/classic_histogram.h"
#include "exec/types.h"

namespace larnax::exec {

/// A vector taken apart into histograms: series of buckets, grouped by their labels without `le`,
/// and native histograms. Borrows the vector.
class BucketVector {
 public:
  /// A classic histogram.
  struct Classic {
    struct Member {
      const StepSeries* row;
      double upper;
    };
    std::string labels;               ///< Label bytes without `le`.
    std::vector<Member> members;      ///< By ascending bound.
    std::vector<PresenceWord> steps;  ///< Where there are buckets, and no native histogram.

    /// Collect the buckets of a step of `steps`.
    void BucketsAt(size_t step, std::vector<ClassicBucket>* buckets) const;
  };
  /// A native histogram.
  struct Native {
    const StepSeries* row;
    std::vector<PresenceWord> steps;  ///< Where there is one, and no buckets of the same labels.
  };

  /// Warns of floats without a proper `le`, and of steps with both kinds, which count nowhere.
  ///
  /// \param position  Where the vector stands in the query.
  BucketVector(const CallContext& call, const StepVector& vector, promql::PositionRange position,
               Annotations* annotations);

  const std::vector<Classic>& classics() const { return classics_; }
  const std::vector<Native>& natives() const { return natives_; }

 private:
  std::vector<Classic> classics_;
  std::vector<Native> natives_;
};

/// The end of a note about a histogram, ` for metric name "x"`: nothing where names go at once, as
/// the result has lost it already.
std::string NameInNotes(const CallContext& call, LabelsView labels);

}  // namespace larnax::exec
