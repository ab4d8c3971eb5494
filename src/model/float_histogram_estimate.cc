#include <cmath>
#include <limits>

#include "base/kahan.h"
#include "model/float_histogram.h"

namespace larnax::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The zero bucket of a histogram with observations of one sign only ends at 0.
void NarrowZeroBucket(const FloatHistogram& h, HistogramBucket* bucket) {
  if (h.negative.empty() && !h.positive.empty()) bucket->lower = 0;
  if (h.positive.empty() && !h.negative.empty()) bucket->upper = 0;
}

// Where in a bucket of one sign a value lies, 0..1, on the logarithmic scale of its growth.
double ExponentialPosition(const HistogramBucket& bucket, double value) {
  const double lower = std::log2(std::abs(bucket.lower));
  const double upper = std::log2(std::abs(bucket.upper));
  const double at = std::log2(std::abs(value));
  return value > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

double ExponentialValue(const HistogramBucket& bucket, double position) {
  const double lower = std::log2(std::abs(bucket.lower));
  const double upper = std::log2(std::abs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(lower + (upper - lower) * position);
  return -std::exp2(upper + (lower - upper) * (1 - position));
}

double CountFrom(const std::vector<HistogramBucket>& buckets) {
  double count = 0;
  for (const HistogramBucket& bucket : buckets) count += bucket.count;
  return count;
}

struct RankedBucket {
  HistogramBucket bucket;
  double cumulative = 0;  // Up to and with the bucket, from the end where counting began.
};

RankedBucket FindRank(const std::vector<HistogramBucket>& buckets, double rank, bool ascending) {
  RankedBucket found;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const HistogramBucket& bucket = buckets[ascending ? i : buckets.size() - 1 - i];
    found.bucket = bucket;
    if (bucket.count == 0) continue;
    found.cumulative += bucket.count;
    if (found.cumulative >= rank) break;
  }
  return found;
}

// Observations at or below `value`, which lies inside `bucket`; `below` lie below the bucket.
double RankInside(const HistogramBucket& bucket, double value, double below, bool linear) {
  if (!linear) return below + bucket.count * ExponentialPosition(bucket, value);
  // Nothing is known of where observations lie in a bucket without begin: all count as below.
  if (bucket.lower == -kInfinity) return bucket.count;
  return below + bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower);
}

// Observations at or below `value`; Inf where it lies above all buckets.
double RankOf(const FloatHistogram& h, const std::vector<HistogramBucket>& buckets, double value) {
  double below = 0;
  for (HistogramBucket bucket : buckets) {
    const bool zero_bucket = bucket.lower <= 0 && bucket.upper >= 0;
    if (h.has_custom_bounds()) {
      if (bucket.lower == -kInfinity && bucket.upper > 0) bucket.lower = 0;
    } else if (zero_bucket) {
      NarrowZeroBucket(h, &bucket);
    }
    if (bucket.lower >= value) return below;
    if (bucket.upper > value) {
      return RankInside(bucket, value, below, h.has_custom_bounds() || zero_bucket);
    }
    below += bucket.count;
  }
  return kInfinity;
}

}  // namespace

HistogramEstimate HistogramQuantile(const FloatHistogram& h, double quantile) {
  if (quantile < 0) return {.value = -kInfinity};
  if (quantile > 1) return {.value = kInfinity};
  if (h.count == 0 || std::isnan(quantile)) return {.value = kNaN};

  // NaN observations are counted but lie in no bucket: only from below are ranks right.
  const bool ascending = std::isnan(h.sum) || quantile < 0.5;
  const double rank = (ascending ? quantile : 1 - quantile) * h.count;
  const std::vector<HistogramBucket> buckets = h.Buckets();
  auto [bucket, cumulative] = FindRank(buckets, rank, ascending);
  HistogramEstimate estimate;
  estimate.has_nan_observations = std::isnan(h.sum) && CountFrom(buckets) < h.count;
  const auto answer = [&estimate](double value) {
    estimate.value = value;
    return estimate;
  };
  if (h.has_custom_bounds()) {
    if (bucket.lower == -kInfinity) {
      if (bucket.upper <= 0) return answer(bucket.upper);
      bucket.lower = 0;
    } else if (bucket.upper == kInfinity) {
      return answer(bucket.lower);
    }
  } else if (bucket.lower < 0 && bucket.upper > 0) {
    NarrowZeroBucket(h, &bucket);
  }
  cumulative = std::min(cumulative, h.count);
  if (cumulative < rank) return answer(std::isnan(h.sum) ? kNaN : bucket.upper);
  const double inside = ascending ? rank - (cumulative - bucket.count) : cumulative - rank;
  const double position = inside / bucket.count;
  if (h.has_custom_bounds() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return answer(bucket.lower + (bucket.upper - bucket.lower) * position);
  }
  return answer(ExponentialValue(bucket, position));
}

HistogramEstimate HistogramFraction(const FloatHistogram& h, double lower, double upper) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return {.value = kNaN};
  if (lower >= upper) return {.value = 0};
  const std::vector<HistogramBucket> buckets = h.Buckets();
  // NaN observations are counted but lie in no bucket.
  const double in_buckets = std::isnan(h.sum) ? CountFrom(buckets) : h.count;
  const double lower_rank = std::min(RankOf(h, buckets, lower), in_buckets);
  const double upper_rank = std::min(RankOf(h, buckets, upper), in_buckets);
  return {.value = (upper_rank - lower_rank) / h.count,
          .has_nan_observations = in_buckets < h.count};
}

double HistogramVariance(const FloatHistogram& h) {
  const double mean = h.sum / h.count;
  base::KahanSum squares;
  for (const HistogramBucket& bucket : h.Buckets()) {
    if (bucket.count == 0) continue;
    double middle;
    if (h.has_custom_bounds()) {
      middle = (bucket.upper + bucket.lower) / 2;
    } else if (bucket.lower <= 0 && bucket.upper >= 0) {
      middle = 0;
    } else {
      middle = std::copysign(std::sqrt(bucket.upper * bucket.lower), bucket.upper);
    }
    squares.Add(bucket.count * (middle - mean) * (middle - mean));
  }
  return squares.Total() / h.count;
}

}  // namespace larnax::model
