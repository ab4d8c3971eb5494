#include "exec/aggregate/group_index.h"

#include <utility>

#include "exec/label_edit.h"

namespace larnax::exec {

GroupIndex::GroupIndex(std::vector<std::string> grouping, bool without) : without_(without) {
  if (without) grouping.emplace_back(kMetricLabel);
  names_ = SortedNames(std::move(grouping));
}

uint32_t GroupIndex::Number(LabelsView labels) {
  if (names_.empty()) {
    // One group for all.
    if (labels_.empty()) labels_.emplace_back();
    return 0;
  }
  if (without_) {
    DropLabels(labels, names_, &bytes_);
  } else {
    KeepLabels(labels, names_, &bytes_);
  }
  const auto [found, added] = numbers_.try_emplace(bytes_, static_cast<uint32_t>(labels_.size()));
  if (added) {
    labels_.push_back(bytes_);
    // A place in the map and in the list, and the bytes in either.
    group_bytes_ += 2 * (bytes_.size() + sizeof(std::string)) + 16;
  }
  return found->second;
}

}  // namespace larnax::exec
