#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/packed_column.h"

namespace larnax::columns {

/// Columns of numbers in a `series` file.
enum class SeriesColumn {
  kSeriesId,
  kRowStart,
  kRowCount,
  kMinTime,
  kMaxTime,
  kStaleCount,
  kFirstValue,
  kLastValue,
  kLastTime,
  kSum,
  kMin,
  kMax,
  kResets,
};
inline constexpr size_t kSeriesColumnCount = 13;

/// What a NULL reads as in a column of integers.
inline constexpr int64_t kNullInt = std::numeric_limits<int64_t>::min();

/// The column `other_labels`, decoded; equal sets of consecutive rows are kept once.
struct OtherColumn {
  ChunkPages key_pages;  ///< Own the dictionaries' bytes.
  ChunkPages value_pages;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> values;
  std::vector<uint32_t> set_of_row;                   ///< Shape [rows].
  std::vector<uint32_t> ends;                         ///< End of each set in `labels`.
  std::vector<std::pair<uint32_t, uint32_t>> labels;  ///< Codes of key and value.

  std::span<const std::pair<uint32_t, uint32_t>> LabelsOf(uint32_t row) const {
    const uint32_t set = set_of_row[row];
    const uint32_t begin = set == 0 ? 0 : ends[set - 1];
    return std::span(labels).subspan(begin, ends[set] - begin);
  }
};

/// Find the leaf of the keys of `other_labels`; that of the values comes next. nullopt when the two
/// are not there or not as this format has them.
std::optional<size_t> FindOtherLabels(std::span<const SchemaLeaf> leaves);

/// Decode the two leaves of an `other_labels` column chunk of `rows` rows.
arrow::Result<OtherColumn> DecodeOtherColumn(ChunkPages keys, ChunkPages values, int64_t rows);

/// Columns of a `series` file, loaded page by page when asked for and then kept.
///
/// Safe to use from several threads: what a call returned stays as it is, for the rows asked for.
class SeriesColumns {
 public:
  explicit SeriesColumns(std::shared_ptr<const ParquetFile> file) : file_(std::move(file)) {}
  /// Check the schema. Call once, before anything else.
  arrow::Status Init();

  const ParquetFile& file() const { return *file_; }
  int64_t size() const { return file_->meta().rows; }
  bool has_values() const { return leaves_[static_cast<size_t>(SeriesColumn::kSum)] >= 0; }
  /// Names of the labels with a column, in byte order; the position is the label's slot.
  std::vector<std::string> label_names() const;
  int64_t memory_bytes() const;

  /// Let the disk begin with what will be read of some labels: their dictionaries, and their codes
  /// for `spans`. Reads offset indexes at most.
  arrow::Status WillReadLabels(std::span<const size_t> slots, std::span<const RowSpan> spans,
                               ReadStats* stats);
  /// Let the disk begin with all labels, places and times of the rows of `spans`, unless that is
  /// much to read in vain.
  arrow::Status WillReadAll(std::span<const RowSpan> spans, ReadStats* stats);

  /// Give the values of a label's dictionary.
  arrow::Result<std::span<const std::string_view>> Dictionary(size_t slot, ReadStats* stats);
  /// Load a label's codes for some rows: 0 absent, else 1 + index into the dictionary.
  arrow::Result<const PackedColumn*> Codes(size_t slot, std::span<const RowSpan> spans,
                                           ReadStats* stats);
  /// Load a column of integers for some rows, as stored (times in microseconds).
  arrow::Result<const PackedColumn*> Ints(SeriesColumn column, std::span<const RowSpan> spans,
                                          ReadStats* stats);
  /// Load a column of doubles for some rows, as bits; NULL reads as 0.
  arrow::Result<const PackedColumn*> Doubles(SeriesColumn column, std::span<const RowSpan> spans,
                                             ReadStats* stats);
  /// Load `other_labels` whole; nullptr when no series has any.
  arrow::Result<const OtherColumn*> Other(ReadStats* stats);

 private:
  struct LabelSlot {
    std::string name;
    size_t leaf = 0;
    bool has_dictionary = false;
    Page dictionary;
    std::vector<std::string_view> values;
    PackedColumn codes;
  };
  struct NumberSlot {
    PackedColumn values;
    bool has_dictionary = false;
    Page dictionary;
  };
  /// Decode one page into `out`, shape [rows of the page].
  using Decode = arrow::Status (*)(const Page& page, const Page& dictionary,
                                   std::span<int64_t> out);

  // All below need mutex_.
  arrow::Status AddRanges(size_t leaf, bool has_dictionary, const PackedColumn& loaded,
                          std::span<const RowSpan> spans, std::vector<ByteRange>* ranges,
                          ReadStats* stats) const;
  arrow::Status LoadDictionary(LabelSlot* slot, ReadStats* stats);
  arrow::Status LoadPages(size_t leaf, std::span<const RowSpan> spans, const Page& dictionary,
                          Decode decode, PackedColumn* column, ReadStats* stats);
  arrow::Status LoadRun(size_t leaf, const std::vector<PageLocation>& pages, size_t begin,
                        size_t end, const Page& dictionary, Decode decode, PackedColumn* column,
                        ReadStats* stats);
  arrow::Result<const PackedColumn*> Number(SeriesColumn column, std::span<const RowSpan> spans,
                                            Decode decode, ReadStats* stats);

  std::shared_ptr<const ParquetFile> file_;
  std::array<int, kSeriesColumnCount> leaves_{};
  size_t other_key_leaf_ = 0;
  mutable std::mutex mutex_;  // Guards what is loaded.
  std::vector<LabelSlot> labels_;
  std::array<NumberSlot, kSeriesColumnCount> numbers_;
  std::unique_ptr<const OtherColumn> other_;
};

}  // namespace larnax::columns
