#include "columns/format/encodings.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/varint.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

constexpr int kDeltaBlock = 128;
constexpr int kDeltaParts = 4;
constexpr int kDeltaPart = kDeltaBlock / kDeltaParts;
// Literals are written in groups of 8; flushing now and then keeps the buffer small.
constexpr size_t kMaxLiterals = 4096;

arrow::Status Corrupt(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("cannot decode ") + what);
}

/// Appends values of a fixed bit width, lowest bit first.
class BitWriter {
 public:
  explicit BitWriter(std::string* out) : out_(out) {}
  void Put(uint64_t value, int bits) {
    if (bits == 0) return;
    pending_ |= value << used_;
    if (used_ + bits >= 64) {
      AppendFixed(pending_, out_);
      const int taken = 64 - used_;
      pending_ = taken == 64 ? 0 : value >> taken;
      if (taken == bits) pending_ = 0;
      used_ = used_ + bits - 64;
    } else {
      used_ += bits;
    }
  }
  void Finish() {
    for (; used_ > 0; used_ -= 8) {
      out_->push_back(static_cast<char>(pending_));
      pending_ >>= 8;
    }
    used_ = 0;
  }

 private:
  std::string* out_;
  uint64_t pending_ = 0;
  int used_ = 0;
};

struct IndexRange {
  size_t begin;
  size_t end;
};

/// Read some of the values of `bits` each that begin at `at`, which has all their bytes.
template <typename Sink>
void UnpackBits(const uint8_t* at, size_t size_bytes, int bits, IndexRange values, Sink&& sink) {
  const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  const auto width = static_cast<size_t>(bits);
  size_t i = values.begin;
  // A load of 8 bytes holds a value of up to 57 bits wherever it begins.
  if (bits <= 57 && size_bytes >= 8) {
    const size_t safe =
        width == 0 ? values.end : std::min(values.end, (size_bytes - 8) * 8 / width);
    for (; i < safe; ++i) {
      uint64_t value;
      std::memcpy(&value, at + i * width / 8, 8);
      sink((value >> (i * width % 8)) & mask);
    }
  }
  for (; i < values.end; ++i) {
    const size_t byte = i * width / 8;
    const int shift = static_cast<int>(i * width % 8);
    uint64_t value = 0;
    std::memcpy(&value, at + byte, std::min<size_t>(8, size_bytes - byte));
    value >>= shift;
    if (shift + bits > 64) value |= static_cast<uint64_t>(at[byte + 8]) << (64 - shift);
    sink(value & mask);
  }
}

}  // namespace

void HybridEncoder::Put(uint32_t value, int64_t count) {
  const int value_bytes = (bit_width_ + 7) / 8;
  while (count > 0) {
    const size_t partial = literals_.size() % 8;
    if (partial == 0 && count * std::max(bit_width_, 1) >= 8 * (1 + value_bytes)) {
      FlushLiterals();
      base::PutVarint(static_cast<uint64_t>(count) << 1, out_);
      out_->append(reinterpret_cast<const char*>(&value), static_cast<size_t>(value_bytes));
      return;
    }
    const int64_t take = std::min<int64_t>(count, static_cast<int64_t>(8 - partial));
    literals_.insert(literals_.end(), static_cast<size_t>(take), value);
    count -= take;
    if (literals_.size() >= kMaxLiterals && literals_.size() % 8 == 0) FlushLiterals();
  }
}

void HybridEncoder::FlushLiterals() {
  if (literals_.empty()) return;
  LARNAX_DCHECK(literals_.size() % 8 == 0);
  base::PutVarint((literals_.size() / 8) << 1 | 1, out_);
  BitWriter writer(out_);
  for (const uint32_t value : literals_) writer.Put(value, bit_width_);
  writer.Finish();
  literals_.clear();
}

void HybridEncoder::Finish() {
  while (literals_.size() % 8 != 0) literals_.push_back(0);
  FlushLiterals();
}

