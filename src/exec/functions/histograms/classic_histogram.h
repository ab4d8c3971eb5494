#pragma once

#include <cstdint>
#include <vector>

namespace larnax::exec {

/// One bucket of a classic histogram: how many observations are at most `upper`.
struct ClassicBucket {
  double upper = 0;
  double count = 0;
};

/// What had to be done so that counts do not fall from bucket to bucket.
struct MonotonicityFix {
  bool forced = false;  ///< Counts fell by more than rounding does.
  double lowest = 0;    ///< Upper bounds of the first and last bucket that was raised.
  double highest = 0;
  double max_difference = 0;
};

/// Estimate the `quantile` (beyond 0..1: -Inf, +Inf; NaN: NaN) of a classic histogram.
///
/// NaN where the last bucket is not +Inf, there is no other, or there are no observations.
/// \param buckets  Not empty, by ascending `upper`; equal ones are merged and counts repaired.
double BucketQuantile(double quantile, std::vector<ClassicBucket>* buckets, MonotonicityFix* fix);

/// Estimate which part of the observations lies in (lower, upper]. \param buckets  As above.
double BucketFraction(double lower, double upper, std::vector<ClassicBucket>* buckets);

}  // namespace larnax::exec
