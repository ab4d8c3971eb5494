#include "store/write/stored_samples.h"

#include "model/label_order.h"
#include "store/read/series_parts.h"

namespace larnax::store {
namespace {

// Rows read at a time.
constexpr int64_t kRefillRows = 512 << 10;

}  // namespace

arrow::Status StoredSamples::Start() {
  ARROW_ASSIGN_OR_RAISE(in_walk_, walk_.Start());
  return arrow::Status::OK();
}

arrow::Status StoredSamples::Refill() {
  std::vector<size_t> matches;  // Index in wanted_ of each series of `parts`.
  SeriesParts parts;
  while (in_walk_ && next_wanted_ < wanted_.size() && parts.load() < kRefillRows) {
    const int order = model::CompareForFile(walk_.labels(), wanted_[next_wanted_]);
    if (order == 0) {
      matches.push_back(next_wanted_);
      parts.Add(walk_.sources(), walk_.parts(), nullptr);
    }
    if (order >= 0) ++next_wanted_;
    if (order <= 0) {
      ARROW_ASSIGN_OR_RAISE(in_walk_, walk_.Next());
    }
  }
  found_.clear();
  next_found_ = 0;
  if (matches.empty()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(parts.Load(walk_.sources(), range_, nullptr));
  for (size_t i = 0; i < matches.size(); ++i) {
    found_.emplace_back(matches[i], MergedSeries());
    MergeKinds(parts.floats(i), parts.float_precedence(i), parts.histograms(i),
               &found_.back().second);
  }
  return arrow::Status::OK();
}

arrow::Result<const MergedSeries*> StoredSamples::Find(LabelsView labels) {
  for (;;) {
    for (; next_found_ < found_.size(); ++next_found_) {
      auto& [wanted, samples] = found_[next_found_];
      const int order = model::CompareForFile(wanted_[wanted], labels);
      if (order == 0) return &samples;
      if (order > 0) return nullptr;
    }
    if (!in_walk_ || next_wanted_ == wanted_.size()) return nullptr;
    ARROW_RETURN_NOT_OK(Refill());
  }
}

}  // namespace larnax::store
