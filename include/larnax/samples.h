#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"

namespace larnax {

/// Times in milliseconds since the Unix epoch, both ends included.
struct TimeRange {
  int64_t start_ms = std::numeric_limits<int64_t>::min();
  int64_t end_ms = std::numeric_limits<int64_t>::max();

  bool Contains(int64_t time_ms) const { return time_ms >= start_ms && time_ms <= end_ms; }
  bool Overlaps(TimeRange other) const {
    return start_ms <= other.end_ms && other.start_ms <= end_ms;
  }
};

/// Earliest and latest time that a sample may have: 1970-01-01 and the end of year 9999.
inline constexpr int64_t kMinTimeMs = 0;
inline constexpr int64_t kMaxTimeMs = 253402300799999;

/// Bits of the value that marks the end of a series (a stale marker). Compare bits, not values.
inline constexpr uint64_t kStaleBits = 0x7ff0000000000002;

/// Times of consecutive samples, strictly ascending. Series scraped together share one.
using TimestampVector = std::vector<int64_t>;

/// A run of buckets of a native histogram that have counts.
struct BucketSpan {
  int32_t offset = 0;  ///< Empty buckets since the run before; of the first run, its first index.
  uint32_t length = 0;

  friend bool operator==(const BucketSpan&, const BucketSpan&) = default;
};

/// What the sender knew of a counter reset before a native histogram; numbered as in remote write.
enum class CounterResetHint : uint8_t { kUnknown, kReset, kNotReset, kGauge };

/// A native histogram exactly as it was sent, except that bucket counts are absolute.
///
/// Counts that were sent as integers stay integers (`is_integer`): then the integer members hold
/// them and the floating ones are zero and empty; otherwise the other way round.
struct NativeHistogram {
  /// Schema of histograms whose buckets have `custom_bounds`.
  static constexpr int32_t kCustomBounds = -53;
  /// Most buckets or spans of a sign, and most custom bounds: more is refused on arrival.
  static constexpr uint64_t kMaxBuckets = uint64_t{1} << 20;

  int32_t schema = 0;  ///< -4..52 (buckets grow by 2^(2^-schema)), or kCustomBounds.
  CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
  bool is_integer = false;
  double zero_threshold = 0;  ///< Upper end of the zero bucket.
  double sum = 0;             ///< Every bit as sent; kStaleBits marks a stale marker.
  double count = 0;
  double zero_count = 0;
  uint64_t integer_count = 0;
  uint64_t integer_zero_count = 0;
  std::vector<BucketSpan> positive_spans;
  std::vector<BucketSpan> negative_spans;
  std::vector<double> positive;  ///< Shape [sum of span lengths].
  std::vector<double> negative;
  std::vector<int64_t> integer_positive;  ///< Shape [sum of span lengths].
  std::vector<int64_t> integer_negative;
  std::vector<double> custom_bounds;  ///< Upper bounds, ascending; the last bucket ends at +Inf.
};

/// Histograms that are made when they are asked for. Immutable; safe to use from several threads.
class HistogramSource {
 public:
  virtual ~HistogramSource() = default;
  /// Make a histogram. \param out  Replaced; its memory is used again.
  virtual void Make(size_t row, NativeHistogram* out) const = 0;
  /// Spans, bucket counts and custom bounds that it has together.
  virtual size_t Numbers(size_t row) const = 0;
};

/// One native histogram sample of a series.
struct HistogramSample {
  int64_t time_ms = 0;
  int64_t start_ms = 0;  ///< 0 = unknown.
  /// Shared where equal. Null only where SelectRequest::make_histograms was false and there is a
  /// source instead.
  std::shared_ptr<const NativeHistogram> histogram = nullptr;
  const HistogramSource* source = nullptr;  ///< Borrowed as the sample is.
  size_t row = 0;                           ///< Of the source.
};

/// Give a sample's histogram. \param made  Where it is made if there is none.
inline const NativeHistogram& HistogramOf(const HistogramSample& sample, NativeHistogram* made) {
  if (sample.histogram != nullptr) return *sample.histogram;
  sample.source->Make(sample.row, made);
  return *made;
}

/// The samples of one series in one time range, borrowed from a SampleBatch.
///
/// At one time a series has a float or a histogram sample, never both.
struct SeriesSamples {
  LabelsView labels;
  std::shared_ptr<const TimestampVector> time_ms;    ///< Shape [n]; shared where equal; never null.
  std::span<const double> value;                     ///< Shape [n]; every bit as sent.
  std::span<const int64_t> start_ms;                 ///< Shape [n] or empty; 0 = unknown.
  std::span<const HistogramSample> histograms = {};  ///< Shape [m], by time; usually empty.
};

/// Some series with all their samples in the asked range, in file order (see docs/format).
struct SampleBatch {
  std::vector<SeriesSamples> series;
  std::shared_ptr<const void> storage;  ///< Keeps what `series` borrows alive.
};

/// What an answer cost.
struct ReadStats {
  int64_t files_considered = 0;  ///< Live files of the table.
  int64_t files_read = 0;        ///< Files of which any byte was needed.
  int64_t pages_read = 0;        ///< Data and dictionary pages decoded.
  int64_t bytes_read = 0;        ///< Bytes asked of the file system, footers and indexes included.
  int64_t samples_decoded = 0;   ///< Rows decoded, wanted or not.
  int64_t head_samples = 0;      ///< Samples taken from memory.
  int64_t series = 0;            ///< Series in the answer.
  int64_t samples = 0;           ///< Samples in the answer, floats and histograms.
};

/// A stream of batches; each series comes whole and once. Not safe to use from two threads.
class SampleStream {
 public:
  virtual ~SampleStream() = default;
  /// Read the next batch; one without series marks the end.
  ///
  /// \retval kCorrupt  A listed file is missing. What is damaged is left out: see warnings().
  /// \retval kTimeout, kCancelled, kLimit  As set in the request.
  virtual arrow::Result<SampleBatch> Next() = 0;
  /// What was read so far.
  virtual const ReadStats& stats() const = 0;
  /// What is missing from the answer so far because a file is damaged; each names the file.
  virtual std::vector<std::string> warnings() const { return {}; }
};

}  // namespace larnax
