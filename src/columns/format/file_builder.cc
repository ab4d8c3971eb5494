#include "columns/format/file_builder.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "columns/format/encodings.h"
#include "columns/format/schema_tree.h"

namespace larnax::columns {
namespace {

constexpr std::string_view kMagic = "PAR1";

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

void AddDictionaryPage(std::string_view plain, int32_t num_values, bool is_sorted,
                       PageCompressor* compressor, ZstdSettings settings, EncodedChunk* chunk) {
  std::string compressed;
  compressor->Compress(plain, settings, &compressed);
  chunk->out_of_memory |= compressed.empty();
  PageHeader header;
  header.type = PageType::kDictionary;
  header.uncompressed_bytes = static_cast<int32_t>(plain.size());
  header.compressed_bytes = static_cast<int32_t>(compressed.size());
  header.crc32 = PageChecksum(compressed);
  header.num_values = num_values;
  header.encoding = static_cast<int32_t>(Encoding::kPlain);
  header.is_sorted = is_sorted;
  std::string page;
  AppendPageHeader(header, &page);
  chunk->uncompressed_bytes += static_cast<int64_t>(page.size() + plain.size());
  chunk->dictionary_bytes = static_cast<int32_t>(page.size() + compressed.size());
  for (PageLocation& location : chunk->pages) location.offset += chunk->dictionary_bytes;
  // Identifiers of many series are many bytes: no more copies of them than needed.
  chunk->bytes.reserve(page.size() + compressed.size() + chunk->bytes.size());
  chunk->bytes.insert(0, compressed);
  chunk->bytes.insert(0, page);
  ++chunk->page_counts[{static_cast<int32_t>(PageType::kDictionary), header.encoding}];
}

void AddDataPage(std::string_view body, Encoding encoding, int64_t num_values, int64_t first_row,
                 PageCompressor* compressor, ZstdSettings settings, EncodedChunk* chunk) {
  std::string compressed;
  compressor->Compress(body, settings, &compressed);
  AddCompressedPage(compressed, body.size(), encoding, num_values, first_row, chunk);
}

void AddCompressedPage(std::string_view compressed, size_t body_bytes, Encoding encoding,
                       int64_t num_values, int64_t first_row, EncodedChunk* chunk) {
  chunk->out_of_memory |= compressed.empty();
  PageHeader header;
  header.type = PageType::kData;
  header.uncompressed_bytes = static_cast<int32_t>(body_bytes);
  header.compressed_bytes = static_cast<int32_t>(compressed.size());
  header.crc32 = PageChecksum(compressed);
  header.num_values = static_cast<int32_t>(num_values);
  header.encoding = static_cast<int32_t>(encoding);
  const size_t begin = chunk->bytes.size();
  AppendPageHeader(header, &chunk->bytes);
  chunk->uncompressed_bytes += static_cast<int64_t>(chunk->bytes.size() - begin + body_bytes);
  chunk->bytes.append(compressed);
  chunk->pages.push_back(
      {static_cast<int64_t>(begin), static_cast<int32_t>(chunk->bytes.size() - begin), first_row});
  chunk->num_values += num_values;
  ++chunk->page_counts[{static_cast<int32_t>(PageType::kData), header.encoding}];
}

arrow::Status FileBuilder::Begin() {
  if (file_->size_bytes() > 0) return arrow::Status::OK();
  return file_->Append(AsBytes(kMagic));
}

arrow::Result<ChunkMeta> FileBuilder::WriteChunk(const EncodedChunk& chunk) {
  if (chunk.out_of_memory) {
    return arrow::Status::OutOfMemory("memory ran out compressing a page");
  }
  ARROW_RETURN_NOT_OK(Begin());
  const int64_t begin = file_->size_bytes();
  ARROW_RETURN_NOT_OK(file_->Append(AsBytes(chunk.bytes)));
  ChunkMeta meta;
  meta.num_values = chunk.num_values;
  meta.uncompressed_bytes = chunk.uncompressed_bytes;
  meta.compressed_bytes = static_cast<int64_t>(chunk.bytes.size());
  meta.dictionary_page_offset = chunk.dictionary_bytes > 0 ? begin : 0;
  meta.data_page_offset = begin + chunk.dictionary_bytes;
  meta.page_counts = chunk.page_counts;
  meta.bounds = chunk.bounds;
  // Levels are always RLE, which belongs in the list whether or not a page's values are.
  std::map<int32_t, bool> encodings{{static_cast<int32_t>(Encoding::kRle), true}};
  for (const auto& [key, count] : chunk.page_counts) encodings[key.second] = true;
  for (const auto& [encoding, used] : encodings) meta.encodings.push_back(encoding);
  std::vector<PageLocation> pages = chunk.pages;
  for (PageLocation& page : pages) page.offset += begin;
  pages_[meta.data_page_offset] = std::move(pages);
  return meta;
}

arrow::Result<FooterPlace> FileBuilder::Finish(FileMeta meta) {
  ARROW_RETURN_NOT_OK(Begin());
  ARROW_ASSIGN_OR_RAISE(const std::vector<SchemaLeaf> leaves, LeavesOf(meta.schema));
  std::string tail;
  for (RowGroupMeta& group : meta.row_groups) {
    LARNAX_CHECK(group.chunks.size() == leaves.size());
    for (size_t i = 0; i < leaves.size(); ++i) {
      ChunkMeta& chunk = group.chunks[i];
      chunk.path = leaves[i].path;
      chunk.type = leaves[i].type;
      const size_t begin = tail.size();
      AppendOffsetIndex(pages_.at(chunk.data_page_offset), &tail);
      chunk.offset_index_offset = file_->size_bytes() + static_cast<int64_t>(begin);
      chunk.offset_index_bytes = static_cast<int32_t>(tail.size() - begin);
    }
  }
  const size_t footer_begin = tail.size();
  meta.created_by = CreatedBy();
  AppendFileMeta(meta, &tail);
  AppendFixed(static_cast<uint32_t>(tail.size() - footer_begin), &tail);
  tail.append(kMagic);
  ARROW_RETURN_NOT_OK(file_->Append(AsBytes(tail)));
  const std::string_view footer = std::string_view(tail).substr(footer_begin);
  FooterPlace place;
  place.file_bytes = file_->size_bytes();
  place.footer_bytes = static_cast<int64_t>(footer.size());
  place.footer_crc32c = base::Crc32c(0, AsBytes(footer));
  ARROW_RETURN_NOT_OK(file_->Sync());
  ARROW_RETURN_NOT_OK(file_->Close());
  return place;
}

}  // namespace larnax::columns
