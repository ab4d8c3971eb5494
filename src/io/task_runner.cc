#include "io/task_runner.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <new>

#include "io/executor.h"

namespace larnax::io {
namespace {

// Outlives the call that made it: a helper may come when all is done.
struct TaskList {
  explicit TaskList(size_t task_count, const std::function<void(size_t)>* run)
      : count(task_count), task(run) {}

  void Work() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        (*task)(i);
      } catch (...) {
        // Whoever waits must not wait for ever.
        if (!failed.exchange(true)) failure = std::current_exception();
      }
      if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == count) done.notify_all();
    }
  }

  const size_t count;
  const std::function<void(size_t)>* const task;  // The caller's; alive while tasks are left.
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;  // The first one; of the one who set `failed`, until all are done.
};

}  // namespace

void RunTasks(const TaskRunner& runner, size_t count, const std::function<void(size_t)>& task) {
  if (runner && count > 1) return runner(count, task);
  for (size_t i = 0; i < count; ++i) task(i);
}

TaskRunner MakeTaskRunner(Executor* executor, size_t helpers) {
  return [executor, helpers](size_t count, const std::function<void(size_t)>& task) {
    if (count == 0) return;
    const auto list = std::make_shared<TaskList>(count, &task);
    try {
      for (size_t i = 0; i < std::min(helpers, count - 1); ++i) {
        executor->Post([list] { list->Work(); });
      }
    } catch (const std::bad_alloc&) {
      // Fewer helpers; those that were posted hold `task`, so this call must see the list through.
    }
    list->Work();
    for (size_t done = list->done; done < count; done = list->done) list->done.wait(done);
    if (list->failure != nullptr) std::rethrow_exception(list->failure);
  };
}

}  // namespace larnax::io
