#include "columns/format/parquet_file.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "columns/format/page_codec.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

constexpr std::string_view kMagic = "PAR1";
constexpr int64_t kTrailerBytes = 8;
// What Open reads unless it is told the footer's size: the footers of most files, and the offset
// indexes before them.
constexpr int64_t kTailBytes = 32 << 10;
constexpr int64_t kMaxFooterBytes = int64_t{1} << 30;
// Bytes between two wanted ranges that cost less than another request to the disk.
constexpr int64_t kJoinGapBytes = 64 << 10;
// Bodies larger than the writer makes, and more than zstd can compress, are hostile.
constexpr int64_t kMaxBodyBytes = int64_t{1} << 30;
constexpr int64_t kMaxRatio = 40'000;
// A few bytes can claim any number of rows.
constexpr int64_t kMaxRepeatedPageValues = 1 << 22;

}  // namespace

arrow::Status ParquetFile::Corrupt(const std::string& what, int64_t offset) const {
  return MakeError(ErrorKind::kCorrupt,
                   what + ": path=" + path() + " offset=" + std::to_string(offset));
}

arrow::Status ParquetFile::At(const arrow::Status& status, int64_t offset) const {
  if (status.ok() || KindOf(status) != ErrorKind::kCorrupt) return status;
  return Corrupt(status.message(), offset);
}

arrow::Result<std::shared_ptr<const ParquetFile>> ParquetFile::Open(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
    std::optional<uint32_t> footer_crc32c) {
  std::shared_ptr<ParquetFile> result(new ParquetFile(std::move(file)));
  if (stats != nullptr) ++stats->files_read;
  ARROW_RETURN_NOT_OK(result->ReadFooter(stats, footer_bytes, footer_crc32c));
  ARROW_RETURN_NOT_OK(result->CheckMeta());
  return result;
}

arrow::Status ParquetFile::ReadFooter(ReadStats* stats, int64_t footer_bytes,
                                      std::optional<uint32_t> footer_crc32c) {
  const int64_t file_bytes = file_->size_bytes();
  if (file_bytes < kTrailerBytes + 4) return Corrupt("file is too short", 0);
  int64_t tail_bytes = std::min(file_bytes, std::max(kTailBytes, footer_bytes));
  ARROW_ASSIGN_OR_RAISE(tail_, ReadBytes(file_bytes - tail_bytes, tail_bytes, stats));
  if (std::string_view(tail_).substr(tail_.size() - 4) != kMagic) {
    return Corrupt("no Parquet magic at the end", file_bytes - 4);
  }
  uint32_t size = 0;
  std::memcpy(&size, tail_.data() + tail_.size() - kTrailerBytes, 4);
  footer_bytes_ = int64_t{size} + kTrailerBytes;
  if (footer_bytes_ > file_bytes - 4 || footer_bytes_ > kMaxFooterBytes) {
    return Corrupt("footer is larger than the file", file_bytes - kTrailerBytes);
  }
  if (footer_bytes_ > tail_bytes) {
    ARROW_ASSIGN_OR_RAISE(std::string head,
                          ReadBytes(file_bytes - footer_bytes_, footer_bytes_ - tail_bytes, stats));
    tail_ = head + tail_;
    tail_bytes = footer_bytes_;
  }
  const std::string_view whole_footer =
      std::string_view(tail_).substr(tail_.size() - static_cast<size_t>(footer_bytes_));
  if (footer_crc32c && base::Crc32c(0, {reinterpret_cast<const uint8_t*>(whole_footer.data()),
                                        whole_footer.size()}) != *footer_crc32c) {
    return Corrupt("footer does not match its checksum", file_bytes - footer_bytes_);
  }
  const std::string_view footer = whole_footer.substr(0, size);
  auto meta = ParseFileMeta(footer);
  if (!meta.ok()) return At(meta.status(), file_bytes - footer_bytes_);
  meta_ = std::move(meta).ValueUnsafe();
  auto leaves = LeavesOf(meta_.schema);
  if (!leaves.ok()) return At(leaves.status(), file_bytes - footer_bytes_);
  leaves_ = std::move(leaves).ValueUnsafe();
  tail_.resize(tail_.size() - static_cast<size_t>(footer_bytes_));
  tail_offset_ = file_bytes - tail_bytes;
  return arrow::Status::OK();
}

