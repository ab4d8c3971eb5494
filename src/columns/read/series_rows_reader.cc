#include "columns/read/series_rows_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "columns/schema/schema.h"

namespace larnax::columns {

arrow::Status LeafFinder::Find(std::string_view name, PhysicalType type, bool optional,
                               size_t* leaf) const {
  const int found = file_.FindLeaf(name);
  if (found < 0 || file_.leaves()[static_cast<size_t>(found)].type != type ||
      file_.leaves()[static_cast<size_t>(found)].max_definition != (optional ? 1 : 0)) {
    return file_.Corrupt("no column " + std::string(name),
                         file_.file_bytes() - file_.footer_bytes());
  }
  *leaf = static_cast<size_t>(found);
  return arrow::Status::OK();
}

arrow::Status LeafFinder::FindList(std::string_view name, PhysicalType type, bool optional,
                                   size_t* leaf) const {
  for (size_t i = 0; i < file_.leaves().size(); ++i) {
    const SchemaLeaf& one = file_.leaves()[i];
    if (one.path.size() != 3 || one.path[0] != name || one.type != type ||
        one.max_repetition != 1 || one.max_definition != (optional ? 2 : 1)) {
      continue;
    }
    *leaf = i;
    return arrow::Status::OK();
  }
  return file_.Corrupt("no column " + std::string(name), file_.file_bytes() - file_.footer_bytes());
}

arrow::Result<SeriesRowsReader> SeriesRowsReader::Open(std::shared_ptr<io::ReadableFile> file,
                                                       ReadStats* stats, int64_t footer_bytes,
                                                       std::optional<uint32_t> footer_crc32c) {
  ARROW_ASSIGN_OR_RAISE(auto parquet,
                        ParquetFile::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  SeriesRowsReader reader(std::move(parquet));
  int64_t row = 0;
  for (const RowGroupMeta& group : reader.file_->meta().row_groups) {
    reader.group_start_.push_back(row);
    row += group.rows;
  }
  reader.group_start_.push_back(row);
  ARROW_RETURN_NOT_OK(
      LeafFinder(*reader.file_)
          .Find(kTimestampColumn, PhysicalType::kInt64, /*optional=*/false, &reader.time_leaf_));
  return reader;
}

int64_t SeriesRowsReader::mean_row_bytes() const {
  const int64_t rows = file_->meta().rows;
  int64_t bytes = 0;
  for (const RowGroupMeta& group : file_->meta().row_groups) {
    for (size_t leaf = time_leaf_; leaf < group.chunks.size(); ++leaf) {
      bytes += group.chunks[leaf].uncompressed_bytes;
    }
  }
  return rows == 0 ? 0 : bytes / rows + 1;
}

arrow::Status SeriesRowsReader::CheckExtents(std::span<const SeriesExtent> extents) const {
  const int64_t rows = group_start_.back();
  int64_t end = 0;
  for (const SeriesExtent& extent : extents) {
    if (extent.row_start < end || extent.row_start > rows || extent.row_count < 0 ||
        extent.row_count > rows - extent.row_start) {
      return arrow::Status::Invalid("bad extent: row_start=", extent.row_start,
                                    " row_count=", extent.row_count, " rows=", rows);
    }
    end = extent.row_start + extent.row_count;
  }
  return arrow::Status::OK();
}

arrow::Result<SeriesRowsReader::Found> SeriesRowsReader::ReadGroup(size_t group,
                                                                   std::span<const Piece> pieces,
                                                                   std::span<const RowRange> ranges,
                                                                   TimeRange range, bool strict,
                                                                   ReadStats* stats) const {
  GroupColumns columns(*file_, group, ranges, stats);
  std::vector<int64_t> times;
  ARROW_RETURN_NOT_OK(columns.Ints(time_leaf_, &times));
  for (int64_t& time : times) time /= 1000;
  Found found;
  found.rows.group = group;
  size_t at = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto own = std::span(times).subspan(at, pieces[i].count);
    at += pieces[i].count;
    const auto unordered = std::adjacent_find(
        own.begin(), own.end(), [&](int64_t a, int64_t b) { return strict ? a >= b : a > b; });
    if (unordered != own.end()) return columns.Corrupt("times do not ascend", time_leaf_);
    const auto begin = std::lower_bound(own.begin(), own.end(), range.start_ms);
    const auto end = std::upper_bound(begin, own.end(), range.end_ms);
    if (begin == end) continue;
    found.pieces.push_back({pieces[i].extent, static_cast<size_t>(end - begin)});
    found.rows.ranges.push_back({ranges[i].first + (begin - own.begin()), end - begin});
    found.rows.time_ms.insert(found.rows.time_ms.end(), begin, end);
  }
  return found;
}

arrow::Status SeriesRowsReader::ForEachGroup(
    std::span<const SeriesExtent> extents, TimeRange range, bool strict, std::vector<size_t>* ends,
    ReadStats* stats, const std::function<arrow::Status(const GroupRows&)>& take) const {
  ARROW_RETURN_NOT_OK(CheckExtents(extents));
  ends->assign(extents.size(), 0);
  std::vector<Piece> pieces;
  std::vector<RowRange> ranges;
  size_t next = 0;
  size_t taken = 0;
  // Where a series goes on in another row group.
  size_t last_extent = extents.size();
  int64_t last_time_ms = 0;
  for (size_t group = 0; group + 1 < group_start_.size() && next < extents.size(); ++group) {
    const int64_t group_begin = group_start_[group];
    const int64_t group_end = group_start_[group + 1];
    pieces.clear();
    ranges.clear();
    for (; next < extents.size() && extents[next].row_start < group_end; ++next) {
      const SeriesExtent& extent = extents[next];
      const int64_t end = extent.row_start + extent.row_count;
      const int64_t first = std::max(extent.row_start, group_begin);
      const int64_t count = std::min(end, group_end) - first;
      const bool wanted = range.Overlaps({extent.min_time_ms, extent.max_time_ms});
      if (count > 0 && wanted) {
        pieces.push_back({next, static_cast<size_t>(count)});
        ranges.push_back({first - group_begin, count});
      }
      // It goes on in the next row group.
      if (end > group_end) break;
    }
    if (pieces.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(const Found found,
                          ReadGroup(group, pieces, ranges, range, strict, stats));
    if (found.pieces.empty()) continue;
    const std::vector<int64_t>& times = found.rows.time_ms;
    if (found.pieces.front().extent == last_extent &&
        (strict ? times.front() <= last_time_ms : times.front() < last_time_ms)) {
      return GroupColumns(*file_, group, ranges, stats).Corrupt("times do not ascend", time_leaf_);
    }
    last_extent = found.pieces.back().extent;
    last_time_ms = times.back();
    for (const Piece& piece : found.pieces) (*ends)[piece.extent] = taken += piece.count;
    ARROW_RETURN_NOT_OK(take(found.rows));
  }
  // Where a series had no rows.
  for (size_t i = 1; i < ends->size(); ++i) (*ends)[i] = std::max((*ends)[i], (*ends)[i - 1]);
  return arrow::Status::OK();
}

}  // namespace larnax::columns
