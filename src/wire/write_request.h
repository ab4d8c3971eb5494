#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "larnax/samples.h"

namespace larnax::wire {

/// Give a start time as it is kept: 0, unknown, for one that no file can hold.
inline int64_t KnownStart(int64_t start_ms) {
  return start_ms >= kMinTimeMs && start_ms <= kMaxTimeMs ? start_ms : 0;
}

/// Why a part of a request cannot be stored. Everything else of the request can.
enum class RejectReason : uint8_t {
  kNone,
  kNoMetricName,
  kEmptyLabelName,
  kRepeatedLabelName,
  kInvalidUtf8,
  kNoSamples,                ///< Remote write 2.0: a series without sample, histogram, exemplar.
  kHistogramSchema,          ///< Not -4..52 and not -53.
  kHistogramSpans,           ///< Spans and buckets differ in number, overlap, or lie too far out.
  kHistogramNegativeBucket,  ///< A bucket, the zero bucket or the count is below zero or NaN.
  kHistogramCount,           ///< The count does not fit the sum of the buckets.
  kHistogramBounds,          ///< Custom bounds: unordered, not finite, too few or out of place.
  kHistogramZeroThreshold,   ///< Negative, NaN or infinite.
  kHistogramMixed,           ///< Integer and float fields in one histogram.
  kHistogramSize,            ///< More buckets, spans or bounds than NativeHistogram::kMaxBuckets.
};

/// Name a reason in words, for messages: `no metric name`.
const char* RejectReasonText(RejectReason reason);

/// One rejected part of a request.
struct Rejection {
  uint32_t series = 0;  ///< Index in WriteRequest::series.
  RejectReason reason = RejectReason::kNone;
  std::string detail;  ///< Sentence with `name=value` pairs; may be empty.
};

/// One series entry of a request. The same series may come in several entries.
struct DecodedSeries {
  /// Label bytes in the form of larnax::LabelsView, well-formed (each label whole, shortest
  /// varints), but as the sender ordered them: see CanonicalLabels for the rest.
  std::string_view labels;
  uint64_t hash = 0;  ///< XXH3-64 of `labels`.
  uint32_t first_sample = 0;
  uint32_t sample_count = 0;
  uint32_t first_histogram = 0;
  uint32_t histogram_count = 0;
  uint32_t first_exemplar = 0;
  uint32_t exemplar_count = 0;
};

/// One native histogram sample, checked but kept as its protobuf message.
struct DecodedHistogram {
  int64_t time_ms = 0;
  int64_t start_ms = 0;  ///< As KnownStart gives it.
  bool stale = false;    ///< The sum has the bits of a stale marker.
  RejectReason rejection = RejectReason::kNone;
  /// The message `Histogram`; remote write 2.0 only adds fields to those of 1.0.
  std::string_view message;
};

/// One exemplar of a series.
struct DecodedExemplar {
  std::string_view labels;  ///< In the form of DecodedSeries::labels.
  double value = 0;
  int64_t time_ms = 0;
};

/// Type of a metric, numbered as in both protocols' messages.
enum class MetricType : uint8_t {
  kUnknown,
  kCounter,
  kGauge,
  kHistogram,
  kGaugeHistogram,
  kSummary,
  kInfo,
  kStateset,
};

/// Name a type as Prometheus' API does: `counter`, `gaugehistogram`, `unknown`.
const char* MetricTypeName(MetricType type);

/// What a sender says about a metric family.
struct DecodedMetadata {
  std::string_view metric;
  MetricType type = MetricType::kUnknown;
  std::string_view help;
  std::string_view unit;
};

/// Memory for bytes that live as long as one request. Clear keeps the memory.
class Arena {
 public:
  /// Bytes that may be written past the end of each allocation, so that short copies can be of one
  /// fixed size.
  static constexpr size_t kPadding = 32;

  /// Give room for `size` bytes and kPadding more; stays where it is until Clear.
  char* Allocate(size_t size) {
    if (size + kPadding > left_) Grow(size + kPadding);
    char* const result = next_;
    next_ += size;
    left_ -= size;
    used_ += size;
    return result;
  }
  /// Bytes allocated since Clear.
  size_t used() const { return used_; }
  /// Bytes held, used or not.
  size_t memory_bytes() const;
  void Clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  void Grow(size_t size);

  std::vector<Block> blocks_;
  size_t current_ = 0;  // Blocks before this one are full.
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t used_ = 0;
};

/// What any protocol decodes a request into: columns over all series of the request.
///
/// Borrows from the decompressed body, which the caller keeps alive, and from its own `arena`.
/// Reused between requests (Clear keeps capacity), it allocates nothing in steady state. Not safe
/// to use from two threads.
struct WriteRequest {
  /// Most rejections that are listed; the rest is only counted.
  static constexpr size_t kMaxListedRejections = 64;

  std::vector<DecodedSeries> series;
  std::vector<int64_t> time_ms;   ///< Shape [samples].
  std::vector<double> value;      ///< Shape [samples]; every bit as sent.
  std::vector<int64_t> start_ms;  ///< Shape [samples], of KnownStart; empty when none is known.
  std::vector<DecodedHistogram> histograms;
  std::vector<DecodedExemplar> exemplars;
  std::vector<DecodedMetadata> metadata;
  std::vector<Rejection> rejections;  ///< The first kMaxListedRejections.
  size_t rejection_count = 0;

  /// Limits on what one request may decode to, so that a small body cannot take much memory.
  size_t max_entries = size_t{2} << 20;        ///< Series, histograms, exemplars, metadata.
  size_t max_arena_bytes = size_t{256} << 20;  ///< Label bytes put together here.

  Arena arena;

  /// Scratch of decoders.
  struct Symbol {
    std::string_view text;  ///< In the body.
    const char* encoded;    ///< varint(size) text, in the arena, padded.
    uint32_t encoded_size;
  };
  std::vector<Symbol> symbols;
  std::vector<uint32_t> references;

  void Clear();
  /// Bytes of memory held, used or not.
  size_t memory_bytes() const;
  /// Count a rejection and list it while there is room.
  void Reject(RejectReason reason, size_t series_index, std::string detail = {});
};

}  // namespace larnax::wire
