#include "columns/read/group_labels.h"

#include <algorithm>
#include <utility>

#include "columns/schema/schema.h"

namespace larnax::columns {
arrow::Status GroupLabels::Init() {
  const int64_t footer = file_->file_bytes() - file_->footer_bytes();
  const auto other = FindOtherLabels(file_->leaves());
  if (!other.has_value()) return file_->Corrupt("no column other_labels", footer);
  other_leaf_ = *other;
  auto labels = LabelLeaves(file_->meta(), file_->leaves());
  if (!labels.ok()) return file_->At(labels.status(), footer);
  for (auto& [leaf, name] : *labels) {
    Column column;
    column.name = std::move(name);
    column.leaf = leaf;
    labels_.push_back(std::move(column));
  }
  std::sort(labels_.begin(), labels_.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return arrow::Status::OK();
}

std::vector<ColumnName> GroupLabels::columns() const {
  std::vector<ColumnName> columns;
  for (const Column& label : labels_) {
    if (label.name != kMetricLabel) {
      columns.push_back({label.name, file_->leaves()[label.leaf].path[0]});
    }
  }
  return columns;
}

arrow::Status GroupLabels::Load(size_t group) {
  rows_ = file_->meta().row_groups[group].rows;
  row_ = 0;
  for (Column& label : labels_) {
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
  auto other = DecodeOtherColumn(std::move(keys), std::move(values), rows_);
  if (!other.ok()) {
    return file_->At(other.status(),
                     file_->meta().row_groups[group].chunks[other_leaf_].begin_offset());
  }
  other_ = std::move(other).ValueUnsafe();
  return arrow::Status::OK();
}

int64_t GroupLabels::NextStretch(std::string* label_bytes) {
  int64_t end = rows_;
  for (Column& label : labels_) {
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
  for (const Column& label : labels_) {
    const uint32_t code = label.runs[label.run].value;
    if (code == kNullRun || label.values[code].empty()) continue;
    append_others(&label.name);
    AppendLabel(label.name, label.values[code], label_bytes);
  }
  append_others(nullptr);
  return end - std::exchange(row_, end);
}

}  // namespace larnax::columns
