#include "columns/check/chunk_check.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "columns/read/list_decoder.h"
#include "columns/write/chunk_encoder.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

constexpr size_t kMaxProblems = 100;

std::string ChunkText(const ParquetFile& file, size_t group, size_t leaf) {
  return "path=" + file.path() + " row_group=" + std::to_string(group) + " column=\"" +
         file.leaves()[leaf].path[0] + "\"";
}

bool StringBoundsHold(const ChunkPages& pages, const ColumnBounds& bounds) {
  std::vector<std::string_view> values;
  if (!DecodeStrings(pages.dictionary, &values).ok()) return false;
  if (values.empty()) return !bounds.min.has_value() && !bounds.max.has_value();
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return (!bounds.min.has_value() || *bounds.min == *min) &&
         (!bounds.max.has_value() || *bounds.max == *max);
}

/// Tell whether bounds are just these two numbers.
template <typename T>
bool AreBounds(const ColumnBounds& bounds, T min, T max) {
  return bounds.min.has_value() && bounds.max.has_value() &&
         *bounds.min == std::string_view(reinterpret_cast<const char*>(&min), sizeof(T)) &&
         *bounds.max == std::string_view(reinterpret_cast<const char*>(&max), sizeof(T));
}

bool IntBoundsHold(const ChunkPages& pages, const ColumnBounds& bounds) {
  int64_t min = std::numeric_limits<int64_t>::max();
  int64_t max = std::numeric_limits<int64_t>::min();
  for (const Page& page : pages.data) {
    std::vector<int64_t> values(static_cast<size_t>(page.header.num_values));
    if (!DecodeInts(page, pages.dictionary.body, values).ok()) return false;
    for (const int64_t value : values) {
      min = std::min(min, value);
      max = std::max(max, value);
    }
  }
  return AreBounds(bounds, min, max);
}

bool Int32BoundsHold(const ChunkPages& pages, const ColumnBounds& bounds) {
  int32_t min = std::numeric_limits<int32_t>::max();
  int32_t max = std::numeric_limits<int32_t>::min();
  for (const Page& page : pages.data) {
    if (page.body.size() != static_cast<size_t>(page.header.num_values) * 4) return false;
    for (size_t at = 0; at < page.body.size(); at += 4) {
      int32_t value = 0;
      std::memcpy(&value, page.body.data() + at, 4);
      min = std::min(min, value);
      max = std::max(max, value);
    }
  }
  return AreBounds(bounds, min, max);
}

bool DoubleBoundsHold(const ChunkPages& pages, const ColumnBounds& bounds) {
  DoubleBounds found;
  int64_t nulls = 0;
  for (const Page& page : pages.data) {
    const auto split = SplitDoublePage(page.header, page.body);
    if (!split.ok()) return false;
    std::vector<double> values(static_cast<size_t>(page.header.num_values));
    DecodeDoubles(*split, 0, 0, values);
    size_t row = 0;
    for (const Run& run : split->levels) {
      const auto count = static_cast<size_t>(run.count);
      if (run.value == 1) found.Add(std::span(values).subspan(row, count));
      nulls += run.value == 1 ? 0 : run.count;
      row += count;
    }
  }
  ColumnBounds want;
  found.Put(&want);
  return want.min == bounds.min && want.max == bounds.max && nulls == bounds.null_count;
}

/// Elements of lists and maps have no bounds, but for strings of a dictionary.
bool NestedBoundsHold(const ChunkPages& pages, const SchemaLeaf& leaf, int64_t rows,
                      const std::vector<PageLocation>& locations, const ColumnBounds& bounds) {
  int64_t nulls = 0;
  for (size_t i = 0; i < pages.data.size() && i < locations.size(); ++i) {
    const int64_t end = i + 1 < locations.size() ? locations[i + 1].first_row : rows;
    const PageHeader& header = pages.data[i].header;
    ListPage levels;
    if (!DecodeListLevels(header, pages.data[i].body, leaf.max_definition > 1,
                          end - locations[i].first_row, &levels)
             .ok()) {
      return false;
    }
    nulls += header.num_values - levels.values;
  }
  const bool has_bounds = bounds.min.has_value() || bounds.max.has_value();
  return nulls == bounds.null_count &&
         (!has_bounds || (leaf.type == PhysicalType::kBytes && StringBoundsHold(pages, bounds)));
}

/// Check a chunk's statistics against its values.
bool BoundsHold(const ChunkPages& pages, const SchemaLeaf& leaf, int64_t rows,
                const std::vector<PageLocation>& locations, const ColumnBounds& bounds) {
  if (leaf.max_repetition > 0) return NestedBoundsHold(pages, leaf, rows, locations, bounds);
  switch (leaf.type) {
    case PhysicalType::kBytes:
      return StringBoundsHold(pages, bounds);
    case PhysicalType::kInt64:
      return leaf.max_definition > 0 || IntBoundsHold(pages, bounds);
    case PhysicalType::kInt32:
      return leaf.max_definition > 0 || Int32BoundsHold(pages, bounds);
    case PhysicalType::kDouble:
      return DoubleBoundsHold(pages, bounds);
    case PhysicalType::kBoolean:
      break;
  }
  return true;
}

