#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

namespace larnax::columns {

/// Names and numbers of Parquet's Thrift definition, as far as this project uses them.
///
/// \see Source: Apache Parquet, parquet.thrift.
enum class PhysicalType : int32_t { kBoolean = 0, kInt32 = 1, kInt64 = 2, kDouble = 5, kBytes = 6 };
enum class Repetition : int32_t { kRequired = 0, kOptional = 1, kRepeated = 2 };
enum class LogicalType : int32_t { kNone, kString, kMap, kList, kTimestampMicros };
enum class Codec : int32_t { kUncompressed = 0, kZstd = 6 };
enum class PageType : int32_t { kData = 0, kDictionary = 2, kDataV2 = 3 };
enum class Encoding : int32_t {
  kPlain = 0,
  kRle = 3,
  kDeltaBinaryPacked = 5,
  kRleDictionary = 8,
  kByteStreamSplit = 9,
};

/// Name an encoding as the specification does; `ENCODING_<n>` for unknown ones.
std::string EncodingName(int32_t encoding);

/// One node of the schema, flattened in depth-first order as in the file.
struct SchemaNode {
  std::string name;
  Repetition repetition = Repetition::kRequired;
  std::optional<PhysicalType> type;  ///< Leaves only.
  LogicalType logical = LogicalType::kNone;
  int32_t num_children = 0;
};

/// Smallest and largest value as Parquet writes them: PLAIN without length.
struct ColumnBounds {
  std::optional<std::string> min;
  std::optional<std::string> max;
  int64_t null_count = 0;
};

/// Where a data page stands.
struct PageLocation {
  int64_t offset = 0;
  int32_t size_bytes = 0;  ///< With its header.
  int64_t first_row = 0;   ///< Within the row group.
};

/// One column chunk as the footer tells it.
struct ChunkMeta {
  PhysicalType type = PhysicalType::kInt64;
  Codec codec = Codec::kZstd;
  std::vector<std::string> path;
  std::vector<int32_t> encodings;
  std::map<std::pair<int32_t, int32_t>, int32_t> page_counts;  ///< (PageType, Encoding) -> pages.
  int64_t num_values = 0;                                      ///< Levels, NULLs included.
  int64_t uncompressed_bytes = 0;
  int64_t compressed_bytes = 0;
  int64_t data_page_offset = 0;
  int64_t dictionary_page_offset = 0;  ///< 0: none.
  int64_t offset_index_offset = 0;
  int32_t offset_index_bytes = 0;
  ColumnBounds bounds;

  int64_t begin_offset() const {
    return dictionary_page_offset > 0 ? dictionary_page_offset : data_page_offset;
  }
};

struct SortingColumn {
  int32_t column = 0;  ///< Index of the leaf.
  bool nulls_first = true;
};

struct RowGroupMeta {
  std::vector<ChunkMeta> chunks;  ///< One per leaf.
  int64_t rows = 0;
  std::vector<SortingColumn> sorting;
};

/// The footer. When read, strings are checked for nothing but their length.
struct FileMeta {
  std::vector<SchemaNode> schema;  ///< The root first.
  int64_t rows = 0;
  std::vector<RowGroupMeta> row_groups;
  std::map<std::string, std::string> key_values;
  std::string created_by;
};

struct PageHeader {
  PageType type = PageType::kData;
  int32_t uncompressed_bytes = 0;
  int32_t compressed_bytes = 0;
  std::optional<uint32_t> crc32;  ///< Of the compressed bytes.
  int32_t num_values = 0;
  int32_t encoding = 0;
  int32_t level_encoding = 3;  ///< Definition levels; repetition levels must have the same.
  bool is_sorted = false;      ///< Dictionary pages only.
};

void AppendFileMeta(const FileMeta& meta, std::string* out);
void AppendPageHeader(const PageHeader& header, std::string* out);
void AppendOffsetIndex(const std::vector<PageLocation>& pages, std::string* out);

/// Read a footer (without length and magic).
///
/// \retval kCorrupt Not of the form, or more than this project's files ever have.
arrow::Result<FileMeta> ParseFileMeta(std::string_view bytes);
/// Read a page header at the front of `bytes`; `size_bytes` is set to its length.
///
/// \retval kCorrupt Not of the form, or without a checksum: this project's pages all have one.
arrow::Result<PageHeader> ParsePageHeader(std::string_view bytes, size_t* size_bytes);
arrow::Result<std::vector<PageLocation>> ParseOffsetIndex(std::string_view bytes);

}  // namespace larnax::columns
