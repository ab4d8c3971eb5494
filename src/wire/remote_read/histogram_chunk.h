#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "larnax/samples.h"
#include "wire/remote_read/bit_writer.h"

namespace larnax::wire {

/// Builds one chunk of native histograms in Prometheus' encodings HISTOGRAM (integer counts) and
/// FLOAT_HISTOGRAM. Reusable after Finish.
///
/// A chunk has one layout (schema, spans, bounds), and its reader takes every sample but the first
/// for one without a counter reset: samples that do not fit begin another chunk.
class HistogramChunk {
 public:
  /// Append a sample later than the one before; false, with nothing done, where it needs a chunk
  /// of its own.
  bool TryAppend(const HistogramSample& sample);
  int count() const { return count_; }
  size_t size_bytes() const { return bits_.size(); }
  /// Whether the counts are integers; of a chunk that is not empty.
  bool is_integer() const { return first_->is_integer; }
  /// Give the chunk's data.
  std::string Finish();

 private:
  bool Fits(const NativeHistogram& next) const;
  void WriteLayout(const NativeHistogram& histogram);
  void WriteFirst(const NativeHistogram& histogram);
  void WriteFirstBuckets(const NativeHistogram& histogram);
  void WriteNext(const NativeHistogram& histogram);

  // A number that is written as the change of its change.
  struct Integer {
    int64_t value = 0;
    int64_t delta = 0;
    void Start(int64_t first);
    void Write(int64_t next, BitWriter* out);
  };

  BitWriter bits_;
  int count_ = 0;
  std::shared_ptr<const NativeHistogram> first_;  // Has the layout of all.
  std::shared_ptr<const NativeHistogram> last_;
  Integer time_;
  Integer integer_count_;
  Integer integer_zero_count_;
  std::vector<Integer> integer_buckets_;  // Positive, then negative, each less its predecessor.
  XorWriter float_count_;
  XorWriter float_zero_count_;
  XorWriter sum_;
  std::vector<XorWriter> float_buckets_;
};

}  // namespace larnax::wire
