#include "exec/function.h"

#include <string>

#include "exec/label_edit.h"

namespace larnax::exec {
namespace {

// Tells whether `__name__` comes first and is the only label that goes, as nearly always.
bool NameIsFirst(LabelsView labels) {
  auto label = labels.begin();
  if (label == labels.end() || label->name != kMetricLabel) return false;
  for (++label; label != labels.end() && label->name <= kUnitLabel; ++label) {
    if (IsMetadataLabel(label->name)) return false;
  }
  return true;
}

}  // namespace

void DropName(const QueryContext& query, StepVector* vector, StepSeries* row) {
  if (query.features.delayed_name_removal) {
    row->drop_name = true;
    return;
  }
  if (NameIsFirst(row->labels)) {
    const std::string_view value = row->labels.begin()->value;
    const std::string_view all = row->labels.bytes();
    const auto used = static_cast<size_t>(value.data() + value.size() - all.data());
    row->labels = LabelsView(all.substr(used));
    return;
  }
  if (!HasMetadataLabels(row->labels)) return;
  std::string bytes;
  DropMetadataLabels(row->labels, &bytes);
  row->labels = vector->StoreLabels(bytes);
}

}  // namespace larnax::exec
