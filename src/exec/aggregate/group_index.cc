#include "exec/aggregate/group_index.h"

#include <utility>

#include "exec/label_edit.h"
#include "exec/operators/pipeline.h"

namespace larnax::exec {
namespace {

constexpr uint32_t kUnknown = UINT32_MAX;

arrow::Result<StepVector> WithGroups(const GroupIndex& empty, const QueryBudget* budget,
                                     StepVector batch) {
  if (batch.size() < 2) return batch;
  auto groups = std::make_shared<RowGroups>(empty, budget->meter());
  groups->number.reserve(batch.size());
  groups->hold.AddBytes(static_cast<int64_t>(batch.size() * sizeof(uint32_t)));
  BudgetPace pace(budget);
  for (const StepSeries& row : batch.series) {
    ARROW_RETURN_NOT_OK(pace.Pass(row.labels.bytes().size()));
    const size_t known_bytes = groups->index.bytes();
    groups->number.push_back(groups->index.Number(row.labels));
    groups->hold.AddBytes(static_cast<int64_t>(groups->index.bytes() - known_bytes));
  }
  batch.groups = std::move(groups);
  return batch;
}

}  // namespace

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
  return NumberOfGroup(LabelsView(bytes_));
}

uint32_t GroupIndex::NumberOfGroup(LabelsView labels) {
  const std::string_view bytes = labels.bytes();
  if (const auto found = numbers_.find(bytes); found != numbers_.end()) return found->second;
  const auto number = static_cast<uint32_t>(labels_.size());
  labels_.emplace_back(bytes);
  numbers_.emplace(labels_.back(), number);
  // A place in the map and in the list, and the bytes in either.
  group_bytes_ += 2 * (bytes.size() + sizeof(std::string)) + 16;
  return number;
}

void FindGroupsInTasks(const GroupIndex& index, ExecutionContext* context, VectorOperator* input) {
  PipelineOperator* const pipeline = StreamingPipeline(input);
  // Without other threads there is nothing to gain, and what is analyzed is timed by operators.
  if (pipeline == nullptr || index.has_one_group() || context->executor == nullptr ||
      context->analyze) {
    return;
  }
  pipeline->AddTransform([index, budget = context->budget](StepVector batch, TaskNotes*) {
    return WithGroups(index, budget, std::move(batch));
  });
}

BatchGroups::BatchGroups(const StepVector& batch, GroupIndex* index)
    : batch_(batch),
      index_(index),
      known_(batch.groups == nullptr ? 0 : batch.groups->index.size(), kUnknown) {}

uint32_t BatchGroups::Number(size_t row) {
  if (batch_.groups == nullptr) return index_->Number(batch_.series[row].labels);
  const uint32_t own = batch_.groups->number[row];
  if (known_[own] == kUnknown) {
    known_[own] = index_->NumberOfGroup(batch_.groups->index.labels(own));
  }
  return known_[own];
}

}  // namespace larnax::exec
