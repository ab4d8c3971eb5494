#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/format/encodings.h"
#include "columns/format/parquet_format.h"
#include "columns/format/schema_tree.h"
#include "io/file_system.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// One page, decompressed.
struct Page {
  PageHeader header;
  std::string body;
  int64_t offset = 0;  ///< In the file; set by ReadChunk.
};

/// All pages of one column chunk, decompressed.
struct ChunkPages {
  Page dictionary;  ///< header.num_values == 0 where there is none.
  std::vector<Page> data;
};

/// Bytes that are overwritten again and again; their memory is kept.
class ByteBuffer {
 public:
  /// Make room; what was there is lost.
  std::span<uint8_t> Resize(size_t size) {
    if (size > capacity_) {
      bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size);
      capacity_ = size;
    }
    size_ = size;
    return {bytes_.get(), size};
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

/// A range of bytes of a file.
struct ByteRange {
  int64_t offset = 0;
  int64_t size_bytes = 0;
};

/// Value of codes that stand for NULL in decoded runs.
inline constexpr uint32_t kNullRun = 0xFFFFFFFF;

/// A Parquet file of this project's making, open for reading: footer, offset indexes, pages.
///
/// Everything read is checked against the file's size and its row counts before memory is taken for
/// it. Safe to use from several threads. Errors are kCorrupt and name path and offset.
class ParquetFile {
 public:
  static arrow::Result<std::shared_ptr<const ParquetFile>> Open(
      std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
      std::optional<uint32_t> footer_crc32c = std::nullopt);
  /// Let the disk begin with what Open will read.
  static void WillOpen(const io::ReadableFile& file, int64_t footer_bytes);

  const FileMeta& meta() const { return meta_; }
  const std::vector<SchemaLeaf>& leaves() const { return leaves_; }
  const std::string& path() const { return file_->path(); }
  int64_t file_bytes() const { return file_->size_bytes(); }
  int64_t footer_bytes() const { return footer_bytes_; }
  /// Find the leaf of a top-level column; -1 when there is none.
  int FindLeaf(std::string_view column) const;

  /// Give the data pages of a chunk from its offset index; kept after the first call.
  arrow::Result<std::shared_ptr<const std::vector<PageLocation>>> PagesOf(size_t group, size_t leaf,
                                                                          ReadStats* stats) const;
  /// Read the dictionary page of a chunk; one without values where it has none.
  arrow::Result<Page> ReadDictionary(size_t group, size_t leaf, ReadStats* stats) const;
  /// Read all pages of a chunk with one read.
  arrow::Result<ChunkPages> ReadChunk(size_t group, size_t leaf, ReadStats* stats) const;
  /// Read bytes of the file.
  arrow::Result<std::string> ReadBytes(int64_t offset, int64_t size_bytes, ReadStats* stats) const;
  arrow::Status ReadBytes(int64_t offset, std::span<uint8_t> out, ReadStats* stats) const;
  /// Let the disk begin with ranges that will be read, neighbours joined.
  void WillRead(std::vector<ByteRange> ranges) const;
  /// Check and decompress the page at the front of `bytes`.
  ///
  /// \param bytes   Begins with a page header; may go on behind the page.
  /// \param offset  Where `bytes` stands in the file, for messages.
  /// \param body    Replaced by the page's body; its memory is used again.
  /// \return        The page's size in the file.
  arrow::Result<size_t> DecodePage(std::string_view bytes, int64_t offset, Codec codec,
                                   PageHeader* header, std::string* body, ReadStats* stats) const;
  /// The same into memory that is not cleared before.
  arrow::Result<size_t> DecodePage(std::string_view bytes, int64_t offset, Codec codec,
                                   PageHeader* header, ByteBuffer* body, ReadStats* stats) const;
  /// Make a kCorrupt error that names the file.
  arrow::Status Corrupt(const std::string& what, int64_t offset) const;
  /// Add path and offset to an error of a decoder.
  arrow::Status At(const arrow::Status& status, int64_t offset) const;

 private:
  explicit ParquetFile(std::shared_ptr<io::ReadableFile> file) : file_(std::move(file)) {}
  arrow::Status ReadFooter(ReadStats* stats, int64_t footer_bytes,
                           std::optional<uint32_t> footer_crc32c);
  arrow::Result<std::string_view> CompressedBody(std::string_view bytes, int64_t offset,
                                                 Codec codec, PageHeader* header) const;
  arrow::Status CheckMeta() const;
  arrow::Status CheckChunk(const ChunkMeta& chunk, size_t leaf) const;

  std::shared_ptr<io::ReadableFile> file_;
  FileMeta meta_;
  std::vector<SchemaLeaf> leaves_;
  int64_t footer_bytes_ = 0;
  std::string tail_;  // The end of the file as Open read it, without the footer.
  int64_t tail_offset_ = 0;
  mutable std::mutex mutex_;  // Guards page_lists_.
  mutable std::map<std::pair<size_t, size_t>, std::shared_ptr<const std::vector<PageLocation>>>
      page_lists_;
};

/// Decode a data page of dictionary indices into runs of codes; kNullRun where NULL. A page whose
/// values are all NULL may have any encoding.
///
/// \param dictionary_size  Codes must be below.
arrow::Status DecodeCodes(const Page& page, bool optional, uint32_t dictionary_size,
                          std::vector<Run>* runs);

/// Split a dictionary page of strings; views into `page`.
arrow::Status DecodeStrings(const Page& page, std::vector<std::string_view>* values);

/// Decode a data page of required 64-bit integers (PLAIN, DELTA_BINARY_PACKED, dictionary).
///
/// \param dictionary  PLAIN values of the dictionary page.
/// \param out         Shape [page.header.num_values].
arrow::Status DecodeInts(const Page& page, std::string_view dictionary, std::span<int64_t> out);

/// A decoded page of optional doubles.
struct DoublePage {
  std::vector<Run> levels;  ///< Runs of 1 (present) and 0 (NULL).
  std::string_view values;  ///< The values in `encoding`, in the page's body.
  Encoding encoding = Encoding::kPlain;
  int64_t present = 0;  ///< Values that are not NULL.
};

/// Split a data page of optional doubles (PLAIN or BYTE_STREAM_SPLIT).
arrow::Result<DoublePage> SplitDoublePage(const PageHeader& header, std::string_view body);

/// Decode rows `first` .. `first + out.size()` of such a page; NULL reads as `null_value`.
void DecodeDoubles(const DoublePage& page, int64_t first, double null_value, std::span<double> out);

}  // namespace larnax::columns
