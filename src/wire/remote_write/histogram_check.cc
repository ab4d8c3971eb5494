#include "wire/remote_write/histogram_check.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/varint.h"
#include "larnax/samples.h"
#include "model/histogram_layout.h"
#include "wire/remote_write/message_reader.h"

namespace larnax::wire {

namespace {

using enum WireType;

// One sign, summed up as it is read.
struct Side {
  model::SpanTally spans;
  uint64_t delta_count = 0;
  int64_t running = 0;  // The current integer bucket.
  unsigned __int128 integer_sum = 0;
  uint64_t float_count = 0;
  bool negative_bucket = false;

  void AddDelta(int64_t delta) {
    ++delta_count;
    if (__builtin_add_overflow(running, delta, &running) || running < 0) {
      negative_bucket = true;
      running = 0;
    }
    integer_sum += static_cast<uint64_t>(running);
  }
  void AddCount(double count) {
    ++float_count;
    if (count < 0) negative_bucket = true;
  }
};

struct Histogram {
  bool is_float = false;
  uint64_t count_int = 0;
  double count_float = 0;
  double sum = 0;
  int64_t schema = 0;
  double zero_threshold = 0;
  bool zero_is_float = false;
  uint64_t zero_int = 0;
  double zero_float = 0;
  Side negative;
  Side positive;
  model::BoundTally bounds;
};

bool ReadSpan(MessageReader* reader, Side* side) {
  std::string_view bytes;
  if (!reader->Bytes(&bytes)) return false;
  MessageReader span(bytes);
  int64_t offset = 0;
  uint64_t length = 0;
  while (!span.AtEnd()) {
    uint32_t key = 0;
    uint64_t number = 0;
    if (!span.Key(&key)) break;
    const bool is_offset = key == FieldKey(1, kVarint);
    if (is_offset || key == FieldKey(2, kVarint)) {
      if (!span.Varint(&number)) break;
      // Both fields have 32 bits; more are cut off, as protobuf's own decoders do.
      const auto low = static_cast<uint32_t>(number);
      if (is_offset) {
        offset = base::UnZigZag(low);
      } else {
        length = low;
      }
    } else if (!span.Skip(key)) {
      break;
    }
  }
  if (!span.AtEnd()) reader->MoveTo(span.at());
  side->spans.Add(offset, length);
  return span.AtEnd();
}

// Calls `add` for each number of a repeated field, packed.
template <typename Add>
bool ReadPacked(MessageReader* reader, bool fixed, Add add) {
  std::string_view bytes;
  if (!reader->Bytes(&bytes)) return false;
  MessageReader items(bytes);
  uint64_t number = 0;
  while (!items.AtEnd()) {
    if (!(fixed ? items.Fixed64(&number) : items.Varint(&number))) {
      reader->MoveTo(items.at());
      return false;
    }
    add(number);
  }
  return true;
}

bool ReadFixed(MessageReader* reader, double* value) {
  uint64_t bits = 0;
  if (!reader->Fixed64(&bits)) return false;
  *value = std::bit_cast<double>(bits);
  return true;
}

bool ReadSigned(MessageReader* reader, int64_t* value) {
  uint64_t number = 0;
  if (!reader->Varint(&number)) return false;
  *value = static_cast<int64_t>(number);
  return true;
}

// Repeated numbers may stand packed or one by one, whatever the schema says.
bool ReadBuckets(uint32_t key, MessageReader* reader, Histogram* histogram) {
  const uint32_t field = key >> 3;
  Side* const side = field <= 10 ? &histogram->negative : &histogram->positive;
  const auto add_delta = [side](uint64_t number) { side->AddDelta(base::UnZigZag(number)); };
  const auto add_count = [side](uint64_t bits) { side->AddCount(std::bit_cast<double>(bits)); };
  const auto add_bound = [histogram](uint64_t bits) {
    histogram->bounds.Add(std::bit_cast<double>(bits));
  };
  uint64_t number = 0;
  switch (key) {
    case FieldKey(8, kBytes):
    case FieldKey(11, kBytes):
      return ReadSpan(reader, side);
    case FieldKey(9, kBytes):
    case FieldKey(12, kBytes):
      return ReadPacked(reader, false, add_delta);
    case FieldKey(9, kVarint):
    case FieldKey(12, kVarint):
      if (!reader->Varint(&number)) return false;
      add_delta(number);
      return true;
    case FieldKey(10, kBytes):
    case FieldKey(13, kBytes):
      return ReadPacked(reader, true, add_count);
    case FieldKey(10, kFixed64):
    case FieldKey(13, kFixed64):
      if (!reader->Fixed64(&number)) return false;
      add_count(number);
      return true;
    case FieldKey(16, kBytes):
      return ReadPacked(reader, true, add_bound);
    case FieldKey(16, kFixed64):
      if (!reader->Fixed64(&number)) return false;
      add_bound(number);
      return true;
    default:
      // A field known here but written as another type is broken, one not known is skipped.
      return ((field < 8 || field > 13) && field != 16) && reader->Skip(key);
  }
}

bool ReadField(uint32_t key, MessageReader* reader, Histogram* histogram,
               DecodedHistogram* result) {
  uint64_t number = 0;
  switch (key) {
    case FieldKey(1, kVarint):
      histogram->is_float = false;
      return reader->Varint(&histogram->count_int);
    case FieldKey(2, kFixed64):
      histogram->is_float = true;
      return ReadFixed(reader, &histogram->count_float);
    case FieldKey(3, kFixed64):
      return ReadFixed(reader, &histogram->sum);
    case FieldKey(4, kVarint):
      if (!reader->Varint(&number)) return false;
      histogram->schema = base::UnZigZag(static_cast<uint32_t>(number));
      return true;
    case FieldKey(5, kFixed64):
      return ReadFixed(reader, &histogram->zero_threshold);
    case FieldKey(6, kVarint):
      histogram->zero_is_float = false;
      return reader->Varint(&histogram->zero_int);
    case FieldKey(7, kFixed64):
      histogram->zero_is_float = true;
      return ReadFixed(reader, &histogram->zero_float);
    case FieldKey(14, kVarint):
      return reader->Varint(&number);
    case FieldKey(15, kVarint):
      return ReadSigned(reader, &result->time_ms);
    case FieldKey(17, kVarint):
      if (!ReadSigned(reader, &result->start_ms)) return false;
      result->start_ms = KnownStart(result->start_ms);
      return true;
    default:
      if (const uint32_t field = key >> 3;
          field <= 7 || field == 14 || field == 15 || field == 17) {
        return false;
      }
      return ReadBuckets(key, reader, histogram);
  }
}

RejectReason CheckBuckets(const Histogram& histogram) {
  const auto buckets = [&](const Side& side) {
    return histogram.is_float ? side.float_count : side.delta_count;
  };
  const model::LayoutFault fault =
      model::CheckLayout({.schema = histogram.schema,
                          .positive = histogram.positive.spans,
                          .negative = histogram.negative.spans,
                          .positive_buckets = buckets(histogram.positive),
                          .negative_buckets = buckets(histogram.negative),
                          .bounds = histogram.bounds});
  switch (fault) {
    case model::LayoutFault::kSchema:
      return RejectReason::kHistogramSchema;
    case model::LayoutFault::kBounds:
      return RejectReason::kHistogramBounds;
    case model::LayoutFault::kPositiveSpans:
    case model::LayoutFault::kNegativeSpans:
      return RejectReason::kHistogramSpans;
    case model::LayoutFault::kNone:
      break;
  }
  return histogram.negative.negative_bucket || histogram.positive.negative_bucket
             ? RejectReason::kHistogramNegativeBucket
             : RejectReason::kNone;
}

RejectReason CheckZeroBucket(const Histogram& histogram) {
  const double threshold = histogram.zero_threshold;
  if (histogram.schema == NativeHistogram::kCustomBounds) {
    const bool has_zero = threshold != 0 || histogram.zero_int != 0 ||
                          (histogram.zero_is_float && histogram.zero_float != 0);
    return has_zero ? RejectReason::kHistogramBounds : RejectReason::kNone;
  }
  // Prometheus takes any. But a zero bucket that ends nowhere cannot be added to another.
  return threshold >= 0 && std::isfinite(threshold) ? RejectReason::kNone
                                                    : RejectReason::kHistogramZeroThreshold;
}

RejectReason CheckCount(const Histogram& histogram) {
  const Side& negative = histogram.negative;
  const Side& positive = histogram.positive;
  if (!histogram.is_float) {
    const auto total = negative.integer_sum + positive.integer_sum + histogram.zero_int;
    // With a NaN observed, which no bucket holds, the count is above the buckets.
    const bool fits =
        std::isnan(histogram.sum) ? total <= histogram.count_int : total == histogram.count_int;
    return fits ? RejectReason::kNone : RejectReason::kHistogramCount;
  }
  // Sums of floats do not meet, and what recording rules compute need not: no check of the count.
  return histogram.count_float < 0 || histogram.zero_float < 0
             ? RejectReason::kHistogramNegativeBucket
             : RejectReason::kNone;
}

bool IsTooLarge(const Histogram& histogram) {
  const auto too_large = [](const Side& side) {
    return std::max({side.spans.count(), side.delta_count, side.float_count}) >
           NativeHistogram::kMaxBuckets;
  };
  return too_large(histogram.negative) || too_large(histogram.positive) ||
         histogram.bounds.count() > NativeHistogram::kMaxBuckets;
}

RejectReason Check(const Histogram& histogram) {
  if (IsTooLarge(histogram)) return RejectReason::kHistogramSize;
  const Side& negative = histogram.negative;
  const Side& positive = histogram.positive;
  const bool has_deltas = negative.delta_count + positive.delta_count != 0;
  const bool has_counts = negative.float_count + positive.float_count != 0;
  const bool other_zero = histogram.is_float ? histogram.zero_int != 0 : histogram.zero_float != 0;
  if ((histogram.is_float ? has_deltas : has_counts) || other_zero) {
    return RejectReason::kHistogramMixed;
  }
  for (const auto check : {CheckBuckets, CheckZeroBucket, CheckCount}) {
    if (const RejectReason reason = check(histogram); reason != RejectReason::kNone) return reason;
  }
  return RejectReason::kNone;
}

}  // namespace

bool CheckHistogram(std::string_view message, DecodedHistogram* result, const uint8_t** broken_at) {
  MessageReader reader(message);
  Histogram histogram;
  *result = {};
  while (!reader.AtEnd()) {
    uint32_t key = 0;
    if (!reader.Key(&key) || !ReadField(key, &reader, &histogram, result)) {
      *broken_at = reader.at();
      return false;
    }
  }
  result->message = message;
  result->stale = std::bit_cast<uint64_t>(histogram.sum) == kStaleBits;
  result->rejection = Check(histogram);
  return true;
}

}  // namespace larnax::wire