arrow::Status DecodeHybrid(std::string_view bytes, int bit_width, int64_t count, uint32_t max_value,
                           std::vector<Run>* runs) {
  if (bit_width < 0 || bit_width > 32) return Corrupt("run lengths: bit width");
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* end = at + bytes.size();
  const auto value_bytes = static_cast<size_t>((bit_width + 7) / 8);
  while (count > 0) {
    uint64_t header = 0;
    at = base::GetVarint(at, end, &header);
    if (at == nullptr || header > std::numeric_limits<uint32_t>::max()) {
      return Corrupt("run lengths: cut off");
    }
    if ((header & 1) == 0) {
      const auto size = static_cast<int64_t>(header >> 1);
      uint32_t value = 0;
      if (static_cast<size_t>(end - at) < value_bytes || size == 0) {
        return Corrupt("run lengths: cut off");
      }
      std::memcpy(&value, at, value_bytes);
      at += value_bytes;
      if (value > max_value) return Corrupt("run lengths: value out of range");
      AppendRun(value, std::min(size, count), runs);
      count -= size;
      continue;
    }
    const uint64_t groups = header >> 1;
    const uint64_t size_bytes = groups * static_cast<uint64_t>(bit_width);
    if (groups == 0 || size_bytes > static_cast<uint64_t>(end - at)) {
      return Corrupt("run lengths: cut off");
    }
    const auto values = std::min<int64_t>(count, static_cast<int64_t>(groups * 8));
    bool in_range = true;
    UnpackBits(at, size_bytes, bit_width, {0, static_cast<size_t>(values)}, [&](uint64_t value) {
      in_range &= value <= max_value;
      AppendRun(static_cast<uint32_t>(value), 1, runs);
    });
    if (!in_range) return Corrupt("run lengths: value out of range");
    at += size_bytes;
    count -= values;
  }
  return arrow::Status::OK();
}

void AppendLevels(std::span<const Run> runs, int bit_width, std::string* out) {
  const size_t start = out->size();
  out->append(4, '\0');
  HybridEncoder encoder(bit_width, out);
  for (const Run& run : runs) encoder.Put(run.value, run.count);
  encoder.Finish();
  const auto size = static_cast<uint32_t>(out->size() - start - 4);
  std::memcpy(out->data() + start, &size, 4);
}

arrow::Status DecodeLevels(std::string_view* bytes, int bit_width, int64_t count,
                           uint32_t max_level, std::vector<Run>* runs) {
  uint32_t size = 0;
  if (bytes->size() < 4) return Corrupt("levels: cut off");
  std::memcpy(&size, bytes->data(), 4);
  if (size > bytes->size() - 4) return Corrupt("levels: cut off");
  ARROW_RETURN_NOT_OK(DecodeHybrid(bytes->substr(4, size), bit_width, count, max_level, runs));
  bytes->remove_prefix(4 + size);
  return arrow::Status::OK();
}

void AppendDelta(std::span<const int64_t> values, std::string* out) {
  base::PutVarint(kDeltaBlock, out);
  base::PutVarint(kDeltaParts, out);
  base::PutVarint(values.size(), out);
  base::PutVarint(base::ZigZag(values.empty() ? 0 : values[0]), out);
  std::array<uint64_t, kDeltaBlock> delta;
  for (size_t at = 1; at < values.size(); at += kDeltaBlock) {
    const size_t count = std::min<size_t>(kDeltaBlock, values.size() - at);
    int64_t smallest = std::numeric_limits<int64_t>::max();
    for (size_t i = 0; i < count; ++i) {
      // Unsigned, because differences may wrap; readers add with the same wrap.
      delta[i] = static_cast<uint64_t>(values[at + i]) - static_cast<uint64_t>(values[at + i - 1]);
      smallest = std::min(smallest, static_cast<int64_t>(delta[i]));
    }
    base::PutVarint(base::ZigZag(smallest), out);
    std::array<uint8_t, kDeltaParts> widths{};
    for (size_t i = 0; i < count; ++i) {
      delta[i] -= static_cast<uint64_t>(smallest);
      const auto width = static_cast<uint8_t>(BitWidthFor(delta[i]));
      widths[i / kDeltaPart] = std::max(widths[i / kDeltaPart], width);
    }
    out->append(reinterpret_cast<const char*>(widths.data()), widths.size());
    for (size_t part = 0; part * kDeltaPart < count; ++part) {
      BitWriter writer(out);
      for (size_t i = part * kDeltaPart; i < (part + 1) * kDeltaPart; ++i) {
        writer.Put(i < count ? delta[i] : 0, widths[part]);
      }
      writer.Finish();
    }
  }
}

