#pragma once

// Readers of Prometheus' chunks for tests: written from the format's description, with nothing of
// the encoders.

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "larnax/samples.h"

namespace larnax::wire::testing {

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Bits(int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      if (at_ / 8 >= bytes_.size()) {
        failed_ = true;
        return 0;
      }
      const auto byte = static_cast<uint8_t>(bytes_[at_ / 8]);
      value = value << 1 | (byte >> (7 - at_ % 8) & 1U);
    }
    return value;
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = Bits(8);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  // `n` bits with Prometheus' sign: of the upper half only what is past 2^(n-1) is negative.
  int64_t Signed(int count) {
    const uint64_t value = Bits(count);
    if (count == 64) return static_cast<int64_t>(value);
    const uint64_t half = uint64_t{1} << (count - 1);
    return value > half ? static_cast<int64_t>(value - 2 * half) : static_cast<int64_t>(value);
  }
  int Ones(int most) {
    int count = 0;
    while (count < most && Bits(1) == 1) ++count;
    return count;
  }
  int64_t VarbitInt() {
    constexpr int kWidths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
    const int ones = Ones(8);
    return ones == 0 ? 0 : Signed(kWidths[ones]);
  }
  uint64_t VarbitUint() {
    constexpr int kWidths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
    return Bits(kWidths[Ones(8)]);
  }
  double Float() { return std::bit_cast<double>(Bits(64)); }
  bool failed() const { return failed_; }
  /// Whether less than a byte is left.
  bool AtEnd() const { return at_ / 8 + (at_ % 8 == 0 ? 0 : 1) == bytes_.size(); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;  // In bits.
  bool failed_ = false;
};

// A float that is written as a difference in bits.
struct XorReader {
  uint64_t bits = 0;
  int leading = 0;
  int significant = 0;

  double Read(BitReader* in) {
    if (in->Bits(1) == 1) {
      if (in->Bits(1) == 1) {
        leading = static_cast<int>(in->Bits(5));
        significant = static_cast<int>(in->Bits(6));
        if (significant == 0) significant = 64;
      }
      bits ^= in->Bits(significant) << (64 - leading - significant);
    }
    return std::bit_cast<double>(bits);
  }
};

/// Times and values of an XOR chunk; none where it is malformed.
inline std::optional<std::vector<std::pair<int64_t, double>>> ReadXorChunk(std::string_view data) {
  BitReader in(data);
  const auto count = static_cast<int>(in.Bits(16));
  std::vector<std::pair<int64_t, double>> samples;
  uint64_t time = 0;
  uint64_t delta = 0;
  XorReader value;
  for (int i = 0; i < count && !in.failed(); ++i) {
    if (i == 0) {
      const uint64_t zigzag = in.Varint();
      time = zigzag >> 1 ^ (0 - (zigzag & 1));
      value.bits = in.Bits(64);
      samples.emplace_back(static_cast<int64_t>(time), std::bit_cast<double>(value.bits));
      continue;
    }
    constexpr int kWidths[] = {0, 14, 17, 20, 64};
    if (i == 1) {
      delta = in.Varint();
    } else if (const int ones = in.Ones(4); ones > 0) {
      delta += static_cast<uint64_t>(in.Signed(kWidths[ones]));
    }
    time += delta;
    const double read = value.Read(&in);
    samples.emplace_back(static_cast<int64_t>(time), read);
  }
  if (in.failed() || !in.AtEnd()) return std::nullopt;
  return samples;
}

/// What a histogram chunk holds, read back.
class HistogramChunkReader {
 public:
  HistogramChunkReader(std::string_view data, bool is_integer)
      : in_(data), is_integer_(is_integer) {}

  /// The samples; none where the chunk is malformed.
  std::optional<std::vector<std::pair<int64_t, NativeHistogram>>> Read() {
    const auto count = static_cast<int>(in_.Bits(16));
    constexpr CounterResetHint kHints[] = {CounterResetHint::kUnknown, CounterResetHint::kNotReset,
                                           CounterResetHint::kReset, CounterResetHint::kGauge};
    const CounterResetHint first_hint = kHints[in_.Bits(2)];
    in_.Bits(6);
    ReadLayout();
    std::vector<std::pair<int64_t, NativeHistogram>> samples;
    for (int i = 0; i < count && !in_.failed(); ++i) {
      NativeHistogram histogram = i == 0 ? ReadFirst() : ReadNext();
      const bool is_gauge = first_hint == CounterResetHint::kGauge;
      histogram.counter_reset_hint = i == 0 || is_gauge ? first_hint : CounterResetHint::kNotReset;
      samples.emplace_back(static_cast<int64_t>(time_.value), std::move(histogram));
    }
    if (in_.failed() || !in_.AtEnd()) return std::nullopt;
    return samples;
  }

 private:
  struct Number {
    uint64_t value = 0;
    uint64_t delta = 0;
    uint64_t Next(BitReader* in) {
      delta += static_cast<uint64_t>(in->VarbitInt());
      return value += delta;
    }
  };

