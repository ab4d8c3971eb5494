#include "columns/check/data_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "columns/schema/schema.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

arrow::Status DecodeBooleans(const Page& page, std::vector<uint8_t>* out) {
  const auto rows = static_cast<size_t>(page.header.num_values);
  if (page.header.encoding != static_cast<int32_t>(Encoding::kPlain) ||
      page.body.size() != (rows + 7) / 8) {
    return MakeError(ErrorKind::kCorrupt, "cannot decode page of booleans");
  }
  for (size_t i = 0; i < rows; ++i) {
    out->push_back(static_cast<uint8_t>(static_cast<uint8_t>(page.body[i / 8]) >> (i % 8) & 1));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::unique_ptr<DataScanner>> DataScanner::Open(
    std::shared_ptr<const ParquetFile> file) {
  std::unique_ptr<DataScanner> scanner(new DataScanner(std::move(file)));
  ARROW_RETURN_NOT_OK(scanner->Init());
  return scanner;
}

arrow::Status DataScanner::Init() {
  const int64_t footer = file_->file_bytes() - file_->footer_bytes();
  struct Wanted {
    std::string_view name;
    PhysicalType type;
    int max_definition;
    size_t* leaf;
  };
  for (const Wanted& wanted :
       {Wanted{kSeriesIdColumn, PhysicalType::kInt64, 0, &id_leaf_},
        Wanted{kTimestampColumn, PhysicalType::kInt64, 0, &time_leaf_},
        Wanted{kValueColumn, PhysicalType::kDouble, 1, &value_leaf_},
        Wanted{kStaleColumn, PhysicalType::kBoolean, 0, &stale_leaf_},
        Wanted{kStartTimestampColumn, PhysicalType::kInt64, 1, &start_leaf_}}) {
    const int leaf = file_->FindLeaf(wanted.name);
    if (leaf < 0 || file_->leaves()[static_cast<size_t>(leaf)].type != wanted.type ||
        file_->leaves()[static_cast<size_t>(leaf)].max_definition != wanted.max_definition) {
      return file_->Corrupt("no column " + std::string(wanted.name), footer);
    }
    *wanted.leaf = static_cast<size_t>(leaf);
  }
  return labels_.Init();
}

arrow::Status DataScanner::LoadGroup(size_t group) {
  ARROW_RETURN_NOT_OK(labels_.Load(group));
  ARROW_RETURN_NOT_OK(LoadNumbers(group));
  return LoadStarts(group);
}

arrow::Status DataScanner::LoadNumbers(size_t group) {
  const auto rows = static_cast<size_t>(labels_.rows());
  for (const auto& [leaf, out] : {std::pair(id_leaf_, &ids_), {time_leaf_, &times_us_}}) {
    out->assign(rows, 0);
    ARROW_ASSIGN_OR_RAISE(const ChunkPages pages, file_->ReadChunk(group, leaf, nullptr));
    size_t at = 0;
    for (const Page& page : pages.data) {
      const auto count = static_cast<size_t>(page.header.num_values);
      ARROW_RETURN_NOT_OK(
          file_->At(DecodeInts(page, pages.dictionary.body, std::span(*out).subspan(at, count)),
                    page.offset));
      at += count;
    }
  }
  values_.assign(rows, 0);
  ARROW_ASSIGN_OR_RAISE(const ChunkPages values, file_->ReadChunk(group, value_leaf_, nullptr));
  size_t at = 0;
  for (const Page& page : values.data) {
    const auto count = static_cast<size_t>(page.header.num_values);
    auto split = SplitDoublePage(page.header, page.body);
    if (!split.ok()) return file_->At(split.status(), page.offset);
    DecodeDoubles(*split, 0, std::bit_cast<double>(kStaleBits),
                  std::span(values_).subspan(at, count));
    at += count;
  }
  stale_.clear();
  ARROW_ASSIGN_OR_RAISE(const ChunkPages stale, file_->ReadChunk(group, stale_leaf_, nullptr));
  for (const Page& page : stale.data) {
    ARROW_RETURN_NOT_OK(file_->At(DecodeBooleans(page, &stale_), page.offset));
  }
  return arrow::Status::OK();
}

arrow::Status DataScanner::LoadStarts(size_t group) {
  starts_ms_.clear();
  const ChunkMeta& chunk = file_->meta().row_groups[group].chunks[start_leaf_];
  ARROW_ASSIGN_OR_RAISE(const ChunkPages pages, file_->ReadChunk(group, start_leaf_, nullptr));
  const std::string& dictionary = pages.dictionary.body;
  std::vector<Run> runs;
  for (const Page& page : pages.data) {
    ARROW_RETURN_NOT_OK(file_->At(
        DecodeCodes(page, true, static_cast<uint32_t>(dictionary.size() / 8), &runs), page.offset));
  }
  if (chunk.bounds.null_count == chunk.num_values && runs.size() == 1 &&
      runs[0].value == kNullRun) {
    return arrow::Status::OK();
  }
  for (const Run& run : runs) {
    int64_t start_us = 0;
    if (run.value != kNullRun) {
      std::memcpy(&start_us, dictionary.data() + size_t{run.value} * 8, 8);
    }
    starts_ms_.insert(starts_ms_.end(), static_cast<size_t>(run.count), start_us / 1000);
  }
  return arrow::Status::OK();
}

void DataScanner::TakeRows(int64_t begin, int64_t end, ScannedSeries* series) {
  const size_t rows_before = series->time_ms.size();
  for (int64_t row = begin; row < end; ++row) {
    const auto at = static_cast<size_t>(row);
    series->time_ms.push_back(times_us_[at] / 1000);
    if (series->series_ids.empty() || series->series_ids.back() != ids_[at]) {
      series->series_ids.push_back(ids_[at]);
    }
  }
  series->value.insert(series->value.end(), values_.begin() + begin, values_.begin() + end);
  series->stale.insert(series->stale.end(), stale_.begin() + begin, stale_.begin() + end);
  if (!starts_ms_.empty() || !series->start_ms.empty()) {
    series->start_ms.resize(rows_before, 0);
    if (starts_ms_.empty()) {
      series->start_ms.resize(series->time_ms.size(), 0);
    } else {
      series->start_ms.insert(series->start_ms.end(), starts_ms_.begin() + begin,
                              starts_ms_.begin() + end);
    }
  }
}

arrow::Result<bool> DataScanner::Next(ScannedSeries* series) {
  *series = {};
  bool any = false;
  while (true) {
    if (pending_rows_ == 0 && labels_.row() == labels_.rows()) {
      if (group_ == file_->meta().row_groups.size()) return any;
      ARROW_RETURN_NOT_OK(LoadGroup(group_++));
    }
    if (pending_rows_ == 0) pending_rows_ = labels_.NextStretch(&pending_labels_);
    // A series may go on in the next row group, or have its rows cut by runs that join.
    if (any && pending_labels_ != series->label_bytes) return true;
    series->label_bytes = pending_labels_;
    any = true;
    TakeRows(labels_.row() - pending_rows_, labels_.row(), series);
    pending_rows_ = 0;
  }
}

}  // namespace larnax::columns
