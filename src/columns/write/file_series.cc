#include "columns/write/file_series.h"

#include <algorithm>
#include <utility>

#include "columns/schema/schema.h"
#include "columns/write/value_summary.h"
#include "larnax/error.h"
#include "model/label_order.h"

namespace larnax::columns {
namespace {

constexpr size_t kNoPlace = static_cast<size_t>(-1);
constexpr size_t kMetricPlace = static_cast<size_t>(-2);

// A file of more series ends long before they have as many rows as summaries are written for.
constexpr int64_t kMaxSummarizedSeries = 256 << 10;

bool HasOther(const FileSeries& series, std::string_view label) {
  for (const OtherLabels& set : series.other_sets) {
    for (const auto& [key, value] : set) {
      if (series.other_dictionary[key] == label) return true;
    }
  }
  return false;
}

}  // namespace

FileSeries::FileSeries(std::vector<ColumnName> columns) {
  std::sort(columns.begin(), columns.end(),
            [](const ColumnName& a, const ColumnName& b) { return a.column < b.column; });
  for (ColumnName& column : columns) {
    by_label_.emplace(column.label, labels.size());
    labels.emplace_back(std::move(column));
  }
}

// Fills in what became of a label that is not the one that stood at its place before.
void FileSeries::Place(const Label& label, PlacedLabel* placed) {
  if (placed->name != label.name || placed->bytes.empty()) {
    const auto it = by_label_.find(label.name);
    placed->column = it == by_label_.end() ? kNoPlace : it->second;
    if (label.name == kMetricLabel) placed->column = kMetricPlace;
    placed->name = label.name;
  }
  placed->id_text.clear();
  model::AppendIdText(label, &placed->id_text);
  if (placed->column == kMetricPlace) {
    placed->code = metric.Intern(label.value);
  } else if (placed->column == kNoPlace) {
    placed->name_code = other_dictionary.Intern(label.name);
    placed->code = other_dictionary.Intern(label.value);
  } else {
    placed->code = labels[placed->column].Intern(label.value);
  }
}

const PlacedLabels& FileSeries::AddLabels(LabelsView series_labels) {
  const auto series = static_cast<int64_t>(series_ids.size());
  placed_.metric = kNullCode;
  placed_.labels.clear();
  id_text_.clear();
  OtherLabels other;
  size_t position = 0;
  for (std::string_view rest = series_labels.bytes(); !rest.empty(); ++position) {
    if (position == last_.size()) last_.emplace_back();
    PlacedLabel& label = last_[position];
    // Bytes of a label tell where they end: where they are the same, the label is.
    if (label.bytes.empty() || !rest.starts_with(label.bytes)) {
      const Label parsed = *LabelsView::Iterator(rest);
      Place(parsed, &label);
      label.bytes.assign(rest.data(), parsed.value.data() + parsed.value.size());
    }
    rest.remove_prefix(label.bytes.size());
    id_text_.append(label.id_text);
    if (label.column == kMetricPlace) {
      placed_.metric = label.code;
    } else if (label.column == kNoPlace) {
      other.emplace_back(label.name_code, label.code);
    } else {
      labels[label.column].AddSeries(label.code, series);
      placed_.labels.emplace_back(label.column, label.code);
    }
  }
  // The column is required; a label set without a metric name has an empty one.
  if (placed_.metric == kNullCode) placed_.metric = metric.Intern({});
  metric.AddSeries(placed_.metric, series);
  placed_.other = kNullCode;
  if (!other.empty()) {
    placed_.other = static_cast<uint32_t>(other_sets.size());
    other_sets.push_back(std::move(other));
  }
  AppendRun(placed_.other, 1, &other_runs);
  placed_.series_id = static_cast<int64_t>(model::SeriesIdOfText(id_text_));
  series_ids.push_back(placed_.series_id);
  return placed_;
}

void FileSeries::AddSamples(int64_t row_start, std::span<const int64_t> time_ms,
                            std::span<const double> value, int64_t stale_count, bool summarize) {
  extents.push_back({row_start, static_cast<int64_t>(time_ms.size()), time_ms.front(),
                     time_ms.back(), stale_count});
  if (summarize && size() <= kMaxSummarizedSeries) {
    values.push_back(Summarize(time_ms, value));
  } else {
    std::vector<SeriesValues>().swap(values);
  }
}

arrow::Status FileSeries::CheckRoom(LabelsView series_labels, int64_t most_label_bytes) {
  const auto more = static_cast<int64_t>(series_labels.bytes().size());
  label_bytes_bound_ += more;
  // Summing up many dictionaries for each series would cost more than the series.
  if (label_bytes_bound_ > most_label_bytes) label_bytes_bound_ = dictionary_bytes() + more;
  if (size() < kMaxRowGroupRows && label_bytes_bound_ <= most_label_bytes) {
    return arrow::Status::OK();
  }
  return MakeError(ErrorKind::kTooLarge,
                   "a file cannot hold more label values: series=" + std::to_string(size()));
}

int64_t FileSeries::dictionary_bytes() const {
  int64_t bytes = metric.dictionary().memory_bytes() + other_dictionary.memory_bytes();
  for (const LabelColumn& column : labels) bytes += column.dictionary().memory_bytes();
  return bytes;
}

std::vector<ColumnName> FileSeries::UsedColumns() const {
  std::vector<ColumnName> used;
  for (const LabelColumn& column : labels) {
    if (column.used()) used.push_back(column.name());
  }
  return used;
}

std::vector<SortingColumn> SortingOf(const FileSeries& series, std::span<const ColumnName> labels) {
  std::vector<SortingColumn> sorting{{0, true}};
  for (const std::string_view name : {std::string_view("job"), std::string_view("instance")}) {
    // Rows are not sorted by a column that lacks some of the label's values.
    if (HasOther(series, name)) break;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].label == name) sorting.push_back({static_cast<int32_t>(i + 1), true});
    }
  }
  return sorting;
}

}  // namespace larnax::columns
