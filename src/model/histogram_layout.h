#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "larnax/samples.h"

namespace larnax::model {

/// Why a native histogram's buckets cannot be told. Whatever has kNone may be given to
/// FloatHistogram::FromNative; anything else would be resolved to buckets that do not exist.
enum class LayoutFault : uint8_t {
  kNone,
  kSchema,         ///< Not -4..52 and not NativeHistogram::kCustomBounds.
  kBounds,         ///< Unordered, not finite, too few for the spans, or with what has none.
  kPositiveSpans,  ///< They overlap, hold other than the buckets there are, or lie too far out.
  kNegativeSpans,  ///< The same.
};

/// The spans of one sign, taken up one by one as they are read.
class SpanTally {
 public:
  void Add(int64_t offset, uint64_t length) {
    if (count_ == 0) {
      begin_ = offset;
    } else if (offset < 0) {
      overlaps_ = true;
    }
    ++count_;
    end_ += offset + static_cast<int64_t>(length);
    buckets_ += length;
  }

  uint64_t count() const { return count_; }
  /// They ascend and hold so many buckets.
  bool Holds(uint64_t buckets) const { return !overlaps_ && buckets_ == buckets; }
  int64_t begin() const { return begin_; }  ///< First index; 0 without spans.
  int64_t end() const { return end_; }      ///< Behind the last index.

 private:
  uint64_t count_ = 0;
  uint64_t buckets_ = 0;
  int64_t begin_ = 0;
  int64_t end_ = 0;
  bool overlaps_ = false;
};

/// Custom bounds, taken up one by one as they are read.
class BoundTally {
 public:
  void Add(double bound) {
    ++count_;
    // Written so that NaN is bad too.
    if (!(bound > last_)) ascend_ = false;
    last_ = bound;
  }

  uint64_t count() const { return count_; }
  /// They are finite and ascend.
  bool AreOrdered() const { return ascend_ && last_ < std::numeric_limits<double>::infinity(); }

 private:
  uint64_t count_ = 0;
  double last_ = -std::numeric_limits<double>::infinity();
  bool ascend_ = true;
};

/// What says where the buckets of a histogram lie.
struct HistogramLayout {
  int64_t schema = 0;
  SpanTally positive;
  SpanTally negative;
  uint64_t positive_buckets = 0;  ///< Counts that there are.
  uint64_t negative_buckets = 0;
  BoundTally bounds;
};

/// Check a layout before it is kept or used: the one rule of what arrives and what is read from
/// files. Counts are not looked at, nor is the zero bucket.
LayoutFault CheckLayout(const HistogramLayout& layout);
LayoutFault CheckLayout(const NativeHistogram& histogram);

}  // namespace larnax::model
