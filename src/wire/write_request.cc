#include "wire/write_request.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace larnax::wire {

namespace {
constexpr size_t kBlockBytes = size_t{256} << 10;
}  // namespace

const char* RejectReasonText(RejectReason reason) {
  switch (reason) {
    case RejectReason::kNone:
      return "none";
    case RejectReason::kNoMetricName:
      return "no metric name";
    case RejectReason::kEmptyLabelName:
      return "empty label name";
    case RejectReason::kRepeatedLabelName:
      return "repeated label name";
    case RejectReason::kInvalidUtf8:
      return "invalid UTF-8";
    case RejectReason::kNoSamples:
      return "series without samples";
    case RejectReason::kHistogramSchema:
      return "unknown histogram schema";
    case RejectReason::kHistogramSpans:
      return "histogram spans do not fit the buckets";
    case RejectReason::kHistogramNegativeBucket:
      return "negative histogram bucket";
    case RejectReason::kHistogramCount:
      return "histogram count does not fit the buckets";
    case RejectReason::kHistogramBounds:
      return "invalid custom histogram bounds";
    case RejectReason::kHistogramZeroThreshold:
      return "invalid histogram zero threshold";
    case RejectReason::kHistogramMixed:
      return "integer and float fields in one histogram";
    case RejectReason::kHistogramSize:
      return "too many buckets in histogram";
  }
  LARNAX_UNREACHABLE();
}

const char* MetricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kUnknown:
      return "unknown";
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kGaugeHistogram:
      return "gaugehistogram";
    case MetricType::kSummary:
      return "summary";
    case MetricType::kInfo:
      return "info";
    case MetricType::kStateset:
      return "stateset";
  }
  LARNAX_UNREACHABLE();
}

void Arena::Clear() {
  current_ = 0;
  used_ = 0;
  next_ = blocks_.empty() ? nullptr : blocks_[0].bytes.get();
  left_ = blocks_.empty() ? 0 : blocks_[0].size;
}

size_t Arena::memory_bytes() const {
  size_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.size;
  return bytes;
}

void Arena::Grow(size_t size) {
  while (current_ + 1 < blocks_.size()) {
    ++current_;
    if (blocks_[current_].size >= size) {
      next_ = blocks_[current_].bytes.get();
      left_ = blocks_[current_].size;
      return;
    }
  }
  const size_t block_bytes = std::max(size, kBlockBytes);
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(block_bytes), block_bytes});
  current_ = blocks_.size() - 1;
  next_ = blocks_.back().bytes.get();
  left_ = block_bytes;
}

void WriteRequest::Clear() {
  series.clear();
  time_ms.clear();
  value.clear();
  start_ms.clear();
  histograms.clear();
  exemplars.clear();
  metadata.clear();
  rejections.clear();
  rejection_count = 0;
  symbols.clear();
  references.clear();
  arena.Clear();
}

size_t WriteRequest::memory_bytes() const {
  const auto held = [](const auto&... columns) {
    return (... + (columns.capacity() * sizeof(columns[0])));
  };
  return arena.memory_bytes() + held(series, time_ms, value, start_ms, histograms, exemplars,
                                     metadata, rejections, symbols, references);
}

void WriteRequest::Reject(RejectReason reason, size_t series_index, std::string detail) {
  ++rejection_count;
  if (rejections.size() >= kMaxListedRejections) return;
  rejections.push_back({static_cast<uint32_t>(series_index), reason, std::move(detail)});
}

}  // namespace larnax::wire
