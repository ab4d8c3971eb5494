#pragma once

#include <arrow/result.h>

#include "io/clock.h"
#include "larnax/database.h"
#include "store/read/sample_select.h"

namespace larnax::store {

/// Read the exemplars of the selected series, those in the head included.
///
/// \retval kLimit    There are more than `sample_limit` in the answer.
/// \retval kNotFound A file is gone: take a newer snapshot.
arrow::Result<ExemplarsAnswer> SelectExemplars(const Snapshot& snapshot,
                                               const SelectRequest& request,
                                               const io::Clock& clock);

}  // namespace larnax::store
