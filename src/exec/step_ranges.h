#pragma once

#include <cstddef>
#include <functional>

#include <arrow/status.h>

#include "exec/types.h"
#include "io/task_runner.h"

namespace larnax::exec {

/// Steps [begin, end) of a grid; begins with a word of presence.
struct StepRange {
  size_t begin = 0;
  size_t end = 0;

  size_t size() const { return end - begin; }
  size_t first_word() const { return begin / 64; }
};

/// Call `f` for ranges that together are all steps: several at once where a runner is given and
/// there is enough to do. What is made of each step must not depend on others; then answers do not
/// depend on threads. Ranges have no word of presence in common.
///
/// \param rows  How many samples `f` looks at for each step, about.
/// \return      What the first range failed with, if any did.
arrow::Status ForStepRanges(const io::TaskRunner& runner, size_t steps, size_t rows,
                            const std::function<arrow::Status(StepRange)>& f);

}  // namespace larnax::exec
