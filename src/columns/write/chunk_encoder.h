#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "columns/format/encodings.h"
#include "columns/format/file_builder.h"
#include "columns/write/string_dictionary.h"

namespace larnax::columns {

/// Value of a Run that stands for NULL.
inline constexpr uint32_t kNullCode = std::numeric_limits<uint32_t>::max();

/// What all chunks of a file are encoded with.
struct ChunkContext {
  PageCompressor* compressor = nullptr;
  ZstdSettings zstd;
  int64_t page_rows = 0;  ///< Most rows of a data page; 0: one page.
  bool try_encodings = true;
  bool wide_compat = false;
};

/// Encode a column of strings from runs of dictionary codes. The file's dictionary holds the used
/// strings only, sorted.
EncodedChunk EncodeStrings(const StringDictionary& dictionary, std::span<const Run> runs,
                           bool optional, const ChunkContext& context);

/// Encode a column of which every row is NULL.
EncodedChunk EncodeNulls(int64_t rows, const ChunkContext& context);

/// Encode a column of 64-bit integers given as runs of codes into `values`.
EncodedChunk EncodeIntRuns(std::span<const int64_t> values, std::span<const Run> runs,
                           bool optional, const ChunkContext& context);

/// Encode a column of 64-bit integers without NULLs: dictionary, DELTA_BINARY_PACKED or PLAIN.
EncodedChunk EncodeInts(std::span<const int64_t> values, const ChunkContext& context);

/// Encode a column of doubles, `present[i]` telling which are not NULL (empty: all).
EncodedChunk EncodeDoubles(std::span<const double> values, std::span<const uint8_t> present,
                           const ChunkContext& context);

/// Encode booleans that are true exactly at `true_rows` (ascending).
EncodedChunk EncodeFlags(int64_t rows, std::span<const int64_t> true_rows,
                         const ChunkContext& context);

/// Labels of one series that have no column: sorted by name; codes into one dictionary.
using OtherLabels = std::vector<std::pair<uint32_t, uint32_t>>;

/// Encode the two leaves of `other_labels`. \param runs Values index `sets`; kNullCode is NULL.
std::pair<EncodedChunk, EncodedChunk> EncodeOtherLabels(const StringDictionary& dictionary,
                                                        std::span<const OtherLabels> sets,
                                                        std::span<const Run> runs,
                                                        const ChunkContext& context);

/// Smallest and largest double as Parquet wants them: a zero minimum is -0, a zero maximum +0.
/// Values with a NaN among them get none: to DuckDB a NaN is larger than all numbers, so that it
/// would skip rows that it takes for wanted. Add() values, then Put() into a chunk's bounds.
class DoubleBounds {
 public:
  void Add(std::span<const double> values);
  void Put(ColumnBounds* bounds) const;

 private:
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  bool has_nan_ = false;
};

/// Set the bounds of a column of 64-bit integers.
void PutIntBounds(int64_t min, int64_t max, ColumnBounds* bounds);

}  // namespace larnax::columns
