#include "larnax/format.h"
#include "larnax/query.h"
#include "model/float_histogram.h"

namespace larnax {
namespace {

// Appends `"value"`.
void AppendQuotedValue(double value, std::string* out) {
  out->push_back('"');
  AppendValue(value, out);
  out->push_back('"');
}

}  // namespace

std::vector<HistogramBucketCount> ListBuckets(const NativeHistogram& histogram) {
  std::vector<HistogramBucketCount> buckets;
  for (const model::HistogramBucket& bucket :
       model::FloatHistogram::FromNative(histogram).Buckets()) {
    if (bucket.count == 0) continue;
    int boundaries = bucket.upper_inclusive ? 0 : 2;
    if (bucket.lower_inclusive) boundaries = bucket.upper_inclusive ? 3 : 1;
    buckets.push_back({boundaries, bucket.lower, bucket.upper, bucket.count});
  }
  return buckets;
}

void AppendHistogramJson(const NativeHistogram& histogram, std::string* out) {
  out->append("{\"count\":");
  AppendQuotedValue(
      histogram.is_integer ? static_cast<double>(histogram.integer_count) : histogram.count, out);
  out->append(",\"sum\":");
  AppendQuotedValue(histogram.sum, out);
  bool first = true;
  for (const HistogramBucketCount& bucket : ListBuckets(histogram)) {
    out->append(first ? ",\"buckets\":[[" : ",[");
    first = false;
    out->append(std::to_string(bucket.boundaries));
    for (const double value : {bucket.lower, bucket.upper, bucket.count}) {
      out->push_back(',');
      AppendQuotedValue(value, out);
    }
    out->push_back(']');
  }
  if (!first) out->push_back(']');
  out->push_back('}');
}

}  // namespace larnax