  std::vector<BucketSpan> ReadSpans(size_t* buckets) {
    std::vector<BucketSpan> spans(in_.VarbitUint());
    for (BucketSpan& span : spans) {
      span.length = static_cast<uint32_t>(in_.VarbitUint());
      span.offset = static_cast<int32_t>(in_.VarbitInt());
      *buckets += span.length;
    }
    return spans;
  }

  void ReadLayout() {
    const auto threshold = static_cast<int>(in_.Bits(8));
    if (threshold == 255) {
      layout_.zero_threshold = in_.Float();
    } else if (threshold > 0) {
      // Powers of two, by their bits.
      layout_.zero_threshold =
          std::bit_cast<double>(static_cast<uint64_t>(threshold - 244 + 1023) << 52);
    }
    layout_.schema = static_cast<int32_t>(in_.VarbitInt());
    layout_.positive_spans = ReadSpans(&positive_count_);
    layout_.negative_spans = ReadSpans(&negative_count_);
    if (layout_.schema != NativeHistogram::kCustomBounds) return;
    layout_.custom_bounds.resize(in_.VarbitUint());
    for (double& bound : layout_.custom_bounds) {
      const uint64_t thousandths = in_.VarbitUint();
      bound = thousandths == 0 ? in_.Float() : static_cast<double>(thousandths - 1) / 1000;
    }
  }

  static bool IsStale(const NativeHistogram& histogram) {
    return std::bit_cast<uint64_t>(histogram.sum) == kStaleBits;
  }

  NativeHistogram ReadFirst() {
    NativeHistogram histogram = layout_;
    histogram.is_integer = is_integer_;
    time_.value = static_cast<uint64_t>(in_.VarbitInt());
    if (is_integer_) {
      histogram.integer_count = count_.value = in_.VarbitUint();
      histogram.integer_zero_count = zero_count_.value = in_.VarbitUint();
    } else {
      histogram.count = std::bit_cast<double>(float_count_.bits = in_.Bits(64));
      histogram.zero_count = std::bit_cast<double>(float_zero_count_.bits = in_.Bits(64));
    }
    histogram.sum = std::bit_cast<double>(sum_.bits = in_.Bits(64));
    const size_t buckets = positive_count_ + negative_count_;
    for (size_t i = 0; i < buckets && !in_.failed(); ++i) {
      if (is_integer_) {
        buckets_.emplace_back().value = static_cast<uint64_t>(in_.VarbitInt());
      } else {
        float_buckets_.emplace_back().bits = in_.Bits(64);
      }
    }
    SetBuckets(&histogram);
    return histogram;
  }

  NativeHistogram ReadNext() {
    NativeHistogram histogram = layout_;
    histogram.is_integer = is_integer_;
    time_.Next(&in_);
    if (is_integer_) {
      histogram.integer_count = count_.Next(&in_);
      histogram.integer_zero_count = zero_count_.Next(&in_);
    } else {
      histogram.count = float_count_.Read(&in_);
      histogram.zero_count = float_zero_count_.Read(&in_);
    }
    histogram.sum = sum_.Read(&in_);
    if (IsStale(histogram)) {
      NativeHistogram stale;
      stale.is_integer = is_integer_;
      stale.sum = histogram.sum;
      return stale;
    }
    for (Number& bucket : buckets_) bucket.Next(&in_);
    for (XorReader& bucket : float_buckets_) bucket.Read(&in_);
    SetBuckets(&histogram);
    return histogram;
  }

  void SetBuckets(NativeHistogram* histogram) const {
    uint64_t sum = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      if (i == positive_count_) sum = 0;
      sum += buckets_[i].value;
      (i < positive_count_ ? histogram->integer_positive : histogram->integer_negative)
          .push_back(static_cast<int64_t>(sum));
    }
    for (size_t i = 0; i < float_buckets_.size(); ++i) {
      (i < positive_count_ ? histogram->positive : histogram->negative)
          .push_back(std::bit_cast<double>(float_buckets_[i].bits));
    }
  }

  BitReader in_;
  bool is_integer_;
  NativeHistogram layout_;
  size_t positive_count_ = 0;
  size_t negative_count_ = 0;
  Number time_;
  Number count_;
  Number zero_count_;
  std::vector<Number> buckets_;
  XorReader float_count_;
  XorReader float_zero_count_;
  XorReader sum_;
  std::vector<XorReader> float_buckets_;
};

/// One field of a protobuf message; `number` holds varints and 64-bit values.
struct Field {
  uint32_t id = 0;
  uint64_t number = 0;
  std::string_view bytes;
};

/// The fields of a well-formed message.
inline std::vector<Field> ReadFields(std::string_view message) {
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0; at < message.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(message[at++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  std::vector<Field> fields;
  while (at < message.size()) {
    const uint64_t key = varint();
    Field field;
    field.id = static_cast<uint32_t>(key >> 3);
    if ((key & 7) == 0) {
      field.number = varint();
    } else if ((key & 7) == 1) {
      for (int i = 0; i < 8; ++i) {
        field.number |= static_cast<uint64_t>(static_cast<uint8_t>(message[at++])) << (8 * i);
      }
    } else {
      const size_t size = varint();
      field.bytes = message.substr(at, size);
      at += size;
    }
    fields.push_back(field);
  }
  return fields;
}

}  // namespace larnax::wire::testing
