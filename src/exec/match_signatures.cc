#include "exec/match_signatures.h"

#include <algorithm>
#include <utility>

#include "exec/label_edit.h"

namespace larnax::exec {

std::vector<std::string> SortedNames(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

MatchSignatures::MatchSignatures(const promql::VectorMatching& matching) : on_(matching.on) {
  std::vector<std::string> names = matching.labels;
  if (!on_) names.emplace_back(kMetricLabel);
  names_ = SortedNames(std::move(names));
}

uint32_t MatchSignatures::Number(LabelsView labels) {
  if (on_) {
    KeepLabels(labels, names_, &bytes_);
  } else {
    DropLabels(labels, names_, &bytes_);
  }
  const auto [found, added] =
      numbers_.try_emplace(bytes_, static_cast<uint32_t>(signatures_.size()));
  if (added) signatures_.push_back(bytes_);
  return found->second;
}

}  // namespace larnax::exec
