#include "columns/write/series_table.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "columns/schema/schema.h"
#include "larnax/error.h"
#include "larnax/samples.h"
#include "model/label_order.h"

namespace larnax::columns {
namespace {

constexpr size_t kNoPlace = static_cast<size_t>(-1);
constexpr size_t kMetricPlace = static_cast<size_t>(-2);

// A file of more series ends long before they have as many rows as summaries are written for.
constexpr int64_t kMaxSummarizedSeries = 256 << 10;

// What x86 makes of inf - inf.
constexpr uint64_t kNegativeNanBits = 0xfff8000000000000;
constexpr uint64_t kQuietBit = 0x0008000000000000;

int ZstdLevel(Tier tier) {
  switch (tier) {
    case Tier::kFresh:
      return 1;
    case Tier::kMerged:
      return 3;
    case Tier::kDay:
      return 9;
  }
  return 3;
}

/// Tell which NaN sum + value is. An addition leaves that to compiler and processor, but a file
/// must not depend on them.
double NanOf(double sum, double value) {
  if (std::isnan(value)) return std::bit_cast<double>(std::bit_cast<uint64_t>(value) | kQuietBit);
  return std::isnan(sum) ? sum : std::bit_cast<double>(kNegativeNanBits);
}

bool HasOther(const SeriesTable& table, std::string_view label) {
  for (const OtherLabels& set : table.other_sets) {
    for (const auto& [key, value] : set) {
      if (table.other_dictionary[key] == label) return true;
    }
  }
  return false;
}

void AddValueColumns(const SeriesTable& table, const ChunkContext& context,
                     std::vector<EncodedChunk>* chunks) {
  std::vector<uint8_t> present;
  present.reserve(table.values.size());
  for (const SeriesValues& values : table.values) present.push_back(values.has_values ? 1 : 0);
  const auto doubles = [&](double SeriesValues::* member) {
    std::vector<double> column;
    for (const SeriesValues& values : table.values) column.push_back(values.*member);
    chunks->push_back(EncodeDoubles(column, present, context));
  };
  // Integers with NULLs are rare: as runs of a dictionary of one entry per series.
  const auto integers = [&](auto&& get) {
    std::vector<int64_t> column;
    std::vector<Run> runs;
    for (const SeriesValues& values : table.values) {
      if (!values.has_values) {
        AppendRun(kNullCode, 1, &runs);
        continue;
      }
      if (column.empty() || column.back() != get(values)) column.push_back(get(values));
      AppendRun(static_cast<uint32_t>(column.size() - 1), 1, &runs);
    }
    chunks->push_back(EncodeIntRuns(column, runs, /*optional=*/true, context));
  };
  doubles(&SeriesValues::first_value);
  doubles(&SeriesValues::last_value);
  integers([](const SeriesValues& values) { return values.last_time_ms * 1000; });
  doubles(&SeriesValues::sum);
  doubles(&SeriesValues::min);
  doubles(&SeriesValues::max);
  integers([](const SeriesValues& values) { return values.resets; });
}

}  // namespace

ChunkContext ContextFor(const WriterOptions& options, PageCompressor* compressor, bool series) {
  ChunkContext context;
  context.compressor = compressor;
  context.zstd = {ZstdLevel(options.tier), 0, false};
  context.page_rows = series ? options.series_page_rows : 0;
  context.try_encodings = options.tier != Tier::kFresh;
  context.wide_compat = options.wide_compat;
  return context;
}

uint32_t LabelColumn::Intern(std::string_view value) {
  if (last_code_ == kNullCode || value != last_value_) {
    last_code_ = dictionary_.Intern(value);
    last_value_ = dictionary_[last_code_];
  }
  return last_code_;
}

std::vector<Run> ShortRuns::Expand() const {
  std::vector<Run> runs;
  runs.reserve(runs_.size());
  for (const auto& [value, count] : runs_) runs.push_back({value, count});
  return runs;
}

void LabelColumn::AddSeries(uint32_t code, int64_t series) {
  series_runs_.Append(kNullCode, series - series_filled_);
  series_runs_.Append(code, 1);
  series_filled_ = series + 1;
}

void LabelColumn::AddRows(uint32_t code, int64_t first, int64_t count) {
  row_runs_.Append(kNullCode, first - rows_filled_);
  row_runs_.Append(code, count);
  rows_filled_ = first + count;
}

std::vector<Run> LabelColumn::SeriesRuns(int64_t series) {
  series_runs_.Append(kNullCode, series - series_filled_);
  series_filled_ = series;
  return series_runs_.Expand();
}

std::vector<Run> LabelColumn::TakeRows(int64_t rows) {
  row_runs_.Append(kNullCode, rows - rows_filled_);
  rows_filled_ = 0;
  return std::exchange(row_runs_, {}).Expand();
}

SeriesValues Summarize(std::span<const int64_t> time_ms, std::span<const double> value) {
  SeriesValues result;
  double sum = 0;
  double correction = 0;
  double previous = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const double v = value[i];
    if (std::bit_cast<uint64_t>(v) == kStaleBits) continue;
    if (!result.has_values) {
      result.has_values = true;
      result.first_value = v;
      result.min = v;
      result.max = v;
    } else {
      if (v < previous) ++result.resets;
      if (v < result.min || std::isnan(result.min)) result.min = v;
      if (v > result.max || std::isnan(result.max)) result.max = v;
    }
    previous = v;
    result.last_value = v;
    result.last_time_ms = time_ms[i];
    double next = sum + v;
    if (std::isnan(next)) {
      next = NanOf(sum, v);
    } else if (std::isinf(next)) {
      correction = 0;
    } else {
      correction += std::abs(sum) >= std::abs(v) ? (sum - next) + v : (v - next) + sum;
    }
    sum = next;
  }
  result.sum = std::isfinite(sum) ? sum + correction : sum;
  return result;
}

