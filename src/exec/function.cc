#include "exec/function.h"

#include <string>

#include "exec/label_edit.h"

namespace larnax::exec {

void DropName(const QueryContext& query, StepVector* vector, StepSeries* row) {
  if (query.features.delayed_name_removal) {
    row->drop_name = true;
    return;
  }
  if (!HasMetadataLabels(row->labels)) return;
  std::string bytes;
  DropMetadataLabels(row->labels, &bytes);
  row->labels = vector->StoreLabels(bytes);
}

}  // namespace larnax::exec
