#pragma once

#include <string_view>

#include <arrow/result.h>

#include "io/clock.h"
#include "larnax/database.h"
#include "store/read/sample_select.h"

namespace larnax::store {

/// List the names of labels of the selected series, sorted; `__name__` among them.
arrow::Result<NamesAnswer> LabelNames(const Snapshot& snapshot, const SelectRequest& request,
                                      const io::Clock& clock);

/// List the values that a label has in the selected series, sorted.
arrow::Result<NamesAnswer> LabelValues(const Snapshot& snapshot, std::string_view name,
                                       const SelectRequest& request, const io::Clock& clock);

/// List the selected series in file order, each once. A series counts when the time between its
/// first and last sample in some place (file or head) overlaps the range.
arrow::Result<SeriesAnswer> ListSeries(const Snapshot& snapshot, const SelectRequest& request,
                                       const io::Clock& clock);

}  // namespace larnax::store
