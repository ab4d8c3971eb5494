// A page of a list column: repetition levels (1 bit), definition levels (1 bit, or 2 where lists
// may be NULL), the elements of all lists. Pages begin at rows.

#include "columns/read/list_column.h"

#include <algorithm>
#include <cstring>

#include "larnax/error.h"

namespace larnax::columns {
namespace {

// Levels of a page, if it has more than one row: a reader who wants one row decodes the page.
constexpr int64_t kMaxPageLevels = 1 << 16;
// What a page may have when it is read; a single list may be as long as kMaxListLength.
constexpr int64_t kMaxReadLevels = 1 << 22;

arrow::Status Corrupt(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("cannot decode lists: ") + what);
}

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

/// Reads runs one after the other, a part of a run at a time.
class RunReader {
 public:
  explicit RunReader(const std::vector<Run>& runs) : runs_(runs) {}
  bool done() const { return at_ == runs_.size(); }
  uint32_t value() const { return runs_[at_].value; }
  int64_t left() const { return runs_[at_].count - used_; }
  void Skip(int64_t count) {
    used_ += count;
    if (used_ == runs_[at_].count) {
      used_ = 0;
      ++at_;
    }
  }

 private:
  const std::vector<Run>& runs_;
  size_t at_ = 0;
  int64_t used_ = 0;
};

template <typename T>
arrow::Status DecodePlain(const PageHeader& header, const ListPage& page, std::vector<T>* values) {
  const auto count = static_cast<size_t>(page.values);
  if (count > 0 && header.encoding != static_cast<int32_t>(Encoding::kPlain)) {
    return Corrupt("unknown encoding");
  }
  if (page.body.size() != count * sizeof(T)) return Corrupt("wrong number of elements");
  const size_t begin = values->size();
  values->resize(begin + count);
  if (count > 0) std::memcpy(values->data() + begin, page.body.data(), page.body.size());
  return arrow::Status::OK();
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

arrow::Status DecodeListLevels(const PageHeader& header, std::string_view body, bool optional,
                               int64_t rows, ListPage* page) {
  const int64_t levels = header.num_values;
  if (levels < rows || levels > kMaxReadLevels) return Corrupt("wrong number of levels");
  std::vector<Run> repetition_runs;
  std::vector<Run> definition_runs;
  const uint32_t empty = optional ? 1 : 0;
  ARROW_RETURN_NOT_OK(DecodeLevels(&body, 1, levels, 1, &repetition_runs));
  ARROW_RETURN_NOT_OK(DecodeLevels(&body, optional ? 2 : 1, levels, empty + 1, &definition_runs));
  page->lengths.clear();
  page->lengths.reserve(static_cast<size_t>(rows));
  page->values = 0;
  page->body = body;
  RunReader repetition(repetition_runs);
  RunReader definition(definition_runs);
  while (!repetition.done()) {
    const bool is_element = definition.value() == empty + 1;
    const int64_t count = std::min(repetition.left(), definition.left());
    if (repetition.value() == 0) {
      // Lists that begin here, each of one level so far.
      if (static_cast<int64_t>(page->lengths.size()) + count > rows) return Corrupt("more rows");
      const int32_t length = is_element ? 1 : definition.value() == empty ? 0 : kNullList;
      page->lengths.insert(page->lengths.end(), static_cast<size_t>(count), length);
    } else {
      if (!is_element || page->lengths.empty() || page->lengths.back() < 1 ||
          count > kMaxListLength - page->lengths.back()) {
        return Corrupt("levels that make no list");
      }
      page->lengths.back() += static_cast<int32_t>(count);
    }
    if (is_element) page->values += count;
    repetition.Skip(count);
    definition.Skip(count);
  }
  if (static_cast<int64_t>(page->lengths.size()) != rows) return Corrupt("fewer rows");
  return arrow::Status::OK();
}

arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::vector<int32_t>* values) {
  return DecodePlain(header, page, values);
}

arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::vector<int64_t>* values) {
  return DecodePlain(header, page, values);
}

arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::vector<double>* values) {
  if (header.encoding != static_cast<int32_t>(Encoding::kByteStreamSplit)) {
    return DecodePlain(header, page, values);
  }
  const auto count = static_cast<size_t>(page.values);
  if (page.body.size() != count * 8) return Corrupt("wrong number of elements");
  const size_t begin = values->size();
  values->resize(begin + count);
  DecodeByteStreamSplit(page.body, 0, std::span(*values).subspan(begin));
  return arrow::Status::OK();
}

arrow::Status DecodeListValues(const PageHeader& header, const ListPage& page,
                               std::span<const std::string_view> dictionary,
                               std::vector<std::string_view>* values) {
  const auto count = static_cast<size_t>(page.values);
  if (count == 0) return arrow::Status::OK();
  std::string_view body = page.body;
  if (header.encoding == static_cast<int32_t>(Encoding::kRleDictionary)) {
    if (body.empty() || dictionary.empty()) return Corrupt("no dictionary");
    std::vector<Run> codes;
    ARROW_RETURN_NOT_OK(DecodeHybrid(body.substr(1), static_cast<uint8_t>(body[0]), page.values,
                                     static_cast<uint32_t>(dictionary.size() - 1), &codes));
    for (const Run& run : codes) {
      values->insert(values->end(), static_cast<size_t>(run.count), dictionary[run.value]);
    }
    return arrow::Status::OK();
  }
  if (header.encoding != static_cast<int32_t>(Encoding::kPlain)) {
    return Corrupt("unknown encoding");
  }
  for (size_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    if (body.size() < 4) return Corrupt("cut off");
    std::memcpy(&size, body.data(), 4);
    if (size > body.size() - 4) return Corrupt("cut off");
    values->push_back(body.substr(4, size));
    body.remove_prefix(4 + size);
  }
  if (!body.empty()) return Corrupt("wrong number of elements");
  return arrow::Status::OK();
}

}  // namespace larnax::columns
