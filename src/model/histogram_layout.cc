#include "model/histogram_layout.h"

#include "model/float_histogram.h"

namespace larnax::model {
namespace {

constexpr int64_t kFinestSchema = 52;

// An index and its neighbours, and the distance of any two, have to fit 32 bits. Schemas too fine
// for that are reduced by at least one level before anything else is done with them.
constexpr int64_t kFarthestIndex = int64_t{1} << 30;
constexpr int64_t kFarthestFineIndex = int64_t{1} << 31;

bool LiesWithin(const SpanTally& spans, int64_t farthest) {
  return spans.begin() >= -farthest && spans.end() <= farthest;
}

LayoutFault CheckCustom(const HistogramLayout& layout) {
  const bool has_negative = layout.negative.count() != 0 || layout.negative_buckets != 0;
  if (!layout.bounds.AreOrdered() || has_negative) return LayoutFault::kBounds;
  if (layout.positive.begin() < 0 || !layout.positive.Holds(layout.positive_buckets)) {
    return LayoutFault::kPositiveSpans;
  }
  // One bucket lies behind the last bound.
  return layout.positive.end() > static_cast<int64_t>(layout.bounds.count()) + 1
             ? LayoutFault::kBounds
             : LayoutFault::kNone;
}

SpanTally TallyOf(const std::vector<BucketSpan>& spans) {
  SpanTally tally;
  for (const BucketSpan& span : spans) tally.Add(span.offset, span.length);
  return tally;
}

}  // namespace

LayoutFault CheckLayout(const HistogramLayout& layout) {
  if (layout.schema == NativeHistogram::kCustomBounds) return CheckCustom(layout);
  if (layout.schema < FloatHistogram::kMinSchema || layout.schema > kFinestSchema) {
    return LayoutFault::kSchema;
  }
  if (layout.bounds.count() != 0) return LayoutFault::kBounds;
  const int64_t farthest =
      layout.schema > FloatHistogram::kMaxSchema ? kFarthestFineIndex : kFarthestIndex;
  if (!layout.negative.Holds(layout.negative_buckets) || !LiesWithin(layout.negative, farthest)) {
    return LayoutFault::kNegativeSpans;
  }
  if (!layout.positive.Holds(layout.positive_buckets) || !LiesWithin(layout.positive, farthest)) {
    return LayoutFault::kPositiveSpans;
  }
  return LayoutFault::kNone;
}

LayoutFault CheckLayout(const NativeHistogram& histogram) {
  HistogramLayout layout;
  layout.schema = histogram.schema;
  layout.positive = TallyOf(histogram.positive_spans);
  layout.negative = TallyOf(histogram.negative_spans);
  layout.positive_buckets =
      histogram.is_integer ? histogram.integer_positive.size() : histogram.positive.size();
  layout.negative_buckets =
      histogram.is_integer ? histogram.integer_negative.size() : histogram.negative.size();
  for (const double bound : histogram.custom_bounds) layout.bounds.Add(bound);
  return CheckLayout(layout);
}

}  // namespace larnax::model
