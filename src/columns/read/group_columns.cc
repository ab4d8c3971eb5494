#include "columns/read/group_columns.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "larnax/error.h"

namespace larnax::columns {
namespace {

// Bytes between two wanted pages that are cheaper to read than a second read.
constexpr int64_t kReadGapBytes = 16 << 10;
constexpr int64_t kMaxReadBytes = 8 << 20;

arrow::Status BadPage(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("cannot decode page of ") + what);
}

/// A page with wanted rows.
struct PageTask {
  PageLocation location;
  int64_t rows = 0;
  std::vector<RowRange> parts;  // Within the page.
};

std::vector<PageTask> Plan(const std::vector<PageLocation>& pages, int64_t group_rows,
                           std::span<const RowRange> ranges) {
  std::vector<PageTask> tasks;
  size_t at = 0;
  const auto end_of = [&](size_t page) {
    return page + 1 < pages.size() ? pages[page + 1].first_row : group_rows;
  };
  for (const RowRange& range : ranges) {
    for (int64_t row = range.first; row < range.first + range.count;) {
      while (end_of(at) <= row) ++at;
      const int64_t count = std::min(end_of(at), range.first + range.count) - row;
      if (tasks.empty() || tasks.back().location.offset != pages[at].offset) {
        tasks.push_back({pages[at], end_of(at) - pages[at].first_row, {}});
      }
      tasks.back().parts.push_back({row - pages[at].first_row, count});
      row += count;
    }
  }
  return tasks;
}

/// Call sink(value, count) for the runs of some rows of a page.
template <typename Sink>
void ForEachRun(const std::vector<Run>& runs, std::span<const RowRange> parts, Sink&& sink) {
  size_t at = 0;
  int64_t run_begin = 0;
  for (const RowRange& part : parts) {
    int64_t row = part.first;
    const int64_t end = part.first + part.count;
    while (row < end) {
      while (run_begin + runs[at].count <= row) run_begin += runs[at++].count;
      const int64_t count = std::min(end, run_begin + runs[at].count) - row;
      sink(runs[at].value, count);
      row += count;
    }
  }
}

/// Append the elements of wanted lists.
template <typename T>
void TakeLists(const std::vector<int32_t>& lengths, const std::vector<T>& values,
               std::span<const RowRange> parts, ListColumn<T>* out) {
  size_t row = 0;
  size_t value = 0;
  for (const RowRange& part : parts) {
    for (; row < static_cast<size_t>(part.first); ++row) {
      value += static_cast<size_t>(std::max(lengths[row], 0));
    }
    const size_t first_value = value;
    for (; row < static_cast<size_t>(part.first + part.count); ++row) {
      out->lengths.push_back(lengths[row]);
      value += static_cast<size_t>(std::max(lengths[row], 0));
    }
    out->values.insert(out->values.end(), values.begin() + static_cast<std::ptrdiff_t>(first_value),
                       values.begin() + static_cast<std::ptrdiff_t>(value));
  }
}

}  // namespace

arrow::Status GroupColumns::Corrupt(const std::string& what, size_t leaf) const {
  const ChunkMeta& chunk = file_.meta().row_groups[group_].chunks[leaf];
  return file_.Corrupt(what + ": column=\"" + file_.leaves()[leaf].path[0] + "\"",
                       chunk.begin_offset());
}

arrow::Result<Page> GroupColumns::ReadDictionary(size_t leaf) {
  return file_.ReadDictionary(group_, leaf, stats_);
}

arrow::Status GroupColumns::ReadStrings(size_t leaf, std::unique_ptr<const Page>* page,
                                        std::vector<std::string_view>* strings) {
  ARROW_ASSIGN_OR_RAISE(Page dictionary, ReadDictionary(leaf));
  *page = std::make_unique<const Page>(std::move(dictionary));
  return file_.At(DecodeStrings(**page, strings),
                  file_.meta().row_groups[group_].chunks[leaf].begin_offset());
}

