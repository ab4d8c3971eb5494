#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/format/page_codec.h"
#include "columns/format/parquet_format.h"
#include "io/file_system.h"

namespace larnax::columns {

/// One column chunk, its pages encoded and compressed, not yet in the file.
struct EncodedChunk {
  std::string bytes;                ///< Dictionary page first, if any, then the data pages.
  std::vector<PageLocation> pages;  ///< Data pages; offsets within `bytes`.
  int32_t dictionary_bytes = 0;     ///< Size of the dictionary page in `bytes`.
  int64_t num_values = 0;           ///< Levels, NULLs included.
  int64_t uncompressed_bytes = 0;   ///< With page headers.
  std::map<std::pair<int32_t, int32_t>, int32_t> page_counts;
  ColumnBounds bounds;
  bool out_of_memory = false;  ///< A page could not be compressed: the chunk is not whole.
};

/// Compress a page of dictionary values and put it in front of the chunk's data pages.
void AddDictionaryPage(std::string_view plain, int32_t num_values, bool is_sorted,
                       PageCompressor* compressor, ZstdSettings settings, EncodedChunk* chunk);

/// Compress and append a data page (version 1).
///
/// \param body       Levels and values.
/// \param num_values Levels, NULLs included; at most 2^31 - 1.
/// \param first_row  First row of the page within the row group.
void AddDataPage(std::string_view body, Encoding encoding, int64_t num_values, int64_t first_row,
                 PageCompressor* compressor, ZstdSettings settings, EncodedChunk* chunk);

/// Append a data page whose body is compressed already; no bytes say that memory ran out.
void AddCompressedPage(std::string_view compressed, size_t body_bytes, Encoding encoding,
                       int64_t num_values, int64_t first_row, EncodedChunk* chunk);

/// Where a file's footer stands.
struct FooterPlace {
  int64_t file_bytes = 0;
  int64_t footer_bytes = 0;  ///< Metadata, length and magic.
  uint32_t footer_crc32c = 0;
};

/// Puts encoded chunks into a Parquet file: magic, row groups, offset indexes, footer.
class FileBuilder {
 public:
  explicit FileBuilder(std::unique_ptr<io::WritableFile> file) : file_(std::move(file)) {}

  /// Write a chunk; give its metadata, for the footer. Paths and types are the footer's business.
  /// \retval OutOfMemory  The chunk is not whole.
  arrow::Result<ChunkMeta> WriteChunk(const EncodedChunk& chunk);
  int64_t size_bytes() const { return file_->size_bytes(); }

  /// Write offset indexes and footer, sync and close.
  ///
  /// \param meta  Schema, row groups (chunks in leaf order, as WriteChunk gave them), key-values.
  arrow::Result<FooterPlace> Finish(FileMeta meta);

 private:
  arrow::Status Begin();
  std::unique_ptr<io::WritableFile> file_;
  std::map<int64_t, std::vector<PageLocation>> pages_;  // By data_page_offset.
};

}  // namespace larnax::columns
