#include "columns/write/label_column.h"

#include <utility>

namespace larnax::columns {

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

}  // namespace larnax::columns