arrow::Status GroupColumns::ForEachPage(size_t leaf, const Decode& decode) {
  ARROW_ASSIGN_OR_RAISE(const auto pages, file_.PagesOf(group_, leaf, stats_));
  const RowGroupMeta& group = file_.meta().row_groups[group_];
  const bool nested = file_.leaves()[leaf].max_repetition > 0;
  const std::vector<PageTask> tasks = Plan(*pages, group.rows, ranges_);
  Page page;
  for (size_t begin = 0; begin < tasks.size();) {
    const int64_t offset = tasks[begin].location.offset;
    int64_t end_offset = offset + tasks[begin].location.size_bytes;
    size_t end = begin + 1;
    for (; end < tasks.size(); ++end) {
      const PageLocation& next = tasks[end].location;
      if (next.offset - end_offset > kReadGapBytes ||
          next.offset + next.size_bytes - offset > kMaxReadBytes) {
        break;
      }
      end_offset = next.offset + next.size_bytes;
    }
    ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                          file_.ReadBytes(offset, end_offset - offset, stats_));
    for (; begin < end; ++begin) {
      const PageTask& task = tasks[begin];
      page.offset = task.location.offset;
      const std::string_view page_bytes = std::string_view(bytes).substr(
          static_cast<size_t>(page.offset - offset), static_cast<size_t>(task.location.size_bytes));
      ARROW_RETURN_NOT_OK(file_
                              .DecodePage(page_bytes, page.offset, group.chunks[leaf].codec,
                                          &page.header, &page.body, stats_)
                              .status());
      if (page.header.type != PageType::kData || page.header.level_encoding != 3 ||
          (!nested && page.header.num_values != task.rows)) {
        return file_.Corrupt("page and offset index differ", page.offset);
      }
      ARROW_RETURN_NOT_OK(file_.At(decode(page, task.rows, task.parts), page.offset));
    }
  }
  return arrow::Status::OK();
}

