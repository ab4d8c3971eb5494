#include "exec/step_ranges.h"

#include <algorithm>
#include <vector>

namespace larnax::exec {
namespace {

// Less is done sooner than another thread is woken.
constexpr size_t kMinSamples = size_t{32} << 10;
constexpr size_t kMaxRanges = 16;

}  // namespace

arrow::Status ForStepRanges(const io::TaskRunner& runner, size_t steps, size_t rows,
                            const std::function<arrow::Status(StepRange)>& f) {
  const size_t words = PresenceWordCount(steps);
  if (!runner || words < 2 || steps * rows < kMinSamples) return f({0, steps});
  const size_t words_each = (words + kMaxRanges - 1) / kMaxRanges;
  std::vector<arrow::Status> done((words + words_each - 1) / words_each);
  io::RunTasks(runner, done.size(), [&](size_t i) {
    const size_t begin = i * words_each * 64;
    done[i] = f({begin, std::min(steps, begin + words_each * 64)});
  });
  for (const arrow::Status& status : done) ARROW_RETURN_NOT_OK(status);
  return arrow::Status::OK();
}

}  // namespace larnax::exec
