#include <cmath>
#include <limits>

#include "model/bucket_list.h"
#include "model/float_histogram.h"

namespace larnax::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Part of a bucket: how many observations, and the value they are taken to have.
struct Part {
  double count = 0;
  double middle = 0;
};

double Middle(double lower, double upper, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  return std::copysign(std::sqrt(std::abs(lower * upper)), upper == 0 ? lower : upper);
}

// The part of the first bucket (from -Inf) that stays. Where its end is positive, its observations
// are taken to be so too.
Part TrimFirst(const HistogramBucket& bucket, double bound, bool keep_below) {
  const bool positive_end = bucket.upper > 0 && bucket.upper != kInfinity;
  if (keep_below) {
    if (bound > 0 && positive_end) return {bucket.count * bound / bucket.upper, bound / 2};
    if (bucket.upper <= 0) return {bucket.count, bound};
    return {};
  }
  if (bound < 0 || !positive_end) return {};
  return {bucket.count * (1 - bound / bucket.upper), (bound + bucket.upper) / 2};
}

// The part of the last bucket (to +Inf) that stays.
Part TrimLast(const HistogramBucket& bucket, double bound, bool keep_below) {
  if (keep_below) return {};
  return {bucket.count, bound};
}

// The part of a bucket that holds `bound` that stays.
Part TrimInside(const HistogramBucket& bucket, double bound, bool keep_below, bool linear) {
  if (bucket.lower == -kInfinity) return TrimFirst(bucket, bound, keep_below);
  if (bucket.upper == kInfinity) return TrimLast(bucket, bound, keep_below);
  double below;
  if (linear) {
    below = (bound - bucket.lower) / (bucket.upper - bucket.lower);
  } else {
    const double lower = std::log2(std::abs(bucket.lower));
    const double upper = std::log2(std::abs(bucket.upper));
    below = (std::log2(std::abs(bound)) - lower) / (upper - lower);
  }
  below *= bucket.count;
  if (keep_below) return {below, Middle(bucket.lower, bound, linear)};
  return {bucket.count - below, Middle(bound, bucket.upper, linear)};
}

Part TrimBucket(const HistogramBucket& bucket, double bound, bool keep_below, bool linear) {
  const bool whole = keep_below ? bucket.upper <= bound : bucket.lower >= bound;
  if (whole) return {bucket.count, Middle(bucket.lower, bucket.upper, linear)};
  if (bucket.lower < bound && bound < bucket.upper) {
    return TrimInside(bucket, bound, keep_below, linear);
  }
  return {};
}

struct Trimmed {
  double count = 0;
  double sum = 0;
  bool changed = false;

  // Take the part that stays of a bucket, and set its count.
  void Take(Part part, double* bucket_count) {
    if (part.count != *bucket_count) changed = true;
    *bucket_count = part.count;
    count += part.count;
    sum += part.middle * part.count;
  }
};

HistogramBucket BoundsOf(const FloatHistogram& h, const IndexedCount& at, bool positive) {
  if (h.has_custom_bounds()) {
    const auto index = static_cast<size_t>(at.index);
    return {.lower = index == 0 ? -kInfinity : h.custom_bounds[index - 1],
            .upper = index < h.custom_bounds.size() ? h.custom_bounds[index] : kInfinity,
            .count = at.count};
  }
  const double nearer = ExponentialBound(at.index - 1, h.schema);
  const double farther = ExponentialBound(at.index, h.schema);
  return {.lower = positive ? nearer : -farther,
          .upper = positive ? farther : -nearer,
          .count = at.count};
}

bool AnyPopulated(const std::vector<double>& counts) {
  for (const double count : counts) {
    if (count != 0) return true;
  }
  return false;
}

}  // namespace

void FloatHistogram::Trim(double bound, bool keep_below) {
  const bool has_positive = AnyPopulated(positive);
  const bool has_negative = AnyPopulated(negative);
  Trimmed trimmed;
  const auto trim_side = [&](const std::vector<BucketSpan>& spans, bool is_positive,
                             std::vector<double>* counts) {
    const BucketList list = ToBucketList(spans, *counts);
    for (size_t i = 0; i < list.size(); ++i) {
      if (list[i].count == 0) continue;
      const HistogramBucket bucket = BoundsOf(*this, list[i], is_positive);
      trimmed.Take(TrimBucket(bucket, bound, keep_below, has_custom_bounds()), &(*counts)[i]);
    }
  };
  trim_side(positive_spans, true, &positive);
  trim_side(negative_spans, false, &negative);
  if (zero_count > 0) {
    HistogramBucket zero{.lower = has_positive && !has_negative ? 0 : -zero_threshold,
                         .upper = has_negative && !has_positive ? 0 : zero_threshold,
                         .count = zero_count};
    trimmed.Take(TrimBucket(zero, bound, keep_below, true), &zero_count);
  }
  if (!trimmed.changed) return;
  count = trimmed.count;
  sum = trimmed.sum;
  Compact();
}

}  // namespace larnax::model
