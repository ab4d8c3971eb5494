#pragma once

#include <memory>

#include <arrow/result.h>

#include "larnax/database.h"
#include "larnax/samples.h"

namespace larnax::exec {

/// Where queries read samples. Safe to use from several threads; a stream is used by one at a time.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  /// Open a stream over the selected series. At least one series of labels comes at most once; what
  /// comes and its order must not depend on timing, so that answers do not. Where batches end may.
  virtual arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) = 0;
};

}  // namespace larnax::exec
