#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "exec/match_signatures.h"
#include "exec/operator.h"
#include "exec/query_budget.h"
#include "exec/types.h"
#include "larnax/labels.h"

namespace larnax::exec {

/// Numbers the groups of an aggregation in the order in which they are first seen.
class GroupIndex {
 public:
  GroupIndex(std::vector<std::string> grouping, bool without);

  /// The group of a series; size() before the call if it is new.
  uint32_t Number(LabelsView labels);
  /// The same, by the labels that groups have.
  uint32_t NumberOfGroup(LabelsView labels);
  /// There is one group for all series.
  bool has_one_group() const { return names_.empty(); }
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

/// The groups of the rows of one batch, numbered for this batch alone.
struct RowGroups {
  /// \param empty  Of the aggregation.
  RowGroups(const GroupIndex& empty, std::shared_ptr<MemoryMeter> meter)
      : index(empty), hold(std::move(meter)) {}

  GroupIndex index;
  std::vector<uint32_t> number;  ///< Shape [rows].
  MeteredHold hold;              ///< Of the index.
};

/// Have the tasks of `input` find StepVector::groups, as far as it makes batches in tasks and there
/// is more than one group. Before its first batch.
///
/// \param index  Of the aggregation; empty.
void FindGroupsInTasks(const GroupIndex& index, ExecutionContext* context, VectorOperator* input);

/// The groups that the rows of a batch have in the index of an aggregation.
class BatchGroups {
 public:
  /// \param batch, index  Borrowed.
  BatchGroups(const StepVector& batch, GroupIndex* index);
  /// As GroupIndex::Number. Rows come in ascending order.
  uint32_t Number(size_t row);

 private:
  const StepVector& batch_;
  GroupIndex* const index_;
  std::vector<uint32_t> known_;  // By the batch's own number; kUnknown: not met yet.
};

}  // namespace larnax::exec
