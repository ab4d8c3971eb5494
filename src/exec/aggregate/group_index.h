#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "exec/match_signatures.h"
#include "larnax/labels.h"

namespace larnax::exec {

/// Numbers the groups of an aggregation in the order in which they are first seen.
class GroupIndex {
 public:
  GroupIndex(std::vector<std::string> grouping, bool without);

  /// The group of a series; size() before the call if it is new.
  uint32_t Number(LabelsView labels);
  size_t size() const { return labels_.size(); }
  /// Bytes held, about.
  size_t bytes() const { return group_bytes_; }
  LabelsView labels(uint32_t number) const { return LabelsView(labels_[number]); }

 private:
  bool without_;
  std::vector<std::string> names_;
  boost::unordered_flat_map<std::string, uint32_t, BytesHash, BytesEqual> numbers_;
  std::vector<std::string> labels_;
  std::string bytes_;
  size_t group_bytes_ = 0;
};

}  // namespace larnax::exec