SeriesTable::SeriesTable(std::vector<ColumnName> columns) {
  std::sort(columns.begin(), columns.end(),
            [](const ColumnName& a, const ColumnName& b) { return a.column < b.column; });
  for (ColumnName& column : columns) {
    by_label_.emplace(column.label, labels.size());
    labels.emplace_back(std::move(column));
  }
}

// Fills in what became of a label that is not the one that stood at its place before.
void SeriesTable::Place(const Label& label, PlacedLabel* placed) {
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

const PlacedLabels& SeriesTable::AddLabels(LabelsView series_labels) {
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

void SeriesTable::AddSamples(int64_t row_start, std::span<const int64_t> time_ms,
                             std::span<const double> value, int64_t stale_count, bool summarize) {
  extents.push_back({row_start, static_cast<int64_t>(time_ms.size()), time_ms.front(),
                     time_ms.back(), stale_count});
  if (summarize && size() <= kMaxSummarizedSeries) {
    values.push_back(Summarize(time_ms, value));
  } else {
    std::vector<SeriesValues>().swap(values);
  }
}

arrow::Status SeriesTable::CheckRoom(LabelsView series_labels, int64_t most_label_bytes) {
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

int64_t SeriesTable::dictionary_bytes() const {
  int64_t bytes = metric.dictionary().memory_bytes() + other_dictionary.memory_bytes();
  for (const LabelColumn& column : labels) bytes += column.dictionary().memory_bytes();
  return bytes;
}

std::vector<ColumnName> SeriesTable::UsedColumns() const {
  std::vector<ColumnName> used;
  for (const LabelColumn& column : labels) {
    if (column.used()) used.push_back(column.name());
  }
  return used;
}

std::vector<SortingColumn> SortingOf(const SeriesTable& table, std::span<const ColumnName> labels) {
  std::vector<SortingColumn> sorting{{0, true}};
  for (const std::string_view name : {std::string_view("job"), std::string_view("instance")}) {
    // Rows are not sorted by a column that lacks some of the label's values.
    if (HasOther(table, name)) break;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].label == name) sorting.push_back({static_cast<int32_t>(i + 1), true});
    }
  }
  return sorting;
}

arrow::Result<FooterPlace> WriteSeriesTable(std::unique_ptr<io::WritableFile> file,
                                            SeriesTable* table, const WriterOptions& options,
                                            PageCompressor* compressor) {
  const auto series = static_cast<int64_t>(table->extents.size());
  const int64_t rows =
      series == 0 ? 0 : table->extents.back().row_start + table->extents.back().row_count;
  const bool with_values = !table->values.empty() && rows >= options.summary_min_rows * series;
  const ChunkContext context = ContextFor(options, compressor, /*series=*/true);
  std::vector<ColumnName> labels;
  std::vector<EncodedChunk> chunks;
  chunks.push_back(EncodeStrings(table->metric.dictionary(), table->metric.SeriesRuns(series),
                                 /*optional=*/false, context));
  for (LabelColumn& column : table->labels) {
    if (!column.used()) continue;
    labels.push_back(column.name());
    chunks.push_back(EncodeStrings(column.dictionary(), column.SeriesRuns(series),
                                   /*optional=*/true, context));
  }
  auto [keys, values] =
      EncodeOtherLabels(table->other_dictionary, table->other_sets, table->other_runs, context);
  chunks.push_back(std::move(keys));
  chunks.push_back(std::move(values));
  chunks.push_back(EncodeInts(table->series_ids, context));
  const auto integers = [&](int64_t SeriesExtent::* member, int64_t factor) {
    std::vector<int64_t> column;
    column.reserve(table->extents.size());
    for (const SeriesExtent& extent : table->extents) column.push_back(extent.*member * factor);
    chunks.push_back(EncodeInts(column, context));
  };
  integers(&SeriesExtent::row_start, 1);
  integers(&SeriesExtent::row_count, 1);
  integers(&SeriesExtent::min_time_ms, 1000);
  integers(&SeriesExtent::max_time_ms, 1000);
  integers(&SeriesExtent::stale_count, 1);
  if (with_values) AddValueColumns(*table, context, &chunks);

  FileBuilder builder(std::move(file));
  FileMeta meta;
  meta.schema = SeriesSchema(labels, with_values);
  meta.rows = series;
  meta.key_values = FileKeyValues("series", labels, options.key_values);
  meta.key_values[std::string(kDataRowsKey)] = std::to_string(rows);
  if (series > 0) {
    RowGroupMeta group;
    group.rows = series;
    for (const EncodedChunk& chunk : chunks) {
      ARROW_ASSIGN_OR_RAISE(ChunkMeta chunk_meta, builder.WriteChunk(chunk));
      group.chunks.push_back(std::move(chunk_meta));
    }
    group.sorting = SortingOf(*table, labels);
    meta.row_groups.push_back(std::move(group));
  }
  return builder.Finish(std::move(meta));
}

}  // namespace larnax::columns
