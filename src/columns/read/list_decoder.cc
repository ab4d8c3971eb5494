// A page of a list column: repetition levels (1 bit), definition levels (1 bit, or 2 where lists
// may be NULL), the elements of all lists. Pages begin at rows.

#include "columns/read/list_decoder.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "columns/format/encodings.h"
#include "columns/read/run_reader.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

// What a page may have when it is read; a single list may be as long as kMaxListLength.
constexpr int64_t kMaxReadLevels = 1 << 22;

arrow::Status Corrupt(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("cannot decode lists: ") + what);
}

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
