// A chunk: 16 bits sample count, 8 bits flags (the two highest: what is known of a counter reset
// before the first sample), then bits without gaps.
//   layout     zero threshold, varbit schema, positive spans, negative spans, bounds (schema -53)
//   sample 0   varbit time, count, zero count, 64 bits sum, buckets
//   later      the same as changes; one whose sum marks it stale ends after the sum
// Integer buckets are differences from the bucket before; counts, times and they are written as the
// change of their change. Floats are 64 bits at first and XOR later.
#include "wire/remote_read/histogram_chunk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace larnax::wire {

namespace {

constexpr int kMaxCount = 65535;

bool IsStale(const NativeHistogram& histogram) {
  return std::bit_cast<uint64_t>(histogram.sum) == kStaleBits;
}

// Differences of counts may wrap: readers add them up again in the same way.
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

bool SameLayout(const NativeHistogram& a, const NativeHistogram& b) {
  return a.schema == b.schema &&
         std::bit_cast<uint64_t>(a.zero_threshold) == std::bit_cast<uint64_t>(b.zero_threshold) &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         a.custom_bounds == b.custom_bounds && a.positive.size() == b.positive.size() &&
         a.negative.size() == b.negative.size() &&
         a.integer_positive.size() == b.integer_positive.size() &&
         a.integer_negative.size() == b.integer_negative.size();
}

template <typename Number>
bool NoneFell(std::span<const Number> before, std::span<const Number> after) {
  return std::equal(before.begin(), before.end(), after.begin(), after.end(),
                    [](Number b, Number a) { return a >= b; });
}

// Whether counts of one layout only grew. A NaN is no growth.
bool OnlyGrew(const NativeHistogram& before, const NativeHistogram& after) {
  if (after.is_integer) {
    return after.integer_count >= before.integer_count &&
           after.integer_zero_count >= before.integer_zero_count &&
           NoneFell<int64_t>(before.integer_positive, after.integer_positive) &&
           NoneFell<int64_t>(before.integer_negative, after.integer_negative);
  }
  return after.count >= before.count && after.zero_count >= before.zero_count &&
         NoneFell<double>(before.positive, after.positive) &&
         NoneFell<double>(before.negative, after.negative);
}

void WriteZeroThreshold(double threshold, BitWriter* out) {
  constexpr uint64_t kFullFloat = 255;
  if (std::bit_cast<uint64_t>(threshold) == 0) return out->Bits(0, 8);
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  // Powers of two from 2^-243 to 2^10 take one byte.
  if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
    return out->Bits(static_cast<uint64_t>(exponent + 243), 8);
  }
  out->Bits(kFullFloat, 8);
  out->Bits(std::bit_cast<uint64_t>(threshold), 64);
}

void WriteSpans(const std::vector<BucketSpan>& spans, BitWriter* out) {
  out->VarbitUint(spans.size());
  for (const BucketSpan& span : spans) {
    out->VarbitUint(span.length);
    out->VarbitInt(span.offset);
  }
}

// Bounds of whole thousandths, which most are, take few bits.
void WriteBound(double bound, BitWriter* out) {
  constexpr double kMostThousandths = 33554430;
  const double thousandths = std::round(bound * 1000);
  const bool is_short =
      !std::signbit(bound) && thousandths <= kMostThousandths &&
      std::bit_cast<uint64_t>(thousandths / 1000) == std::bit_cast<uint64_t>(bound);
  if (is_short) return out->VarbitUint(static_cast<uint64_t>(thousandths) + 1);
  out->Bit(false);
  out->Bits(std::bit_cast<uint64_t>(bound), 64);
}

uint64_t FlagsOf(CounterResetHint hint) {
  switch (hint) {
    case CounterResetHint::kUnknown:
      return 0;
    case CounterResetHint::kReset:
      return 0b1000'0000;
    case CounterResetHint::kNotReset:
      return 0b0100'0000;
    case CounterResetHint::kGauge:
      return 0b1100'0000;
  }
  return 0;
}

}  // namespace

void HistogramChunk::Integer::Start(int64_t first) {
  value = first;
  delta = 0;
}

void HistogramChunk::Integer::Write(int64_t next, BitWriter* out) {
  const int64_t next_delta = Minus(next, value);
  out->VarbitInt(Minus(next_delta, delta));
  value = next;
  delta = next_delta;
}

bool HistogramChunk::Fits(const NativeHistogram& next) const {
  if (next.is_integer != first_->is_integer || count_ == kMaxCount) return false;
  if (IsStale(next)) return true;
  if (IsStale(*last_) || !SameLayout(*first_, next)) return false;
  const bool is_gauge = next.counter_reset_hint == CounterResetHint::kGauge;
  if (is_gauge != (first_->counter_reset_hint == CounterResetHint::kGauge)) return false;
  switch (next.counter_reset_hint) {
    case CounterResetHint::kGauge:
    case CounterResetHint::kNotReset:
      return true;
    case CounterResetHint::kReset:
      return false;
    case CounterResetHint::kUnknown:
      return OnlyGrew(*last_, next);
  }
  return false;
}

