#include "model/float_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <boost/container/small_vector.hpp>

#include "base/number_text.h"
#include "model/bucket_list.h"

namespace larnax::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What the struct itself takes is fixed at the figure that query limits are known for.
constexpr size_t kFixedBytes = 168;

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return SameBits(x, y); });
}

// Spans describe the same buckets: a span of no length only adds to the offset of the next.
bool SameSpans(const std::vector<BucketSpan>& a, const std::vector<BucketSpan>& b) {
  const auto skip_empty = [](const std::vector<BucketSpan>& spans, size_t* at) {
    int64_t offset = 0;
    while (*at < spans.size() && spans[*at].length == 0) offset += spans[(*at)++].offset;
    return offset;
  };
  size_t i = 0;
  size_t j = 0;
  while (true) {
    const int64_t a_offset = skip_empty(a, &i);
    const int64_t b_offset = skip_empty(b, &j);
    if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
    if (a_offset + a[i].offset != b_offset + b[j].offset || a[i].length != b[j].length) {
      return false;
    }
    ++i;
    ++j;
  }
}

void ScaleAll(double factor, std::vector<double>* counts) {
  for (double& count : *counts) count *= factor;
}

void DivideAll(double divisor, std::vector<double>* counts) {
  for (double& count : *counts) count /= divisor;
}

// Drop empty buckets and the spans that they leave, in place.
void CompactSide(std::vector<BucketSpan>* spans, std::vector<double>* counts) {
  const bool compact =
      std::ranges::none_of(*counts, [](double count) { return count == 0; }) &&
      std::ranges::none_of(*spans, [](BucketSpan span) { return span.length == 0; }) &&
      std::none_of(spans->begin() + (spans->empty() ? 0 : 1), spans->end(),
                   [](BucketSpan span) { return span.offset == 0; });
  if (compact) return;
  boost::container::small_vector<BucketSpan, 16> kept;
  size_t from = 0;
  size_t to = 0;
  // Wide: the one past the last bucket need not be an index.
  int64_t index = 0;
  int64_t next = 0;
  for (const BucketSpan& span : *spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && from < counts->size(); ++i, ++index) {
      const double count = (*counts)[from++];
      if (count == 0) continue;
      if (kept.empty() || index != next) {
        kept.push_back({.offset = static_cast<int32_t>(index - next), .length = 0});
      }
      ++kept.back().length;
      (*counts)[to++] = count;
      next = index + 1;
    }
  }
  counts->resize(to);
  spans->assign(kept.begin(), kept.end());
}

void ReduceSide(int levels, std::vector<BucketSpan>* spans, std::vector<double>* counts) {
  if (counts->empty()) {
    spans->clear();
    return;
  }
  BucketList list = ToBucketList(*spans, *counts);
  ReduceBuckets(levels, &list);
  FromBucketList(list, spans, counts);
}

void AppendBucket(const HistogramBucket& bucket, std::string* out) {
  out->append(bucket.lower_inclusive ? ", [" : ", (");
  base::AppendShortest(bucket.lower, out);
  out->push_back(',');
  base::AppendShortest(bucket.upper, out);
  out->append(bucket.upper_inclusive ? "]:" : "):");
  base::AppendShortest(bucket.count, out);
}

HistogramBucket CustomBucket(const FloatHistogram& h, const IndexedCount& at) {
  const auto index = static_cast<size_t>(at.index);
  const std::vector<double>& bounds = h.custom_bounds;
  return {.lower = index == 0 ? -kInfinity : bounds[index - 1],
          .upper = index < bounds.size() ? bounds[index] : kInfinity,
          .count = at.count,
          .lower_inclusive = index == 0,
          .upper_inclusive = true};
}

std::vector<HistogramBucket> ListBuckets(const FloatHistogram& h, bool with_zero_bucket) {
  std::vector<HistogramBucket> buckets;
  buckets.reserve(h.positive.size() + h.negative.size() + 1);
  const BucketList positive = ToBucketList(h.positive_spans, h.positive);
  if (h.has_custom_bounds()) {
    for (const IndexedCount& at : positive) buckets.push_back(CustomBucket(h, at));
    return buckets;
  }
  const BucketList negative = ToBucketList(h.negative_spans, h.negative);
  for (size_t i = negative.size(); i-- > 0;) {
    const IndexedCount& at = negative[i];
    double upper = -ExponentialBound(at.index - 1, h.schema);
    if (upper < 0 && upper > -h.zero_threshold) upper = -h.zero_threshold;
    buckets.push_back({-ExponentialBound(at.index, h.schema), upper, at.count, true, false});
  }
  if (with_zero_bucket) {
    buckets.push_back({-h.zero_threshold, h.zero_threshold, h.zero_count, true, true});
  }
  for (const IndexedCount& at : positive) {
    double lower = ExponentialBound(at.index - 1, h.schema);
    if (lower > 0 && lower < h.zero_threshold) lower = h.zero_threshold;
    buckets.push_back({lower, ExponentialBound(at.index, h.schema), at.count, false, true});
  }
  return buckets;
}

}  // namespace