arrow::Status ParquetFile::CheckMeta() const {
  const int64_t footer_offset = file_bytes() - footer_bytes_;
  int64_t rows = 0;
  for (const RowGroupMeta& group : meta_.row_groups) {
    if (group.chunks.size() != leaves_.size() || group.rows <= 0 || group.rows > kMaxRowGroupRows) {
      return Corrupt("bad row group", footer_offset);
    }
    rows += group.rows;
    for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
      ARROW_RETURN_NOT_OK(CheckChunk(group.chunks[leaf], leaf));
      if (leaves_[leaf].max_repetition == 0 && group.chunks[leaf].num_values != group.rows) {
        return Corrupt("column chunk and row group differ in rows", footer_offset);
      }
    }
  }
  if (rows != meta_.rows) return Corrupt("row groups and file differ in rows", footer_offset);
  return arrow::Status::OK();
}

arrow::Status ParquetFile::CheckChunk(const ChunkMeta& chunk, size_t leaf) const {
  const int64_t end = file_bytes() - footer_bytes_;
  const auto inside = [end](int64_t offset, int64_t size) {
    return offset >= 4 && size >= 0 && offset <= end && size <= end - offset;
  };
  const bool dictionary_ok =
      chunk.dictionary_page_offset == 0 ||
      (chunk.dictionary_page_offset > 0 && chunk.dictionary_page_offset < chunk.data_page_offset);
  if (chunk.type != leaves_[leaf].type || chunk.path != leaves_[leaf].path || !dictionary_ok ||
      (chunk.codec != Codec::kZstd && chunk.codec != Codec::kUncompressed) ||
      !inside(chunk.begin_offset(), chunk.compressed_bytes) ||
      chunk.data_page_offset - chunk.begin_offset() >= chunk.compressed_bytes ||
      (chunk.offset_index_bytes != 0 &&
       !inside(chunk.offset_index_offset, chunk.offset_index_bytes))) {
    return Corrupt("bad column chunk", end);
  }
  return arrow::Status::OK();
}

int ParquetFile::FindLeaf(std::string_view column) const {
  for (size_t i = 0; i < leaves_.size(); ++i) {
    if (leaves_[i].path.size() == 1 && leaves_[i].path[0] == column) return static_cast<int>(i);
  }
  return -1;
}

arrow::Result<std::string> ParquetFile::ReadBytes(int64_t offset, int64_t size_bytes,
                                                  ReadStats* stats) const {
  std::string bytes(static_cast<size_t>(size_bytes), '\0');
  ARROW_RETURN_NOT_OK(
      ReadBytes(offset, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, stats));
  return bytes;
}

arrow::Status ParquetFile::ReadBytes(int64_t offset, std::span<uint8_t> out,
                                     ReadStats* stats) const {
  ARROW_RETURN_NOT_OK(file_->ReadAt(offset, out));
  if (stats != nullptr) stats->bytes_read += static_cast<int64_t>(out.size());
  return arrow::Status::OK();
}

void ParquetFile::WillRead(std::vector<ByteRange> ranges) const {
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
  for (size_t i = 0; i < ranges.size();) {
    const int64_t begin = ranges[i].offset;
    int64_t end = begin;
    for (; i < ranges.size() && (end == begin || ranges[i].offset - end <= kJoinGapBytes); ++i) {
      end = std::max(end, ranges[i].offset + ranges[i].size_bytes);
    }
    if (end > begin) file_->WillRead(begin, end - begin);
  }
}

void ParquetFile::WillOpen(const io::ReadableFile& file, int64_t footer_bytes) {
  const int64_t tail_bytes = std::min(file.size_bytes(), std::max(kTailBytes, footer_bytes));
  if (tail_bytes > 0) file.WillRead(file.size_bytes() - tail_bytes, tail_bytes);
}