arrow::Status GroupColumns::Ints(size_t leaf, std::vector<int64_t>* out) {
  ARROW_ASSIGN_OR_RAISE(const Page dictionary, ReadDictionary(leaf));
  std::vector<int64_t> values;
  return ForEachPage(
      leaf, [&](const Page& page, int64_t rows, std::span<const RowRange> parts) -> arrow::Status {
        if (stats_ != nullptr) stats_->samples_decoded += rows;
        values.resize(static_cast<size_t>(rows));
        ARROW_RETURN_NOT_OK(DecodeInts(page, dictionary.body, values));
        for (const RowRange& part : parts) {
          out->insert(out->end(), values.begin() + part.first,
                      values.begin() + part.first + part.count);
        }
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::OptionalInts(size_t leaf, std::vector<int64_t>* out,
                                         std::vector<uint8_t>* present) {
  ARROW_ASSIGN_OR_RAISE(const Page dictionary, ReadDictionary(leaf));
  const auto size = static_cast<uint32_t>(dictionary.body.size() / 8);
  return ForEachPage(
      leaf, [&](const Page& page, int64_t, std::span<const RowRange> parts) -> arrow::Status {
        std::vector<Run> runs;
        ARROW_RETURN_NOT_OK(DecodeCodes(page, /*optional=*/true, size, &runs));
        ForEachRun(runs, parts, [&](uint32_t code, int64_t count) {
          int64_t value = 0;
          const bool is_null = code == kNullRun;
          if (!is_null) std::memcpy(&value, dictionary.body.data() + size_t{code} * 8, 8);
          out->insert(out->end(), static_cast<size_t>(count), value);
          present->insert(present->end(), static_cast<size_t>(count), is_null ? 0 : 1);
        });
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::Int32s(size_t leaf, std::vector<int32_t>* out) {
  return ForEachPage(
      leaf, [&](const Page& page, int64_t rows, std::span<const RowRange> parts) -> arrow::Status {
        if (page.header.encoding != static_cast<int32_t>(Encoding::kPlain) ||
            page.body.size() != static_cast<size_t>(rows) * 4) {
          return BadPage("integers");
        }
        for (const RowRange& part : parts) {
          const size_t begin = out->size();
          out->resize(begin + static_cast<size_t>(part.count));
          std::memcpy(out->data() + begin, page.body.data() + part.first * 4,
                      static_cast<size_t>(part.count) * 4);
        }
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::Doubles(size_t leaf, const double* null_value,
                                    std::vector<double>* out) {
  return ForEachPage(
      leaf, [&](const Page& page, int64_t rows, std::span<const RowRange> parts) -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(const DoublePage split, SplitDoublePage(page.header, page.body));
        if (null_value == nullptr && split.present != rows) return BadPage("doubles: NULL");
        for (const RowRange& part : parts) {
          const size_t begin = out->size();
          out->resize(begin + static_cast<size_t>(part.count));
          DecodeDoubles(split, part.first, null_value == nullptr ? 0 : *null_value,
                        std::span(*out).subspan(begin));
        }
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::Flags(size_t leaf, std::vector<uint8_t>* out) {
  return ForEachPage(
      leaf, [&](const Page& page, int64_t rows, std::span<const RowRange> parts) -> arrow::Status {
        if (page.header.encoding != static_cast<int32_t>(Encoding::kPlain) ||
            page.body.size() != static_cast<size_t>((rows + 7) / 8)) {
          return BadPage("booleans");
        }
        for (const RowRange& part : parts) {
          for (int64_t row = part.first; row < part.first + part.count; ++row) {
            const auto byte = static_cast<uint8_t>(page.body[static_cast<size_t>(row / 8)]);
            out->push_back(static_cast<uint8_t>(byte >> (row % 8) & 1));
          }
        }
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::Enums(size_t leaf, std::span<const std::string_view> known,
                                  std::vector<uint8_t>* out) {
  std::unique_ptr<const Page> dictionary;
  std::vector<std::string_view> strings;
  ARROW_RETURN_NOT_OK(ReadStrings(leaf, &dictionary, &strings));
  std::vector<uint8_t> meaning;
  for (const std::string_view text : strings) {
    const auto found = std::find(known.begin(), known.end(), text);
    if (found == known.end()) return Corrupt("unknown value", leaf);
    meaning.push_back(static_cast<uint8_t>(found - known.begin()));
  }
  return ForEachPage(
      leaf, [&](const Page& page, int64_t, std::span<const RowRange> parts) -> arrow::Status {
        std::vector<Run> runs;
        ARROW_RETURN_NOT_OK(
            DecodeCodes(page, /*optional=*/false, static_cast<uint32_t>(meaning.size()), &runs));
        ForEachRun(runs, parts, [&](uint32_t code, int64_t count) {
          out->insert(out->end(), static_cast<size_t>(count), meaning[code]);
        });
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::Texts(size_t leaf, Strings* out) {
  out->pages.emplace_back();
  std::vector<std::string_view> strings;
  ARROW_RETURN_NOT_OK(ReadStrings(leaf, &out->pages.back(), &strings));
  return ForEachPage(
      leaf, [&](const Page& page, int64_t, std::span<const RowRange> parts) -> arrow::Status {
        std::vector<Run> runs;
        ARROW_RETURN_NOT_OK(
            DecodeCodes(page, /*optional=*/false, static_cast<uint32_t>(strings.size()), &runs));
        ForEachRun(runs, parts, [&](uint32_t code, int64_t count) {
          out->values.insert(out->values.end(), static_cast<size_t>(count), strings[code]);
        });
        return arrow::Status::OK();
      });
}

template <typename T>
arrow::Status GroupColumns::NumberLists(size_t leaf, ListColumn<T>* out) {
  const bool optional = file_.leaves()[leaf].max_definition > 1;
  ListPage levels;
  std::vector<T> values;
  return ForEachPage(
      leaf, [&](const Page& page, int64_t rows, std::span<const RowRange> parts) -> arrow::Status {
        ARROW_RETURN_NOT_OK(DecodeListLevels(page.header, page.body, optional, rows, &levels));
        values.clear();
        ARROW_RETURN_NOT_OK(DecodeListValues(page.header, levels, &values));
        TakeLists(levels.lengths, values, parts, out);
        return arrow::Status::OK();
      });
}

arrow::Status GroupColumns::Lists(size_t leaf, ListColumn<int32_t>* out) {
  return NumberLists(leaf, out);
}

arrow::Status GroupColumns::Lists(size_t leaf, ListColumn<int64_t>* out) {
  return NumberLists(leaf, out);
}

arrow::Status GroupColumns::Lists(size_t leaf, ListColumn<double>* out) {
  return NumberLists(leaf, out);
}

arrow::Status GroupColumns::Lists(size_t leaf, StringLists* out) {
  const bool optional = file_.leaves()[leaf].max_definition > 1;
  out->pages.emplace_back();
  std::vector<std::string_view> strings;
  ARROW_RETURN_NOT_OK(ReadStrings(leaf, &out->pages.back(), &strings));
  ListPage levels;
  std::vector<std::string_view> values;
  return ForEachPage(
      leaf, [&](const Page& page, int64_t rows, std::span<const RowRange> parts) -> arrow::Status {
        std::string_view body = page.body;
        if (page.header.encoding == static_cast<int32_t>(Encoding::kPlain)) {
          out->pages.push_back(std::make_unique<const Page>(page));
          body = out->pages.back()->body;
        }
        ARROW_RETURN_NOT_OK(DecodeListLevels(page.header, body, optional, rows, &levels));
        values.clear();
        ARROW_RETURN_NOT_OK(DecodeListValues(page.header, levels, strings, &values));
        TakeLists(levels.lengths, values, parts, &out->lists);
        return arrow::Status::OK();
      });
}

}  // namespace larnax::columns