arrow::Result<DeltaDecoder> DeltaDecoder::Open(std::string_view bytes, int64_t total) {
  DeltaDecoder decoder;
  decoder.at_ = reinterpret_cast<const uint8_t*>(bytes.data());
  decoder.end_ = decoder.at_ + bytes.size();
  uint64_t block = 0;
  uint64_t count = 0;
  uint64_t first = 0;
  for (uint64_t* header : {&block, &decoder.parts_, &count, &first}) {
    decoder.at_ = base::GetVarint(decoder.at_, decoder.end_, header);
    if (decoder.at_ == nullptr) return Corrupt("deltas: cut off");
  }
  const uint64_t parts = decoder.parts_;
  if (block == 0 || block % 128 != 0 || block > (1 << 20) || parts == 0 || parts > block / 32 ||
      block % parts != 0 || (block / parts) % 32 != 0 || count != static_cast<uint64_t>(total)) {
    return Corrupt("deltas: header");
  }
  decoder.part_size_ = block / parts;
  decoder.part_ = parts;  // No block yet.
  decoder.value_ = static_cast<uint64_t>(base::UnZigZag(first));
  return decoder;
}

arrow::Status DeltaDecoder::Next(std::span<int64_t> out) {
  size_t done = 0;
  if (!began_ && !out.empty()) {
    began_ = true;
    out[done++] = static_cast<int64_t>(value_);
  }
  // In registers, which members would not be beside the stores.
  uint64_t value = value_;
  while (done < out.size()) {
    if (part_ == parts_) {
      uint64_t zigzag = 0;
      at_ = base::GetVarint(at_, end_, &zigzag);
      if (at_ == nullptr || static_cast<uint64_t>(end_ - at_) < parts_) {
        return Corrupt("deltas: cut off");
      }
      smallest_ = static_cast<uint64_t>(base::UnZigZag(zigzag));
      widths_ = at_;
      at_ += parts_;
      part_ = 0;
    }
    const int width = widths_[part_];
    const uint64_t size_bytes = part_size_ * static_cast<uint64_t>(width) / 8;
    if (width > 64 || size_bytes > static_cast<uint64_t>(end_ - at_)) {
      return Corrupt("deltas: cut off");
    }
    const size_t take = std::min<size_t>(part_size_ - value_in_part_, out.size() - done);
    int64_t* to = out.data() + done;
    const uint64_t smallest = smallest_;
    if (width == 0) {
      for (size_t i = 0; i < take; ++i) {
        value += smallest;
        *to++ = static_cast<int64_t>(value);
      }
    } else {
      UnpackBits(at_, size_bytes, width, {value_in_part_, value_in_part_ + take},
                 [&](uint64_t delta) {
                   value += smallest + delta;
                   *to++ = static_cast<int64_t>(value);
                 });
    }
    done += take;
    value_in_part_ += take;
    if (value_in_part_ < part_size_) break;
    at_ += size_bytes;
    value_in_part_ = 0;
    ++part_;
  }
  value_ = value;
  return arrow::Status::OK();
}

arrow::Status DecodeDelta(std::string_view bytes, int64_t total, std::span<int64_t> out) {
  ARROW_ASSIGN_OR_RAISE(DeltaDecoder decoder, DeltaDecoder::Open(bytes, total));
  if (out.size() > static_cast<uint64_t>(total)) return Corrupt("deltas: header");
  return decoder.Next(out);
}

