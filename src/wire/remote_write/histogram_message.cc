#include "wire/remote_write/histogram_message.h"

#include <bit>
#include <utility>
#include <vector>

#include "base/varint.h"
#include "larnax/error.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/histogram_check.h"
#include "wire/remote_write/message_reader.h"

namespace larnax::wire {
namespace {

using enum WireType;

// Reads the fields of a message that CheckHistogram has accepted: bytes are well-formed, and each
// field has its type.
class Decoder {
 public:
  explicit Decoder(std::string_view message) : reader_(message) {
    // A message without any count is one of integers, as the protocols' own types have it.
    result_.histogram.is_integer = true;
  }

  HistogramMessage Read() {
    uint32_t key = 0;
    while (!reader_.AtEnd() && reader_.Key(&key)) ReadField(key);
    NativeHistogram& histogram = result_.histogram;
    if (histogram.is_integer) {
      MakeAbsolute(&histogram.integer_positive);
      MakeAbsolute(&histogram.integer_negative);
      // What a sender may write of the other kind is zero, or it had been rejected.
      histogram.zero_count = 0;
    } else {
      histogram.integer_zero_count = 0;
    }
    return std::move(result_);
  }

 private:
  static void MakeAbsolute(std::vector<int64_t>* buckets) {
    int64_t running = 0;
    for (int64_t& bucket : *buckets) bucket = running += bucket;
  }

  uint64_t Number() {
    uint64_t number = 0;
    (void)reader_.Varint(&number);
    return number;
  }
  double Fixed() {
    uint64_t bits = 0;
    (void)reader_.Fixed64(&bits);
    return std::bit_cast<double>(bits);
  }

  void ReadSpan(std::vector<BucketSpan>* spans) {
    std::string_view bytes;
    (void)reader_.Bytes(&bytes);
    MessageReader span(bytes);
    BucketSpan& result = spans->emplace_back();
    uint32_t key = 0;
    while (!span.AtEnd() && span.Key(&key)) {
      uint64_t number = 0;
      if (key == FieldKey(1, kVarint)) {
        (void)span.Varint(&number);
        result.offset = static_cast<int32_t>(base::UnZigZag(static_cast<uint32_t>(number)));
      } else if (key == FieldKey(2, kVarint)) {
        (void)span.Varint(&number);
        result.length = static_cast<uint32_t>(number);
      } else {
        (void)span.Skip(key);
      }
    }
  }

  void ReadDeltas(uint32_t key, std::vector<int64_t>* out) {
    if (static_cast<WireType>(key & 7) == kVarint) {
      out->push_back(base::UnZigZag(Number()));
      return;
    }
    std::string_view bytes;
    (void)reader_.Bytes(&bytes);
    MessageReader items(bytes);
    uint64_t number = 0;
    while (!items.AtEnd() && items.Varint(&number)) out->push_back(base::UnZigZag(number));
  }

  void ReadDoubles(uint32_t key, std::vector<double>* out) {
    if (static_cast<WireType>(key & 7) == kFixed64) {
      out->push_back(Fixed());
      return;
    }
    std::string_view bytes;
    (void)reader_.Bytes(&bytes);
    MessageReader items(bytes);
    uint64_t bits = 0;
    while (!items.AtEnd() && items.Fixed64(&bits)) out->push_back(std::bit_cast<double>(bits));
  }

  void ReadField(uint32_t key) {
    NativeHistogram& histogram = result_.histogram;
    switch (key >> 3) {
      case 1:
        histogram.is_integer = true;
        histogram.count = 0;
        histogram.integer_count = Number();
        return;
      case 2:
        histogram.is_integer = false;
        histogram.integer_count = 0;
        histogram.count = Fixed();
        return;
      case 3:
        histogram.sum = Fixed();
        return;
      case 4:
        histogram.schema = static_cast<int32_t>(base::UnZigZag(static_cast<uint32_t>(Number())));
        return;
      case 5:
        histogram.zero_threshold = Fixed();
        return;
      case 6:
        histogram.integer_zero_count = Number();
        return;
      case 7:
        histogram.zero_count = Fixed();
        return;
      case 14:
        histogram.counter_reset_hint = ToHint(Number());
        return;
      case 15:
        result_.time_ms = static_cast<int64_t>(Number());
        return;
      case 17:
        result_.start_ms = KnownStart(static_cast<int64_t>(Number()));
        return;
      default:
        ReadBuckets(key);
    }
  }

  void ReadBuckets(uint32_t key) {
    NativeHistogram& histogram = result_.histogram;
    switch (key >> 3) {
      case 8:
        return ReadSpan(&histogram.negative_spans);
      case 9:
        return ReadDeltas(key, &histogram.integer_negative);
      case 10:
        return ReadDoubles(key, &histogram.negative);
      case 11:
        return ReadSpan(&histogram.positive_spans);
      case 12:
        return ReadDeltas(key, &histogram.integer_positive);
      case 13:
        return ReadDoubles(key, &histogram.positive);
      case 16:
        return ReadDoubles(key, &histogram.custom_bounds);
      default:
        (void)reader_.Skip(key);
    }
  }

  static CounterResetHint ToHint(uint64_t number) {
    return number <= static_cast<uint64_t>(CounterResetHint::kGauge)
               ? static_cast<CounterResetHint>(number)
               : CounterResetHint::kUnknown;
  }

  MessageReader reader_;
  HistogramMessage result_;
};

std::vector<int64_t> Deltas(const std::vector<int64_t>& buckets) {
  std::vector<int64_t> deltas;
  deltas.reserve(buckets.size());
  uint64_t previous = 0;
  for (const int64_t bucket : buckets) {
    // Wraps, as the decoder's sum does where it accepts it.
    deltas.push_back(static_cast<int64_t>(static_cast<uint64_t>(bucket) - previous));
    previous = static_cast<uint64_t>(bucket);
  }
  return deltas;
}

}  // namespace

arrow::Result<HistogramMessage> DecodeHistogram(std::string_view message) {
  DecodedHistogram checked;
  const uint8_t* broken_at = nullptr;
  if (!CheckHistogram(message, &checked, &broken_at)) {
    return MakeError(ErrorKind::kBadSample, "broken protobuf in histogram");
  }
  if (checked.rejection != RejectReason::kNone) {
    return MakeError(ErrorKind::kBadSample, RejectReasonText(checked.rejection));
  }
  return Decoder(message).Read();
}

std::string EncodeHistogram(const NativeHistogram& histogram, int64_t time_ms, int64_t start_ms) {
  HistogramFields fields;
  fields.is_float = !histogram.is_integer;
  fields.count_int = histogram.integer_count;
  fields.count_float = histogram.count;
  fields.sum = histogram.sum;
  fields.schema = histogram.schema;
  fields.zero_threshold = histogram.zero_threshold;
  fields.zero_count_int = histogram.integer_zero_count;
  fields.zero_count_float = histogram.zero_count;
  fields.negative_spans = histogram.negative_spans;
  fields.negative_deltas = Deltas(histogram.integer_negative);
  fields.negative_counts = histogram.negative;
  fields.positive_spans = histogram.positive_spans;
  fields.positive_deltas = Deltas(histogram.integer_positive);
  fields.positive_counts = histogram.positive;
  fields.reset_hint = static_cast<uint32_t>(histogram.counter_reset_hint);
  fields.custom_bounds = histogram.custom_bounds;
  fields.time_ms = time_ms;
  fields.start_ms = start_ms;
  return EncodeHistogram(fields);
}

}  // namespace larnax::wire
