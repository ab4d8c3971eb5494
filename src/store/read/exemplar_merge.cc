#include "store/read/exemplar_merge.h"

#include <algorithm>

#include "model/label_order.h"

namespace larnax::store {
namespace {

// Rows read at a time, in float samples.
constexpr int64_t kRefillLoad = 1 << 20;

}  // namespace

void SortExemplars(std::vector<columns::ExemplarRow>* rows) {
  std::sort(rows->begin(), rows->end(), ExemplarComesBefore);
  const auto same = [](const auto& a, const auto& b) {
    return columns::CompareExemplars(a, b) == 0;
  };
  rows->erase(std::unique(rows->begin(), rows->end(), same), rows->end());
}

arrow::Result<bool> ExemplarWalk::Start() {
  ARROW_ASSIGN_OR_RAISE(in_walk_, walk_.Start());
  return Refill();
}

arrow::Result<bool> ExemplarWalk::Next() {
  if (++at_ == series_.size()) return Refill();
  Gather();
  return true;
}

arrow::Result<bool> ExemplarWalk::Refill() {
  series_.clear();
  at_ = 0;
  std::vector<SeriesPart> parts;
  int64_t load = 0;
  while (in_walk_ && load < kRefillLoad) {
    series_.push_back({walk_.labels(), walk_.label_memory(), parts.size(), walk_.parts().size()});
    for (const SeriesPart& part : walk_.parts()) {
      parts.push_back(part);
      // A file that cannot be opened is told when its rows are to be read.
      load += part.extent.row_count * RowLoad(walk_.sources()[part.file], stats_).ValueOr(1);
    }
    ARROW_ASSIGN_OR_RAISE(in_walk_, walk_.Next());
  }
  if (series_.empty()) return false;
  ARROW_RETURN_NOT_OK(LoadExemplars(walk_.sources(), parts, range_, stats_, &loaded_, damage_));
  Gather();
  return true;
}

void ExemplarWalk::Gather() {
  rows_.clear();
  const Series& series = series_[at_];
  for (size_t i = 0; i < series.part_count; ++i) {
    const auto part = loaded_.parts[series.first_part + i];
    rows_.insert(rows_.end(), part.begin(), part.end());
  }
  if (series.part_count > 1) SortExemplars(&rows_);
}

arrow::Status StoredExemplars::Start() { return walk_.Start().Value(&in_walk_); }

arrow::Result<const std::vector<columns::ExemplarRow>*> StoredExemplars::Find(LabelsView labels) {
  while (in_walk_) {
    const int order = model::CompareForFile(walk_.labels(), labels);
    if (order == 0) return &walk_.rows();
    if (order > 0) return nullptr;
    ARROW_ASSIGN_OR_RAISE(in_walk_, walk_.Next());
  }
  return nullptr;
}

}  // namespace larnax::store