void AppendByteStreamSplit(std::span<const double> values, std::string* out) {
  const size_t count = values.size();
  const size_t start = out->size();
  out->resize(start + count * 8);
  char* to = out->data() + start;
  size_t i = 0;
  // Eight values at a time as an 8x8 matrix of bytes, transposed in registers.
  for (; i + 8 <= count; i += 8) {
    uint64_t row[8];
    std::memcpy(row, values.data() + i, sizeof(row));
    for (int byte = 0; byte < 8; ++byte) {
      uint64_t column = 0;
      for (int k = 0; k < 8; ++k) column |= ((row[k] >> (8 * byte)) & 0xFF) << (8 * k);
      std::memcpy(to + static_cast<size_t>(byte) * count + i, &column, 8);
    }
  }
  for (; i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, &values[i], 8);
    for (size_t byte = 0; byte < 8; ++byte)
      to[byte * count + i] = static_cast<char>(bits >> (8 * byte));
  }
}

namespace {

using Bytes16 = uint8_t __attribute__((vector_size(16)));

// The first, or second, halves of two registers, one byte, pair or four of each by turns.
Bytes16 MixBytesLow(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Bytes16 MixBytesHigh(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}
Bytes16 MixPairsLow(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
}
Bytes16 MixPairsHigh(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30,
                                 31);
}
Bytes16 MixFoursLow(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
}
Bytes16 MixFoursHigh(Bytes16 a, Bytes16 b) {
  return __builtin_shufflevector(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30,
                                 31);
}

// Puts together 16 values of 8 bytes, of which byte k stands at from + k * stride.
void JoinSixteen(const uint8_t* from, size_t stride, double* out) {
  std::array<Bytes16, 8> bytes;
  for (size_t k = 0; k < 8; ++k) std::memcpy(&bytes[k], from + k * stride, sizeof(Bytes16));
  std::array<Bytes16, 8> pairs;  // Of bytes 0 and 1 of the first eight values, of the others, ...
  for (size_t k = 0; k < 8; k += 2) {
    pairs[k] = MixBytesLow(bytes[k], bytes[k + 1]);
    pairs[k + 1] = MixBytesHigh(bytes[k], bytes[k + 1]);
  }
  std::array<Bytes16, 8> fours;  // Bytes 0 to 3 of values 0, 4, 8 and 12 on; then bytes 4 to 7.
  for (size_t k = 0; k < 8; k += 4) {
    fours[k] = MixPairsLow(pairs[k], pairs[k + 2]);
    fours[k + 1] = MixPairsHigh(pairs[k], pairs[k + 2]);
    fours[k + 2] = MixPairsLow(pairs[k + 1], pairs[k + 3]);
    fours[k + 3] = MixPairsHigh(pairs[k + 1], pairs[k + 3]);
  }
  for (size_t k = 0; k < 4; ++k) {
    const Bytes16 low = MixFoursLow(fours[k], fours[k + 4]);
    const Bytes16 high = MixFoursHigh(fours[k], fours[k + 4]);
    std::memcpy(out + 4 * k, &low, sizeof(low));
    std::memcpy(out + 4 * k + 2, &high, sizeof(high));
  }
}

}  // namespace

void DecodeByteStreamSplit(std::string_view bytes, size_t first, std::span<double> out) {
  const size_t stride = bytes.size() / 8;
  const auto* from = reinterpret_cast<const uint8_t*>(bytes.data()) + first;
  size_t i = 0;
  for (; i + 16 <= out.size(); i += 16) JoinSixteen(from + i, stride, out.data() + i);
  for (; i < out.size(); ++i) {
    uint64_t bits = 0;
    for (size_t byte = 0; byte < 8; ++byte) {
      bits |= static_cast<uint64_t>(from[byte * stride + i]) << (8 * byte);
    }
    std::memcpy(&out[i], &bits, 8);
  }
}

}  // namespace larnax::columns