arrow::Result<std::shared_ptr<const std::vector<PageLocation>>> ParquetFile::PagesOf(
    size_t group, size_t leaf, ReadStats* stats) const {
  {
    const std::lock_guard lock(mutex_);
    const auto it = page_lists_.find({group, leaf});
    if (it != page_lists_.end()) return it->second;
  }
  const RowGroupMeta& row_group = meta_.row_groups[group];
  const ChunkMeta& chunk = row_group.chunks[leaf];
  if (chunk.offset_index_bytes == 0) return Corrupt("no offset index", chunk.data_page_offset);
  std::string read;
  std::string_view bytes;
  if (chunk.offset_index_offset >= tail_offset_ &&
      chunk.offset_index_offset + chunk.offset_index_bytes <=
          tail_offset_ + static_cast<int64_t>(tail_.size())) {
    bytes = std::string_view(tail_).substr(
        static_cast<size_t>(chunk.offset_index_offset - tail_offset_),
        static_cast<size_t>(chunk.offset_index_bytes));
  } else {
    ARROW_ASSIGN_OR_RAISE(read,
                          ReadBytes(chunk.offset_index_offset, chunk.offset_index_bytes, stats));
    bytes = read;
  }
  auto parsed = ParseOffsetIndex(bytes);
  if (!parsed.ok()) return At(parsed.status(), chunk.offset_index_offset);
  const std::vector<PageLocation>& pages = *parsed;
  const int64_t chunk_end = chunk.begin_offset() + chunk.compressed_bytes;
  int64_t end = chunk.data_page_offset;
  int64_t row = -1;
  for (const PageLocation& page : pages) {
    if (page.offset < end || page.size_bytes <= 0 || page.size_bytes > chunk_end - page.offset ||
        page.first_row <= row || page.first_row >= row_group.rows) {
      return Corrupt("bad offset index", chunk.offset_index_offset);
    }
    end = page.offset + page.size_bytes;
    row = page.first_row;
  }
  if (pages.empty() || pages[0].first_row != 0) {
    return Corrupt("bad offset index", chunk.offset_index_offset);
  }
  auto result = std::make_shared<const std::vector<PageLocation>>(std::move(parsed).ValueUnsafe());
  const std::lock_guard lock(mutex_);
  return page_lists_.emplace(std::pair(group, leaf), std::move(result)).first->second;
}

// Checks the page at the front of `bytes` and gives its body as the file has it.
arrow::Result<std::string_view> ParquetFile::CompressedBody(std::string_view bytes, int64_t offset,
                                                            Codec codec, PageHeader* header) const {
  size_t header_bytes = 0;
  auto parsed = ParsePageHeader(bytes, &header_bytes);
  if (!parsed.ok()) return At(parsed.status(), offset);
  *header = *parsed;
  if (static_cast<size_t>(header->compressed_bytes) > bytes.size() - header_bytes ||
      header->uncompressed_bytes > kMaxBodyBytes ||
      header->uncompressed_bytes > kMaxRatio * (int64_t{header->compressed_bytes} + 1) ||
      (codec == Codec::kUncompressed && header->uncompressed_bytes != header->compressed_bytes)) {
    return Corrupt("bad page size", offset);
  }
  const std::string_view compressed =
      bytes.substr(header_bytes, static_cast<size_t>(header->compressed_bytes));
  if (header->crc32.has_value() && PageChecksum(compressed) != *header->crc32) {
    return Corrupt("page does not match its checksum", offset);
  }
  return compressed;
}

