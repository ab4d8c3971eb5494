// A page of a list column: repetition levels (1 bit), definition levels (1 bit, or 2 where lists
// may be NULL), the elements of all lists. Pages begin at rows.

#include "columns/write/list_encoder.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "columns/format/encodings.h"

namespace larnax::columns {
namespace {

// Levels of a page, if it has more than one row: a reader who wants one row decodes the page.
constexpr int64_t kMaxPageLevels = 1 << 16;

/// Rows of one page that is to be written.
struct PageRows {
  int64_t first_row = 0;
  int64_t levels = 0;
  std::span<const int32_t> lengths;
  size_t first_value = 0;
  size_t values = 0;
};

template <typename Sink>
void ForEachPage(std::span<const int32_t> lengths, int64_t page_rows, Sink&& sink) {
  PageRows page;
  size_t row = 0;
  while (row < lengths.size()) {
    page.first_row = static_cast<int64_t>(row);
    page.first_value += page.values;
    page.levels = 0;
    page.values = 0;
    const size_t begin = row;
    for (; row < lengths.size(); ++row) {
      const int64_t levels = std::max(lengths[row], 1);
      if (row > begin && (page.levels + levels > kMaxPageLevels ||
                          (page_rows > 0 && static_cast<int64_t>(row - begin) >= page_rows))) {
        break;
      }
      page.levels += levels;
      page.values += static_cast<size_t>(std::max(lengths[row], 0));
    }
    page.lengths = lengths.subspan(begin, row - begin);
    sink(page);
  }
}

void AppendListLevels(const PageRows& page, bool optional, std::string* body) {
  std::vector<Run> repetition;
  std::vector<Run> definition;
  const uint32_t empty = optional ? 1 : 0;
  for (const int32_t length : page.lengths) {
    AppendRun(0, 1, &repetition);
    if (length > 0) {
      AppendRun(1, length - 1, &repetition);
      AppendRun(empty + 1, length, &definition);
    } else {
      AppendRun(length == 0 ? empty : 0, 1, &definition);
    }
  }
  AppendLevels(repetition, 1, body);
  AppendLevels(definition, optional ? 2 : 1, body);
}

template <typename T>
EncodedChunk EncodePlain(const ListColumn<T>& column, bool optional, const ChunkContext& context) {
  EncodedChunk chunk;
  ForEachPage(column.lengths, context.page_rows, [&](const PageRows& page) {
    std::string body;
    AppendListLevels(page, optional, &body);
    body.append(reinterpret_cast<const char*>(column.values.data() + page.first_value),
                page.values * sizeof(T));
    AddDataPage(body, Encoding::kPlain, page.levels, page.first_row, context.compressor,
                context.zstd, &chunk);
    chunk.bounds.null_count += page.levels - static_cast<int64_t>(page.values);
  });
  return chunk;
}

/// Codes of the strings in use, sorted by their strings.
std::vector<uint32_t> SortedUsed(const ListColumn<uint32_t>& codes,
                                 const StringDictionary& dictionary) {
  std::vector<uint32_t> order = codes.values;
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return dictionary[a] < dictionary[b]; });
  return order;
}

void AppendString(std::string_view value, std::string* out) {
  AppendFixed(static_cast<uint32_t>(value.size()), out);
  out->append(value);
}

}  // namespace

EncodedChunk EncodeLists(const ListColumn<int32_t>& column, bool optional,
                         const ChunkContext& context) {
  return EncodePlain(column, optional, context);
}

EncodedChunk EncodeLists(const ListColumn<int64_t>& column, bool optional,
                         const ChunkContext& context) {
  return EncodePlain(column, optional, context);
}

EncodedChunk EncodeLists(const ListColumn<double>& column, bool optional,
                         const ChunkContext& context) {
  if (context.wide_compat) return EncodePlain(column, optional, context);
  EncodedChunk chunk;
  std::string small[2];
  ForEachPage(column.lengths, context.page_rows, [&](const PageRows& page) {
    const auto values = std::span(column.values).subspan(page.first_value, page.values);
    std::string plain;
    AppendListLevels(page, optional, &plain);
    std::string split = plain;
    plain.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    AppendByteStreamSplit(values, &split);
    context.compressor->Compress(plain, context.zstd, &small[0]);
    context.compressor->Compress(split, context.zstd, &small[1]);
    const bool is_split = small[1].size() < small[0].size();
    AddCompressedPage(small[is_split ? 1 : 0], plain.size(),
                      is_split ? Encoding::kByteStreamSplit : Encoding::kPlain, page.levels,
                      page.first_row, &chunk);
    chunk.bounds.null_count += page.levels - static_cast<int64_t>(page.values);
  });
  return chunk;
}

EncodedChunk EncodeLists(const ListColumn<uint32_t>& codes, const StringDictionary& dictionary,
                         bool optional, const ChunkContext& context) {
  const std::vector<uint32_t> order = SortedUsed(codes, dictionary);
  const bool is_indexed = !order.empty() && order.size() * 2 <= codes.values.size();
  std::vector<uint32_t> index_of;
  if (is_indexed) {
    index_of.resize(dictionary.size());
    for (uint32_t i = 0; i < order.size(); ++i) index_of[order[i]] = i;
  }
  const int bit_width = std::max(1, BitWidthFor(order.empty() ? 0 : order.size() - 1));
  EncodedChunk chunk;
  ForEachPage(codes.lengths, context.page_rows, [&](const PageRows& page) {
    std::string body;
    AppendListLevels(page, optional, &body);
    const auto values = std::span(codes.values).subspan(page.first_value, page.values);
    if (is_indexed) {
      body.push_back(static_cast<char>(bit_width));
      HybridEncoder encoder(bit_width, &body);
      for (const uint32_t code : values) encoder.Put(index_of[code], 1);
      encoder.Finish();
    } else {
      for (const uint32_t code : values) AppendString(dictionary[code], &body);
    }
    AddDataPage(body, is_indexed ? Encoding::kRleDictionary : Encoding::kPlain, page.levels,
                page.first_row, context.compressor, context.zstd, &chunk);
    chunk.bounds.null_count += page.levels - static_cast<int64_t>(page.values);
  });
  if (is_indexed) {
    std::string plain;
    for (const uint32_t code : order) AppendString(dictionary[code], &plain);
    AddDictionaryPage(plain, static_cast<int32_t>(order.size()), /*is_sorted=*/true,
                      context.compressor, context.zstd, &chunk);
  }
  return chunk;
}

}  // namespace larnax::columns
