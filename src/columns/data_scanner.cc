#include "columns/data_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/varint.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

size_t VarintBytes(uint64_t value) {
  return static_cast<size_t>(std::max(1, (static_cast<int>(std::bit_width(value)) + 6) / 7));
}

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

void AppendLabel(std::string_view name, std::string_view value, std::string* out) {
  const size_t size =
      2 + VarintBytes(name.size()) + name.size() + VarintBytes(value.size()) + value.size();
  out->push_back('\x0A');
  base::PutVarint(size, out);
  out->push_back('\x0A');
  base::PutVarint(name.size(), out);
  out->append(name);
  out->push_back('\x12');
  base::PutVarint(value.size(), out);
  out->append(value);
}

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
  const auto other = FindOtherLabels(file_->leaves());
  if (!other.has_value()) return file_->Corrupt("no column other_labels", footer);
  other_leaf_ = *other;
  auto labels = LabelLeaves(file_->meta(), file_->leaves());
  if (!labels.ok()) return file_->At(labels.status(), footer);
  for (auto& [leaf, name] : *labels) {
    LabelColumnState state;
    state.name = std::move(name);
    state.leaf = leaf;
    labels_.push_back(std::move(state));
  }
  std::sort(labels_.begin(), labels_.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return arrow::Status::OK();
}

std::vector<ColumnName> DataScanner::columns() const {
  std::vector<ColumnName> columns;
  for (const LabelColumnState& label : labels_) {
    if (label.name != kMetricLabel) {
      columns.push_back({label.name, file_->leaves()[label.leaf].path[0]});
    }
  }
  return columns;
}

arrow::Status DataScanner::LoadGroup(size_t group) {
  group_rows_ = file_->meta().row_groups[group].rows;
  row_ = 0;
  ARROW_RETURN_NOT_OK(LoadLabels(group));
  ARROW_RETURN_NOT_OK(LoadNumbers(group));
  return LoadStarts(group);
}

arrow::Status DataScanner::LoadLabels(size_t group) {
  for (LabelColumnState& label : labels_) {
    ARROW_ASSIGN_OR_RAISE(ChunkPages pages, file_->ReadChunk(group, label.leaf, nullptr));
    label.dictionary = std::move(pages.dictionary);
    label.values.clear();
    label.runs.clear();
    ARROW_RETURN_NOT_OK(
        file_->At(DecodeStrings(label.dictionary, &label.values), label.dictionary.offset));
    const bool optional = file_->leaves()[label.leaf].max_definition > 0;
    for (const Page& page : pages.data) {
      ARROW_RETURN_NOT_OK(file_->At(
          DecodeCodes(page, optional, static_cast<uint32_t>(label.values.size()), &label.runs),
          page.offset));
    }
    label.run = 0;
    label.run_end = label.runs.front().count;
  }
  ARROW_ASSIGN_OR_RAISE(ChunkPages keys, file_->ReadChunk(group, other_leaf_, nullptr));
  ARROW_ASSIGN_OR_RAISE(ChunkPages values, file_->ReadChunk(group, other_leaf_ + 1, nullptr));
  auto other = DecodeOtherColumn(std::move(keys), std::move(values), group_rows_);
  if (!other.ok()) {
    return file_->At(other.status(),
                     file_->meta().row_groups[group].chunks[other_leaf_].begin_offset());
  }
  other_ = std::move(other).ValueUnsafe();
  return arrow::Status::OK();
}

arrow::Status DataScanner::LoadNumbers(size_t group) {
  const auto rows = static_cast<size_t>(group_rows_);
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

int64_t DataScanner::NextStretch(std::string* label_bytes) {
  int64_t end = group_rows_;
  for (LabelColumnState& label : labels_) {
    while (label.run_end <= row_) label.run_end += label.runs[++label.run].count;
    end = std::min(end, label.run_end);
  }
  const auto row = static_cast<size_t>(row_);
  const uint32_t set = other_.set_of_row[row];
  for (int64_t next = row_ + 1; next < end; ++next) {
    if (other_.set_of_row[static_cast<size_t>(next)] != set) end = next;
  }
  auto more = other_.LabelsOf(static_cast<uint32_t>(row));
  const auto append_others = [&](const std::string* before) {
    while (!more.empty() && (before == nullptr || other_.keys[more[0].first] < *before)) {
      AppendLabel(other_.keys[more[0].first], other_.values[more[0].second], label_bytes);
      more = more.subspan(1);
    }
  };
  label_bytes->clear();
  for (const LabelColumnState& label : labels_) {
    const uint32_t code = label.runs[label.run].value;
    if (code == kNullRun || label.values[code].empty()) continue;
    append_others(&label.name);
    AppendLabel(label.name, label.values[code], label_bytes);
  }
  append_others(nullptr);
  return end - row_;
}

void DataScanner::TakeRows(int64_t rows, ScannedSeries* series) {
  const int64_t end = row_ + rows;
  const size_t rows_before = series->time_ms.size();
  for (int64_t row = row_; row < end; ++row) {
    const auto at = static_cast<size_t>(row);
    series->time_ms.push_back(times_us_[at] / 1000);
    if (series->series_ids.empty() || series->series_ids.back() != ids_[at]) {
      series->series_ids.push_back(ids_[at]);
    }
  }
  series->value.insert(series->value.end(), values_.begin() + row_, values_.begin() + end);
  series->stale.insert(series->stale.end(), stale_.begin() + row_, stale_.begin() + end);
  if (!starts_ms_.empty() || !series->start_ms.empty()) {
    series->start_ms.resize(rows_before, 0);
    if (starts_ms_.empty()) {
      series->start_ms.resize(series->time_ms.size(), 0);
    } else {
      series->start_ms.insert(series->start_ms.end(), starts_ms_.begin() + row_,
                              starts_ms_.begin() + end);
    }
  }
  row_ = end;
}

arrow::Result<bool> DataScanner::Next(ScannedSeries* series) {
  *series = {};
  bool any = false;
  std::string label_bytes;
  while (true) {
    if (row_ == group_rows_) {
      if (group_ == file_->meta().row_groups.size()) return any;
      ARROW_RETURN_NOT_OK(LoadGroup(group_++));
    }
    const int64_t rows = NextStretch(&label_bytes);
    // A series may go on in the next row group, or have its rows cut by runs that join.
    if (any && label_bytes != series->label_bytes) return true;
    series->label_bytes = label_bytes;
    any = true;
    TakeRows(rows, series);
  }
}

}  // namespace larnax::columns
