// A chunk: 16 bits sample count, then bits without gaps.
//   sample 0   varint time, 64 bits value
//   sample 1   uvarint time delta, XOR value
//   later      change of the time delta: 0 | 10 +14 | 110 +17 | 1110 +20 | 1111 +64 bits, XOR value
#include "wire/remote_read/xor_chunk.h"

#include "base/check.h"
#include "base/varint.h"

namespace larnax::wire {

namespace {

constexpr int kMaxCount = 65535;

void PutDeltaChange(int64_t change, BitWriter* out) {
  const auto bits = static_cast<uint64_t>(change);
  if (change == 0) {
    out->Bit(false);
  } else if (FitsBits(change, 14)) {
    out->Bits(0b10, 2);
    out->Bits(bits, 14);
  } else if (FitsBits(change, 17)) {
    out->Bits(0b110, 3);
    out->Bits(bits, 17);
  } else if (FitsBits(change, 20)) {
    out->Bits(0b1110, 4);
    out->Bits(bits, 20);
  } else {
    out->Bits(0b1111, 4);
    out->Bits(bits, 64);
  }
}

}  // namespace

void XorChunk::Append(int64_t time_ms, double value) {
  LARNAX_DCHECK(count_ == 0 || time_ms > time_ms_);
  LARNAX_CHECK(count_ < kMaxCount);
  const int64_t delta_ms = time_ms - time_ms_;
  if (count_ == 0) {
    bits_.Bits(0, 16);  // The count, set in Finish.
    bits_.Varint(base::ZigZag(time_ms));
    bits_.Bits(std::bit_cast<uint64_t>(value), 64);
    value_ = XorWriter();
    value_.Start(value);
  } else {
    if (count_ == 1) {
      bits_.Varint(static_cast<uint64_t>(delta_ms));
    } else {
      PutDeltaChange(delta_ms - delta_ms_, &bits_);
    }
    value_.Write(value, &bits_);
    delta_ms_ = delta_ms;
  }
  time_ms_ = time_ms;
  ++count_;
}

std::string XorChunk::Finish() {
  std::string data = bits_.Finish();
  data[0] = static_cast<char>(count_ >> 8);
  data[1] = static_cast<char>(count_);
  count_ = 0;
  return data;
}

}  // namespace larnax::wire
