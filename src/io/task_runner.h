#pragma once

#include <cstddef>
#include <functional>

namespace larnax::io {

class Executor;

/// Runs task(0) .. task(count - 1), perhaps several at once and in any order, and returns when all
/// have run. An empty one stands for a plain loop.
using TaskRunner = std::function<void(size_t count, const std::function<void(size_t)>& task)>;

/// Run tasks by a runner that may be empty.
void RunTasks(const TaskRunner& runner, size_t count, const std::function<void(size_t)>& task);

/// Make a runner that works on the calling thread and on up to `helpers` of an executor's, as far
/// as these are free. What a task throws is thrown by the call, when all have run.
///
/// \param executor  Outlives the runner.
TaskRunner MakeTaskRunner(Executor* executor, size_t helpers);

}  // namespace larnax::io