FloatHistogram FloatHistogram::FromNative(const NativeHistogram& native) {
  FloatHistogram h;
  h.Assign(native);
  return h;
}

void FloatHistogram::Assign(const NativeHistogram& native) {
  schema = native.schema;
  counter_reset_hint = native.counter_reset_hint;
  zero_threshold = native.zero_threshold;
  sum = native.sum;
  positive_spans = native.positive_spans;
  negative_spans = native.negative_spans;
  custom_bounds = native.custom_bounds;
  if (native.is_integer) {
    count = static_cast<double>(native.integer_count);
    zero_count = static_cast<double>(native.integer_zero_count);
    positive.assign(native.integer_positive.begin(), native.integer_positive.end());
    negative.assign(native.integer_negative.begin(), native.integer_negative.end());
  } else {
    count = native.count;
    zero_count = native.zero_count;
    positive = native.positive;
    negative = native.negative;
  }
  if (schema > kMaxSchema) ReduceTo(kMaxSchema);
}

NativeHistogram FloatHistogram::ToNative() const {
  NativeHistogram native;
  native.schema = schema;
  native.counter_reset_hint = counter_reset_hint;
  native.zero_threshold = zero_threshold;
  native.sum = sum;
  native.count = count;
  native.zero_count = zero_count;
  native.positive_spans = positive_spans;
  native.negative_spans = negative_spans;
  native.positive = positive;
  native.negative = negative;
  native.custom_bounds = custom_bounds;
  return native;
}

bool FloatHistogram::is_stale() const { return std::bit_cast<uint64_t>(sum) == kStaleBits; }

void FloatHistogram::Multiply(double factor) {
  zero_count *= factor;
  count *= factor;
  sum *= factor;
  ScaleAll(factor, &positive);
  ScaleAll(factor, &negative);
  if (factor < 0) counter_reset_hint = CounterResetHint::kGauge;
}

void FloatHistogram::Divide(double divisor) {
  zero_count /= divisor;
  count /= divisor;
  sum /= divisor;
  if (divisor == 0) {
    positive_spans.clear();
    negative_spans.clear();
    positive.clear();
    negative.clear();
  }
  DivideAll(divisor, &positive);
  DivideAll(divisor, &negative);
  if (divisor < 0) counter_reset_hint = CounterResetHint::kGauge;
}

void FloatHistogram::Compact() {
  CompactSide(&positive_spans, &positive);
  CompactSide(&negative_spans, &negative);
}

void FloatHistogram::ReduceTo(int32_t target) {
  if (has_custom_bounds() || target >= schema) return;
  ReduceSide(schema - target, &positive_spans, &positive);
  ReduceSide(schema - target, &negative_spans, &negative);
  schema = target;
}

bool FloatHistogram::Equals(const FloatHistogram& other) const {
  return schema == other.schema && SameBits(count, other.count) && SameBits(sum, other.sum) &&
         zero_threshold == other.zero_threshold && SameBits(zero_count, other.zero_count) &&
         SameBits(custom_bounds, other.custom_bounds) &&
         SameSpans(positive_spans, other.positive_spans) &&
         SameSpans(negative_spans, other.negative_spans) && SameBits(positive, other.positive) &&
         SameBits(negative, other.negative);
}

std::vector<HistogramBucket> FloatHistogram::Buckets() const {
  return ListBuckets(*this, zero_count > 0);
}

size_t FloatHistogram::SizeBytes() const {
  return kFixedBytes + (positive_spans.size() + negative_spans.size() + positive.size() +
                        negative.size() + custom_bounds.size()) *
                           8;
}

size_t FloatHistogram::SizeBytesOf(size_t numbers) { return kFixedBytes + numbers * 8; }

size_t FloatHistogram::SizeBytesOf(const NativeHistogram& native) {
  // Counts are integers or doubles, never both.
  return SizeBytesOf(native.positive_spans.size() + native.negative_spans.size() +
                     native.positive.size() + native.negative.size() +
                     native.integer_positive.size() + native.integer_negative.size() +
                     native.custom_bounds.size());
}

std::string FloatHistogram::ToString() const {
  std::string out = "{count:";
  base::AppendShortest(count, &out);
  out.append(", sum:");
  base::AppendShortest(sum, &out);
  for (const HistogramBucket& bucket : ListBuckets(*this, zero_count != 0)) {
    if (bucket.count != 0) AppendBucket(bucket, &out);
  }
  out.push_back('}');
  return out;
}

}  // namespace larnax::model
