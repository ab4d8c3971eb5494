#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

namespace larnax::columns {

/// A value repeated over consecutive rows.
struct Run {
  uint32_t value = 0;
  int64_t count = 0;

  friend bool operator==(const Run&, const Run&) = default;
};

/// Append a run; joins with the last one when values are equal.
inline void AppendRun(uint32_t value, int64_t count, std::vector<Run>* runs) {
  if (count == 0) return;
  if (!runs->empty() && runs->back().value == value) {
    runs->back().count += count;
  } else {
    runs->push_back({value, count});
  }
}

/// Bits needed for values up to `max_value`; 0 for 0.
inline int BitWidthFor(uint64_t max_value) { return static_cast<int>(std::bit_width(max_value)); }

/// Writes Parquet's RLE / bit-packed hybrid, each stretch in the shorter form.
///
/// \see Source: Apache Parquet, Encodings.md, "RLE".
class HybridEncoder {
 public:
  /// \param bit_width  0 to 32.
  HybridEncoder(int bit_width, std::string* out) : bit_width_(bit_width), out_(out) {}
  void Put(uint32_t value, int64_t count);
  /// Write what is pending; call once, at the end.
  void Finish();

 private:
  void FlushLiterals();
  int bit_width_;
  std::string* out_;
  std::vector<uint32_t> literals_;
};

/// Read `count` values of the hybrid as runs, appended to `runs`.
///
/// \retval kCorrupt Too few values, or one above `max_value`.
arrow::Status DecodeHybrid(std::string_view bytes, int bit_width, int64_t count, uint32_t max_value,
                           std::vector<Run>* runs);

/// Append definition or repetition levels as data pages of version 1 hold them: 4 bytes of length,
/// then the hybrid.
void AppendLevels(std::span<const Run> runs, int bit_width, std::string* out);
/// Read such levels; `bytes` is moved past them.
arrow::Status DecodeLevels(std::string_view* bytes, int bit_width, int64_t count,
                           uint32_t max_level, std::vector<Run>* runs);

/// Append DELTA_BINARY_PACKED of 64-bit integers: blocks of 128 in 4 parts.
void AppendDelta(std::span<const int64_t> values, std::string* out);
/// Reads DELTA_BINARY_PACKED of 64-bit integers from front to end, in parts of any size.
class DeltaDecoder {
 public:
  /// \param bytes  Not copied.
  /// \retval kCorrupt There are not `total` values.
  static arrow::Result<DeltaDecoder> Open(std::string_view bytes, int64_t total);
  /// Read the next `out.size()` values; of all calls together not more than there are.
  ///
  /// \retval kCorrupt The bytes end too early.
  arrow::Status Next(std::span<int64_t> out);

 private:
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint64_t value_ = 0;  // The last one read; before that, the first.
  bool began_ = false;
  uint64_t parts_ = 0;      // Of a block.
  uint64_t part_size_ = 0;  // Values.
  // The place in the block: a part, and a value in it.
  uint64_t part_ = 0;
  uint64_t value_in_part_ = 0;
  const uint8_t* widths_ = nullptr;
  uint64_t smallest_ = 0;
};

/// Read the first `out.size()` of `total` values.
///
/// \retval kCorrupt There are not `total` values, or the bytes end too early.
arrow::Status DecodeDelta(std::string_view bytes, int64_t total, std::span<int64_t> out);

/// Append BYTE_STREAM_SPLIT: first bytes of all values, then all second ones, ...
void AppendByteStreamSplit(std::span<const double> values, std::string* out);
/// Read values `first` .. `first + out.size()` of the `bytes.size() / 8` in `bytes`; the caller has
/// checked that they are there.
void DecodeByteStreamSplit(std::string_view bytes, size_t first, std::span<double> out);

/// Append a 4- or 8-byte integer or a double, little endian.
template <typename T>
void AppendFixed(T value, std::string* out) {
  static_assert(std::endian::native == std::endian::little);
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace larnax::columns
