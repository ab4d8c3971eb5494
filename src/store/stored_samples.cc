#include "store/stored_samples.h"

#include "model/label_order.h"
#include "store/part_merge.h"
#include "store/part_reader.h"

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
  struct Match {
    size_t wanted;
    size_t first_part;
    size_t part_count;
  };
  std::vector<Match> matches;
  std::vector<SeriesPart> parts;
  int64_t rows = 0;
  while (in_walk_ && next_wanted_ < wanted_.size() && rows < kRefillRows) {
    const int order = model::CompareForFile(walk_.labels(), wanted_[next_wanted_]);
    if (order == 0) {
      matches.push_back({next_wanted_, parts.size(), walk_.parts().size()});
      for (const SeriesPart& part : walk_.parts()) {
        parts.push_back(part);
        rows += part.extent.row_count;
      }
    }
    if (order >= 0) ++next_wanted_;
    if (order <= 0) {
      ARROW_ASSIGN_OR_RAISE(in_walk_, walk_.Next());
    }
  }
  found_.clear();
  next_found_ = 0;
  if (parts.empty()) return arrow::Status::OK();
  LoadedParts loaded;
  ARROW_RETURN_NOT_OK(LoadParts(walk_.sources(), parts, range_, nullptr, &loaded));
  for (const Match& match : matches) {
    found_.emplace_back(match.wanted, head::SampleColumns());
    MergeParts(
        std::span<const PartSamples>(loaded.parts).subspan(match.first_part, match.part_count),
        &found_.back().second);
  }
  return arrow::Status::OK();
}

arrow::Result<const head::SampleColumns*> StoredSamples::Find(LabelsView labels) {
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
