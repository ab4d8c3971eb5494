#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/hash.h"
#include "exec/types.h"
#include "promql/ast.h"

namespace larnax::exec {

/// Hash of bytes for flat maps.
struct BytesHash {
  using is_avalanching = void;
  using is_transparent = void;
  uint64_t operator()(std::string_view bytes) const { return base::Hash64(bytes); }
};
struct BytesEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

/// Names that decide about a match or a group: ascending, distinct.
std::vector<std::string> SortedNames(std::vector<std::string> names);

/// Numbers the match groups of an operator: series with equal signatures have one number.
class MatchSignatures {
 public:
  explicit MatchSignatures(const promql::VectorMatching& matching);

  /// The group of a series; a new number if it was not seen before.
  uint32_t Number(LabelsView labels);
  size_t size() const { return signatures_.size(); }
  /// The labels of a group.
  LabelsView labels(uint32_t number) const { return LabelsView(signatures_[number]); }

 private:
  bool on_;
  std::vector<std::string> names_;
  boost::unordered_flat_map<std::string, uint32_t, BytesHash, BytesEqual> numbers_;
  std::vector<std::string> signatures_;
  std::string bytes_;
};

/// At which steps any series of each match group is present.
class GroupPresence {
 public:
  GroupPresence(size_t groups, size_t steps)
      : words_(PresenceWordCount(steps)), bits_(groups * words_) {}

  PresenceWord* at(uint32_t group) { return bits_.data() + group * words_; }
  void Add(uint32_t group, const PresenceWord* present) {
    for (size_t i = 0; i < words_; ++i) at(group)[i] |= present[i];
  }
  size_t words() const { return words_; }

 private:
  size_t words_;
  std::vector<PresenceWord> bits_;
};

}  // namespace larnax::exec
