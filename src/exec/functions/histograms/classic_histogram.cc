#include "exec/functions/histograms/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace larnax::exec {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Counts that differ by less, relative to their sum, differ by rounding.
constexpr double kTolerance = 1e-12;

bool AlmostEqual(double a, double b) {
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kTolerance * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

void MergeEqualBounds(std::vector<ClassicBucket>* buckets) {
  size_t last = 0;
  for (size_t i = 1; i < buckets->size(); ++i) {
    if ((*buckets)[i].upper == (*buckets)[last].upper) {
      (*buckets)[last].count += (*buckets)[i].count;
    } else {
      (*buckets)[++last] = (*buckets)[i];
    }
  }
  buckets->resize(last + 1);
}

void MakeMonotonic(std::vector<ClassicBucket>* buckets, MonotonicityFix* fix) {
  fix->lowest = kInf;
  fix->highest = -kInf;
  double previous = buckets->front().count;
  for (ClassicBucket& bucket : *buckets) {
    if (bucket.count == previous) continue;
    if (AlmostEqual(previous, bucket.count)) {
      bucket.count = previous;
    } else if (bucket.count < previous) {
      fix->forced = true;
      fix->lowest = std::min(fix->lowest, bucket.upper);
      fix->highest = std::max(fix->highest, bucket.upper);
      fix->max_difference = std::max(fix->max_difference, previous - bucket.count);
      bucket.count = previous;
    } else {
      previous = bucket.count;
    }
  }
}

// The rank of one end of a fraction, once the bucket is reached that holds it.
class EndRank {
 public:
  explicit EndRank(double end) : end_(end) {}

  // \param below  Observations before the bucket, of which `to_upper` are in it or before.
  void Visit(double lower, double upper, double below, double to_upper) {
    if (found_) return;
    found_ = lower >= end_ || upper > end_;
    if (lower >= end_) {
      rank_ = below;
    } else if (upper > end_) {
      // Nothing is known of how an unbounded bucket is spread.
      rank_ =
          lower == -kInf ? to_upper : below + (to_upper - below) * (end_ - lower) / (upper - lower);
    }
  }
  double Of(double count) const { return !found_ || rank_ > count ? count : rank_; }

 private:
  double end_;
  double rank_ = 0;
  bool found_ = false;
};

}  // namespace

double BucketQuantile(double quantile, std::vector<ClassicBucket>* buckets, MonotonicityFix* fix) {
  if (std::isnan(quantile)) return kNaN;
  if (quantile < 0) return -kInf;
  if (quantile > 1) return kInf;
  if (buckets->back().upper != kInf) return kNaN;
  MergeEqualBounds(buckets);
  MakeMonotonic(buckets, fix);
  const size_t last = buckets->size() - 1;
  const double observations = buckets->back().count;
  if (last == 0 || observations == 0) return kNaN;

  double rank = quantile * observations;
  const auto found =
      std::partition_point(buckets->begin(), buckets->end() - 1,
                           [rank](const ClassicBucket& b) { return !(b.count >= rank); });
  const auto at = static_cast<size_t>(found - buckets->begin());
  if (at == last) return (*buckets)[last - 1].upper;
  if (at == 0 && found->upper <= 0) return found->upper;
  double lower = 0;
  double count = found->count;
  if (at > 0) {
    const ClassicBucket& before = (*buckets)[at - 1];
    lower = before.upper;
    count -= before.count;
    rank -= before.count;
  }
  return lower + (found->upper - lower) * (rank / count);
}

double BucketFraction(double lower, double upper, std::vector<ClassicBucket>* buckets) {
  if (buckets->back().upper != kInf) return kNaN;
  MergeEqualBounds(buckets);
  const double observations = buckets->back().count;
  if (observations == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;

  EndRank lower_rank(lower);
  EndRank upper_rank(upper);
  // Buckets that begin above 0 are taken to hold nothing below it.
  double bucket_lower = buckets->front().upper <= 0 ? -kInf : 0;
  double below = 0;
  for (const ClassicBucket& bucket : *buckets) {
    lower_rank.Visit(bucket_lower, bucket.upper, below, bucket.count);
    upper_rank.Visit(bucket_lower, bucket.upper, below, bucket.count);
    bucket_lower = bucket.upper;
    below = bucket.count;
  }
  return (upper_rank.Of(observations) - lower_rank.Of(observations)) / observations;
}

}  // namespace larnax::exec