namespace {

arrow::Status Decompress(std::string_view compressed, Codec codec, std::span<uint8_t> body) {
  if (codec != Codec::kUncompressed) return DecompressPage(compressed, body);
  std::copy(compressed.begin(), compressed.end(), body.begin());
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<size_t> ParquetFile::DecodePage(std::string_view bytes, int64_t offset, Codec codec,
                                              PageHeader* header, ByteBuffer* body,
                                              ReadStats* stats) const {
  ARROW_ASSIGN_OR_RAISE(const std::string_view compressed,
                        CompressedBody(bytes, offset, codec, header));
  const auto size = static_cast<size_t>(header->uncompressed_bytes);
  ARROW_RETURN_NOT_OK(At(Decompress(compressed, codec, body->Resize(size)), offset));
  if (stats != nullptr) ++stats->pages_read;
  return static_cast<size_t>(compressed.end() - bytes.begin());
}

arrow::Result<size_t> ParquetFile::DecodePage(std::string_view bytes, int64_t offset, Codec codec,
                                              PageHeader* header, std::string* body,
                                              ReadStats* stats) const {
  ARROW_ASSIGN_OR_RAISE(const std::string_view compressed,
                        CompressedBody(bytes, offset, codec, header));
  body->resize(static_cast<size_t>(header->uncompressed_bytes));
  ARROW_RETURN_NOT_OK(
      At(Decompress(compressed, codec, {reinterpret_cast<uint8_t*>(body->data()), body->size()}),
         offset));
  if (stats != nullptr) ++stats->pages_read;
  return static_cast<size_t>(compressed.end() - bytes.begin());
}

arrow::Result<Page> ParquetFile::ReadDictionary(size_t group, size_t leaf, ReadStats* stats) const {
  const ChunkMeta& chunk = meta_.row_groups[group].chunks[leaf];
  Page page;
  if (chunk.dictionary_page_offset == 0) return page;
  ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                        ReadBytes(chunk.dictionary_page_offset,
                                  chunk.data_page_offset - chunk.dictionary_page_offset, stats));
  ARROW_RETURN_NOT_OK(
      DecodePage(bytes, chunk.dictionary_page_offset, chunk.codec, &page.header, &page.body, stats)
          .status());
  if (page.header.type != PageType::kDictionary || page.header.encoding != 0) {
    return Corrupt("not a dictionary page", chunk.dictionary_page_offset);
  }
  return page;
}

arrow::Result<ChunkPages> ParquetFile::ReadChunk(size_t group, size_t leaf,
                                                 ReadStats* stats) const {
  const ChunkMeta& chunk = meta_.row_groups[group].chunks[leaf];
  ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                        ReadBytes(chunk.begin_offset(), chunk.compressed_bytes, stats));
  ChunkPages pages;
  int64_t values = 0;
  for (size_t at = 0; at < bytes.size();) {
    Page page;
    const int64_t offset = chunk.begin_offset() + static_cast<int64_t>(at);
    ARROW_ASSIGN_OR_RAISE(const size_t size,
                          DecodePage(std::string_view(bytes).substr(at), offset, chunk.codec,
                                     &page.header, &page.body, stats));
    at += size;
    page.offset = offset;
    if (page.header.type == PageType::kDictionary && at == size && page.header.encoding == 0) {
      pages.dictionary = std::move(page);
      continue;
    }
    values += page.header.num_values;
    if (page.header.type != PageType::kData || page.header.level_encoding != 3 ||
        page.header.num_values == 0 || values > chunk.num_values ||
        (leaves_[leaf].max_repetition > 0 && page.header.num_values > kMaxRepeatedPageValues)) {
      return Corrupt("unexpected page", offset);
    }
    pages.data.push_back(std::move(page));
  }
  if (values != chunk.num_values) {
    return Corrupt("pages and column chunk differ in values", chunk.begin_offset());
  }
  return pages;
}

arrow::Status DecodeCodes(const Page& page, bool optional, uint32_t dictionary_size,
                          std::vector<Run>* runs) {
  std::string_view body = page.body;
  const int64_t count = page.header.num_values;
  std::vector<Run> levels;
  int64_t present = count;
  if (optional) {
    ARROW_RETURN_NOT_OK(DecodeLevels(&body, 1, count, 1, &levels));
    present = 0;
    for (const Run& run : levels) present += run.value == 1 ? run.count : 0;
    if (present == 0) {
      AppendRun(kNullRun, count, runs);
      return arrow::Status::OK();
    }
  }
  if (page.header.encoding != static_cast<int32_t>(Encoding::kRleDictionary) || body.empty() ||
      dictionary_size == 0) {
    return MakeError(ErrorKind::kCorrupt, "cannot decode page: not dictionary-encoded");
  }
  std::vector<Run> codes;
  std::vector<Run>* target = optional ? &codes : runs;
  ARROW_RETURN_NOT_OK(DecodeHybrid(body.substr(1), static_cast<uint8_t>(body[0]), present,
                                   dictionary_size - 1, target));
  if (!optional) return arrow::Status::OK();
  size_t at = 0;
  for (const Run& level : levels) {
    if (level.value == 0) {
      AppendRun(kNullRun, level.count, runs);
      continue;
    }
    for (int64_t left = level.count; left > 0;) {
      const int64_t take = std::min(left, codes[at].count);
      AppendRun(codes[at].value, take, runs);
      left -= take;
      codes[at].count -= take;
      if (codes[at].count == 0) ++at;
    }
  }
  return arrow::Status::OK();
}

