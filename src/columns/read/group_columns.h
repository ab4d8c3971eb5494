#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "columns/read/list_decoder.h"
#include "columns/read/samples_reader.h"

namespace larnax::columns {

/// Strings of some rows: views into `pages`, which keeps their bytes.
struct StringLists {
  ListColumn<std::string_view> lists;
  std::vector<std::unique_ptr<const Page>> pages;
};

/// The same of a flat column.
struct Strings {
  std::vector<std::string_view> values;
  std::vector<std::unique_ptr<const Page>> pages;
};

/// Reads columns of some rows of one row group of such a table. Only pages that hold wanted rows
/// are read.
///
/// All functions append one element per wanted row. They fail with kCorrupt, naming path and
/// offset, where bytes do not match their checksum or format. One thread at a time.
class GroupColumns {
 public:
  /// \param file    Lives longer.
  /// \param ranges  Within the row group; ascending, disjoint and inside. Lives longer.
  /// \param stats   May be nullptr.
  GroupColumns(const ParquetFile& file, size_t group, std::span<const RowRange> ranges,
               ReadStats* stats)
      : file_(file), group_(group), ranges_(ranges), stats_(stats) {}

  /// Read required 64-bit integers.
  arrow::Status Ints(size_t leaf, std::vector<int64_t>* out);
  /// Read optional 64-bit integers, dictionary-encoded. \param present  1 where not NULL.
  arrow::Status OptionalInts(size_t leaf, std::vector<int64_t>* out, std::vector<uint8_t>* present);
  arrow::Status Int32s(size_t leaf, std::vector<int32_t>* out);
  /// Read optional doubles. \param null_value  What NULL reads as; nullptr: there must be none.
  arrow::Status Doubles(size_t leaf, const double* null_value, std::vector<double>* out);
  arrow::Status Flags(size_t leaf, std::vector<uint8_t>* out);
  /// Read required, dictionary-encoded strings as the index of each in `known`.
  arrow::Status Enums(size_t leaf, std::span<const std::string_view> known,
                      std::vector<uint8_t>* out);
  /// Read required, dictionary-encoded strings.
  arrow::Status Texts(size_t leaf, Strings* out);
  arrow::Status Lists(size_t leaf, ListColumn<int32_t>* out);
  arrow::Status Lists(size_t leaf, ListColumn<int64_t>* out);
  arrow::Status Lists(size_t leaf, ListColumn<double>* out);
  arrow::Status Lists(size_t leaf, StringLists* out);

  /// Make a kCorrupt error that names the file and a column's place in it.
  arrow::Status Corrupt(const std::string& what, size_t leaf) const;

 private:
  /// Decode one page, of which the rows of `parts` (within the page) are wanted.
  using Decode =
      std::function<arrow::Status(const Page& page, int64_t rows, std::span<const RowRange> parts)>;
  arrow::Status ForEachPage(size_t leaf, const Decode& decode);
  arrow::Result<Page> ReadDictionary(size_t leaf);
  /// Read the dictionary of a column of strings. \param page  Keeps the bytes of `strings`.
  arrow::Status ReadStrings(size_t leaf, std::unique_ptr<const Page>* page,
                            std::vector<std::string_view>* strings);
  template <typename T>
  arrow::Status NumberLists(size_t leaf, ListColumn<T>* out);

  const ParquetFile& file_;
  const size_t group_;
  const std::span<const RowRange> ranges_;
  ReadStats* const stats_;
};

}  // namespace larnax::columns