bool HistogramChunk::TryAppend(const HistogramSample& sample) {
  const NativeHistogram& histogram = *sample.histogram;
  if (count_ > 0 && !Fits(histogram)) return false;
  if (count_ == 0) {
    bits_.Bits(0, 16);  // The count, set in Finish.
    bits_.Bits(FlagsOf(histogram.counter_reset_hint), 8);
    first_ = sample.histogram;
    WriteLayout(IsStale(histogram) ? NativeHistogram() : histogram);
    bits_.VarbitInt(sample.time_ms);
    time_.Start(sample.time_ms);
    WriteFirst(histogram);
  } else {
    time_.Write(sample.time_ms, &bits_);
    WriteNext(histogram);
  }
  last_ = sample.histogram;
  ++count_;
  return true;
}

void HistogramChunk::WriteLayout(const NativeHistogram& histogram) {
  WriteZeroThreshold(histogram.zero_threshold, &bits_);
  bits_.VarbitInt(histogram.schema);
  WriteSpans(histogram.positive_spans, &bits_);
  WriteSpans(histogram.negative_spans, &bits_);
  if (histogram.schema != NativeHistogram::kCustomBounds) return;
  bits_.VarbitUint(histogram.custom_bounds.size());
  for (const double bound : histogram.custom_bounds) WriteBound(bound, &bits_);
}

void HistogramChunk::WriteFirst(const NativeHistogram& histogram) {
  const bool stale = IsStale(histogram);
  if (histogram.is_integer) {
    const uint64_t count = stale ? 0 : histogram.integer_count;
    const uint64_t zero_count = stale ? 0 : histogram.integer_zero_count;
    bits_.VarbitUint(count);
    bits_.VarbitUint(zero_count);
    integer_count_.Start(static_cast<int64_t>(count));
    integer_zero_count_.Start(static_cast<int64_t>(zero_count));
  } else {
    const double count = stale ? 0 : histogram.count;
    const double zero_count = stale ? 0 : histogram.zero_count;
    bits_.Bits(std::bit_cast<uint64_t>(count), 64);
    bits_.Bits(std::bit_cast<uint64_t>(zero_count), 64);
    float_count_ = XorWriter();
    float_count_.Start(count);
    float_zero_count_ = XorWriter();
    float_zero_count_.Start(zero_count);
  }
  bits_.Bits(std::bit_cast<uint64_t>(histogram.sum), 64);
  sum_ = XorWriter();
  sum_.Start(histogram.sum);
  integer_buckets_.clear();
  float_buckets_.clear();
  if (!stale) WriteFirstBuckets(histogram);
}

void HistogramChunk::WriteFirstBuckets(const NativeHistogram& histogram) {
  for (const auto* side : {&histogram.integer_positive, &histogram.integer_negative}) {
    int64_t before = 0;
    for (const int64_t bucket : *side) {
      integer_buckets_.emplace_back().Start(Minus(bucket, before));
      bits_.VarbitInt(integer_buckets_.back().value);
      before = bucket;
    }
  }
  for (const auto* side : {&histogram.positive, &histogram.negative}) {
    for (const double bucket : *side) {
      float_buckets_.emplace_back().Start(bucket);
      bits_.Bits(std::bit_cast<uint64_t>(bucket), 64);
    }
  }
}

void HistogramChunk::WriteNext(const NativeHistogram& histogram) {
  if (IsStale(histogram)) {
    // No change of count and zero count: one bit each.
    bits_.Bits(0, 2);
    sum_.Write(histogram.sum, &bits_);
    return;
  }
  if (histogram.is_integer) {
    integer_count_.Write(static_cast<int64_t>(histogram.integer_count), &bits_);
    integer_zero_count_.Write(static_cast<int64_t>(histogram.integer_zero_count), &bits_);
  } else {
    float_count_.Write(histogram.count, &bits_);
    float_zero_count_.Write(histogram.zero_count, &bits_);
  }
  sum_.Write(histogram.sum, &bits_);
  size_t at = 0;
  for (const auto* side : {&histogram.integer_positive, &histogram.integer_negative}) {
    int64_t before = 0;
    for (const int64_t bucket : *side) {
      integer_buckets_[at++].Write(Minus(bucket, before), &bits_);
      before = bucket;
    }
  }
  at = 0;
  for (const auto* side : {&histogram.positive, &histogram.negative}) {
    for (const double bucket : *side) float_buckets_[at++].Write(bucket, &bits_);
  }
}

std::string HistogramChunk::Finish() {
  std::string data = bits_.Finish();
  data[0] = static_cast<char>(count_ >> 8);
  data[1] = static_cast<char>(count_);
  count_ = 0;
  first_.reset();
  last_.reset();
  return data;
}

}  // namespace larnax::wire