arrow::Status DecodeStrings(const Page& page, std::vector<std::string_view>* values) {
  std::string_view rest = page.body;
  const auto count = static_cast<size_t>(page.header.num_values);
  if (count > rest.size() / 4) return MakeError(ErrorKind::kCorrupt, "bad dictionary page");
  values->reserve(values->size() + count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    if (rest.size() < 4) return MakeError(ErrorKind::kCorrupt, "bad dictionary page");
    std::memcpy(&size, rest.data(), 4);
    if (size > rest.size() - 4) return MakeError(ErrorKind::kCorrupt, "bad dictionary page");
    values->push_back(rest.substr(4, size));
    rest.remove_prefix(4 + size);
  }
  return arrow::Status::OK();
}

arrow::Status DecodeInts(const Page& page, std::string_view dictionary, std::span<int64_t> out) {
  switch (static_cast<Encoding>(page.header.encoding)) {
    case Encoding::kPlain:
      if (page.body.size() != out.size() * 8) break;
      if (!out.empty()) std::memcpy(out.data(), page.body.data(), page.body.size());
      return arrow::Status::OK();
    case Encoding::kDeltaBinaryPacked:
      return DecodeDelta(page.body, page.header.num_values, out);
    case Encoding::kRleDictionary: {
      std::vector<Run> runs;
      ARROW_RETURN_NOT_OK(
          DecodeCodes(page, false, static_cast<uint32_t>(dictionary.size() / 8), &runs));
      size_t at = 0;
      for (const Run& run : runs) {
        int64_t value = 0;
        std::memcpy(&value, dictionary.data() + size_t{run.value} * 8, 8);
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), run.count, value);
        at += static_cast<size_t>(run.count);
      }
      return arrow::Status::OK();
    }
    case Encoding::kRle:
    case Encoding::kByteStreamSplit:
      break;
  }
  return MakeError(ErrorKind::kCorrupt, "cannot decode page of integers");
}

arrow::Result<DoublePage> SplitDoublePage(const PageHeader& header, std::string_view body) {
  DoublePage page;
  page.encoding = static_cast<Encoding>(header.encoding);
  ARROW_RETURN_NOT_OK(DecodeLevels(&body, 1, header.num_values, 1, &page.levels));
  for (const Run& run : page.levels) page.present += run.value == 1 ? run.count : 0;
  page.values = body;
  const bool known =
      page.encoding == Encoding::kPlain || page.encoding == Encoding::kByteStreamSplit;
  if (!known || body.size() != static_cast<size_t>(page.present) * 8) {
    return MakeError(ErrorKind::kCorrupt, "cannot decode page of doubles");
  }
  return page;
}

void DecodeDoubles(const DoublePage& page, int64_t first, double null_value,
                   std::span<double> out) {
  const auto copy = [&](size_t from, std::span<double> to) {
    if (page.encoding == Encoding::kByteStreamSplit) {
      DecodeByteStreamSplit(page.values, from, to);
    } else {
      std::memcpy(to.data(), page.values.data() + from * 8, to.size() * 8);
    }
  };
  int64_t row = 0;      // First row of the run.
  int64_t present = 0;  // Values before it.
  for (const Run& run : page.levels) {
    if (out.empty()) return;
    const int64_t skip = std::clamp<int64_t>(first - row, 0, run.count);
    const auto take =
        static_cast<size_t>(std::min<int64_t>(run.count - skip, static_cast<int64_t>(out.size())));
    if (take > 0) {
      if (run.value == 1) {
        copy(static_cast<size_t>(present + skip), out.first(take));
      } else {
        std::fill_n(out.begin(), take, null_value);
      }
      out = out.subspan(take);
      first += static_cast<int64_t>(take);
    }
    row += run.count;
    if (run.value == 1) present += run.count;
  }
}

}  // namespace larnax::columns
