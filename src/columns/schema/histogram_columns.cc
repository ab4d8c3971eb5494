#include "columns/schema/histogram_columns.h"

#include <algorithm>
#include <bit>

#include "columns/format/list_column.h"
#include "model/histogram_layout.h"

namespace larnax::columns {
namespace {

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return SameBits(x, y); });
}

arrow::Status CheckSide(const std::vector<BucketSpan>& spans, size_t floats, size_t integers,
                        bool is_integer) {
  uint64_t buckets = 0;
  for (const BucketSpan& span : spans) {
    if (span.length > static_cast<uint32_t>(kMaxListLength)) {
      return arrow::Status::Invalid("a span of a histogram is too long: length=", span.length);
    }
    buckets += span.length;
  }
  if (buckets != (is_integer ? integers : floats) || (is_integer ? floats : integers) != 0) {
    return arrow::Status::Invalid("spans and buckets of a histogram differ: spans=", buckets,
                                  " buckets=", floats, " integer_buckets=", integers);
  }
  if (buckets > kMaxListLength || spans.size() > kMaxListLength) {
    return arrow::Status::Invalid("a histogram has too many buckets: buckets=", buckets,
                                  " spans=", spans.size());
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status CheckHistogram(const NativeHistogram& histogram) {
  ARROW_RETURN_NOT_OK(CheckSide(histogram.positive_spans, histogram.positive.size(),
                                histogram.integer_positive.size(), histogram.is_integer));
  ARROW_RETURN_NOT_OK(CheckSide(histogram.negative_spans, histogram.negative.size(),
                                histogram.integer_negative.size(), histogram.is_integer));
  const bool has_floats = !SameBits(histogram.count, 0) || !SameBits(histogram.zero_count, 0);
  const bool has_integers = histogram.integer_count != 0 || histogram.integer_zero_count != 0;
  if (histogram.is_integer ? has_floats : has_integers) {
    return arrow::Status::Invalid("a histogram has integer and floating counts");
  }
  if (static_cast<size_t>(histogram.counter_reset_hint) >= kCounterResetHints.size() ||
      histogram.custom_bounds.size() > static_cast<size_t>(kMaxListLength)) {
    return arrow::Status::Invalid("a histogram has an unknown hint or too many bounds");
  }
  if (model::CheckLayout(histogram) != model::LayoutFault::kNone) {
    return arrow::Status::Invalid("the buckets of a histogram lie where its schema has none");
  }
  return arrow::Status::OK();
}

bool SameHistogram(const NativeHistogram& a, const NativeHistogram& b) {
  return a.schema == b.schema && a.counter_reset_hint == b.counter_reset_hint &&
         a.is_integer == b.is_integer && SameBits(a.zero_threshold, b.zero_threshold) &&
         SameBits(a.sum, b.sum) && SameBits(a.count, b.count) &&
         SameBits(a.zero_count, b.zero_count) && a.integer_count == b.integer_count &&
         a.integer_zero_count == b.integer_zero_count && a.positive_spans == b.positive_spans &&
         a.negative_spans == b.negative_spans && SameBits(a.positive, b.positive) &&
         SameBits(a.negative, b.negative) && a.integer_positive == b.integer_positive &&
         a.integer_negative == b.integer_negative && SameBits(a.custom_bounds, b.custom_bounds);
}

}  // namespace larnax::columns
