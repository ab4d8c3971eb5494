#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "larnax/samples.h"

namespace larnax::model {

/// One bucket of a histogram. Which ends belong to it depends on its sign and layout.
struct HistogramBucket {
  double lower = 0;
  double upper = 0;
  double count = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
};

/// What happened besides the arithmetic when two histograms were combined.
struct CombineReport {
  bool hints_conflict = false;  ///< A "reset" met a "not reset": the hint became "unknown".
  bool bounds_reconciled =
      false;  ///< Different custom bounds: both were brought to the common ones.
};

/// A native histogram with every count as a double: the histogram value of PromQL.
///
/// Bucket i of schema s holds observations in (2^((i-1)/2^s), 2^(i/2^s)], mirrored for negative
/// ones; with custom bounds (schema kCustomBounds) it holds (bounds[i-1], bounds[i]], the first
/// starting at -Inf and the last ending at +Inf. The zero bucket holds [-threshold, threshold].
/// A value type; the counts need not agree with each other. Not synchronized.
struct FloatHistogram {
  static constexpr int32_t kCustomBounds = NativeHistogram::kCustomBounds;
  static constexpr int32_t kMinSchema = -4;
  static constexpr int32_t kMaxSchema = 8;

  int32_t schema = 0;  ///< kMinSchema..kMaxSchema, or kCustomBounds.
  CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<BucketSpan> positive_spans;
  std::vector<BucketSpan> negative_spans;
  std::vector<double> positive;  ///< Shape [sum of span lengths], absolute.
  std::vector<double> negative;
  std::vector<double> custom_bounds;  ///< Finite upper bounds, ascending; only with kCustomBounds.

  /// Convert a stored histogram; schemas finer than kMaxSchema are reduced to it. Presumes what
  /// CheckLayout says of it, as everything here does.
  static FloatHistogram FromNative(const NativeHistogram& native);
  /// The same into this one, whose memory is used again.
  void Assign(const NativeHistogram& native);
  NativeHistogram ToNative() const;

  bool has_custom_bounds() const { return schema == kCustomBounds; }
  /// Tell whether the sum is the stale marker.
  bool is_stale() const;

  /// Add `other`, bucket by bucket: at the coarser schema, the wider zero bucket (widened to the
  /// end of a populated bucket it would cut), the common custom bounds. The hint is combined:
  /// gauge wins, then unknown. The result may hold empty buckets; see Compact.
  ///
  /// \return nullopt, and nothing done, where exponential meets custom bounds.
  [[nodiscard]] std::optional<CombineReport> Add(const FloatHistogram& other);
  /// Subtract `other`; otherwise as Add. PromQL marks the result of `-` as gauge: the caller does.
  [[nodiscard]] std::optional<CombineReport> Subtract(const FloatHistogram& other);
  /// Multiply counts and sum; a negative factor makes a gauge.
  void Multiply(double factor);
  /// Divide counts and sum; by zero all buckets are dropped, the rest becomes Inf or NaN.
  void Divide(double divisor);

  /// Drop buckets that are exactly 0 and spans of no length.
  void Compact();
  /// Bring an exponential histogram to a coarser schema; no effect if `target` is not coarser.
  void ReduceTo(int32_t target);
  /// Drop the observations that are not below (`</`, `keep_below`) or above (`>/`) `bound`,
  /// estimating inside the bucket that holds it; count and sum are estimated anew if any were.
  void Trim(double bound, bool keep_below);

  /// Compare bit for bit (NaN equals the same NaN, 0 is not -0), the hint left out. Presumes that
  /// both are compact or come from one source: empty buckets count.
  bool Equals(const FloatHistogram& other) const;
  /// Tell whether a counter was reset between `previous` and this.
  bool DetectReset(const FloatHistogram& previous) const;

  /// All buckets of spans in ascending order, empty ones included, with the zero bucket if it
  /// counts more than 0. Buckets that reach into the zero bucket begin at its end.
  std::vector<HistogramBucket> Buckets() const;

  /// Estimated bytes, for limits on the size of queries.
  size_t SizeBytes() const;
  /// The same of what FromNative makes of a histogram, or more.
  static size_t SizeBytesOf(const NativeHistogram& native);
  /// The same of so many spans, counts and bounds.
  static size_t SizeBytesOf(size_t numbers);
  /// Print as `{count:10, sum:5, [-1,-0.5):2, (1,2]:3}`, empty buckets left out.
  std::string ToString() const;
};

/// Upper bound of exponential bucket `index`; the last one below overflow ends at the largest
/// double, the overflow bucket at +Inf.
double ExponentialBound(int32_t index, int32_t schema);

/// What an estimate over a histogram had to say.
struct HistogramEstimate {
  double value = 0;
  /// There are NaN observations: they lie above every quantile, and in no fraction.
  bool has_nan_observations = false;
};

/// Estimate the `quantile` (0..1; beyond: -Inf, +Inf; NaN: NaN).
HistogramEstimate HistogramQuantile(const FloatHistogram& histogram, double quantile);
/// Estimate which part of the observations lies in (lower, upper].
HistogramEstimate HistogramFraction(const FloatHistogram& histogram, double lower, double upper);
/// Estimate the population variance, each observation taken at the middle of its bucket.
double HistogramVariance(const FloatHistogram& histogram);

/// A sum or mean of histograms, compensated bucket by bucket (Kahan-Neumaier).
///
/// Combines layouts and hints as FloatHistogram::Add. A mean whose sum would overflow goes on as a
/// running mean. Not synchronized.
class HistogramAccumulator {
 public:
  enum class Kind { kSum, kMean };

  explicit HistogramAccumulator(Kind kind) : kind_(kind) {}

  /// \return nullopt, and nothing done, where exponential meets custom bounds.
  [[nodiscard]] std::optional<CombineReport> Add(const FloatHistogram& term);
  bool empty() const { return terms_ == 0; }
  /// Estimated bytes.
  size_t SizeBytes() const { return sum_.SizeBytes() + compensation_.SizeBytes(); }
  /// The sum or mean, compact. Presumes that it is not empty.
  FloatHistogram Result() const;

 private:
  CombineReport AddCompensated(const FloatHistogram& term);

  Kind kind_;
  int64_t terms_ = 0;
  bool running_mean_ = false;
  FloatHistogram sum_;
  FloatHistogram compensation_;  // Of the same layout as sum_.
};

}  // namespace larnax::model