/// Tell whether page headers and offset index of a chunk are, byte for byte, what this room writes:
/// no checksum covers them, and a field that is not read here may mean something to other readers.
arrow::Result<bool> IsAsWritten(const ParquetFile& file, const ChunkMeta& chunk,
                                const ChunkPages& pages,
                                const std::vector<PageLocation>& locations) {
  const auto holds = [&](int64_t offset, const std::string& want) -> arrow::Result<bool> {
    const int64_t left = file.file_bytes() - offset;
    const auto size = static_cast<int64_t>(want.size());
    if (offset < 0 || size > left) return false;
    ARROW_ASSIGN_OR_RAISE(const std::string found, file.ReadBytes(offset, size, nullptr));
    return found == want;
  };
  std::string want;
  AppendOffsetIndex(locations, &want);
  if (static_cast<int64_t>(want.size()) != chunk.offset_index_bytes) return false;
  // A page of NULLs alone reads the same in any encoding, here.
  std::map<std::pair<int32_t, int32_t>, int32_t> page_counts;
  const auto count = [&](const PageHeader& header) {
    ++page_counts[{static_cast<int32_t>(header.type), header.encoding}];
  };
  if (chunk.dictionary_page_offset > 0) count(pages.dictionary.header);
  for (const Page& page : pages.data) count(page.header);
  if (page_counts != chunk.page_counts) return false;
  // Numbers of a dictionary are read without their count.
  if (chunk.type != PhysicalType::kBytes &&
      static_cast<size_t>(pages.dictionary.header.num_values) * sizeof(int64_t) !=
          pages.dictionary.body.size()) {
    return false;
  }
  ARROW_ASSIGN_OR_RAISE(bool same, holds(chunk.offset_index_offset, want));
  const auto check_header = [&](const PageHeader& header, int64_t offset) -> arrow::Status {
    want.clear();
    AppendPageHeader(header, &want);
    ARROW_ASSIGN_OR_RAISE(const bool header_same, holds(offset, want));
    same &= header_same;
    return arrow::Status::OK();
  };
  if (chunk.dictionary_page_offset > 0) {
    ARROW_RETURN_NOT_OK(check_header(pages.dictionary.header, chunk.dictionary_page_offset));
  }
  for (const Page& page : pages.data) {
    ARROW_RETURN_NOT_OK(check_header(page.header, page.offset));
  }
  return same;
}

}  // namespace

void Problems::Add(std::string problem) {
  if (list_.size() < kMaxProblems) list_.push_back(std::move(problem));
}

void Problems::Check(bool good, const char* what, LabelsView labels) {
  if (!good) Add(std::string(what) + ": series=" + labels.ToString());
}

arrow::Status CheckChunks(const ParquetFile& file, Problems* problems) {
  for (size_t group = 0; group < file.meta().row_groups.size(); ++group) {
    for (size_t leaf = 0; leaf < file.leaves().size(); ++leaf) {
      const std::string where = ChunkText(file, group, leaf);
      ARROW_ASSIGN_OR_RAISE(const ChunkPages pages, file.ReadChunk(group, leaf, nullptr));
      bool has_checksums = true;
      for (const Page& page : pages.data) has_checksums &= page.header.crc32.has_value();
      if (!has_checksums) problems->Add("page without checksum: " + where);
      ARROW_ASSIGN_OR_RAISE(const auto locations, file.PagesOf(group, leaf, nullptr));
      const ChunkMeta& chunk = file.meta().row_groups[group].chunks[leaf];
      bool same = locations->size() == pages.data.size();
      int64_t row = 0;
      int64_t end = chunk.begin_offset() + chunk.compressed_bytes;
      for (size_t i = pages.data.size(); same && i-- > 0; end = pages.data[i].offset) {
        same = (*locations)[i].size_bytes == end - pages.data[i].offset;
      }
      for (size_t i = 0; same && i < pages.data.size(); ++i) {
        same = (*locations)[i].offset == pages.data[i].offset;
        if (file.leaves()[leaf].max_repetition == 0) {
          same &= (*locations)[i].first_row == row;
          row += pages.data[i].header.num_values;
        }
      }
      if (!same) problems->Add("offset index and pages differ: " + where);
      ARROW_ASSIGN_OR_RAISE(const bool as_written, IsAsWritten(file, chunk, pages, *locations));
      if (!as_written) problems->Add("damaged page header or offset index: " + where);
      if (!BoundsHold(pages, file.leaves()[leaf], file.meta().row_groups[group].rows, *locations,
                      chunk.bounds)) {
        problems->Add("wrong statistics: " + where);
      }
    }
  }
  return arrow::Status::OK();
}

arrow::Result<FilePair> OpenChecked(io::FileSystem& fs, const std::string& data_path,
                                    const std::string& series_path, Problems* problems) {
  FilePair pair;
  ARROW_ASSIGN_OR_RAISE(pair.data, fs.OpenReadable(data_path));
  ARROW_ASSIGN_OR_RAISE(pair.series, fs.OpenReadable(series_path));
  ARROW_ASSIGN_OR_RAISE(pair.data_file, ParquetFile::Open(pair.data, nullptr, 0));
  ARROW_ASSIGN_OR_RAISE(pair.series_file, ParquetFile::Open(pair.series, nullptr, 0));
  ARROW_RETURN_NOT_OK(CheckChunks(*pair.data_file, problems));
  ARROW_RETURN_NOT_OK(CheckChunks(*pair.series_file, problems));
  return pair;
}

arrow::Result<std::vector<std::string>> Report(const arrow::Status& status, Problems* problems) {
  if (!status.ok()) {
    if (KindOf(status) != ErrorKind::kCorrupt) return status;
    problems->Add(status.message());
  }
  return problems->Take();
}

}  // namespace larnax::columns
