#include "io/task_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "io/executor.h"

namespace larnax::io {
namespace {

void CheckRunsEachOnce(const TaskRunner& runner, size_t count) {
  const auto runs = std::make_unique<std::atomic<int>[]>(count);
  RunTasks(runner, count, [&](size_t i) { ++runs[i]; });
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(runs[i], 1) << i;
}

TEST(TaskRunner, RunsEachTaskOnce) {
  ThreadExecutor executor(3);
  for (const size_t count : {0u, 1u, 2u, 1000u}) {
    SCOPED_TRACE(count);
    CheckRunsEachOnce({}, count);
    CheckRunsEachOnce(MakeTaskRunner(&executor, 0), count);
    CheckRunsEachOnce(MakeTaskRunner(&executor, 3), count);
  }
}

TEST(TaskRunner, HelpersWorkToo) {
  ThreadExecutor executor(1);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<size_t> in_work{0};
  // Two tasks that wait for each other need two threads.
  RunTasks(MakeTaskRunner(&executor, 1), 2, [&](size_t) {
    ++in_work;
    while (in_work < 2) std::this_thread::yield();
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(threads.size(), 2u);
  EXPECT_TRUE(threads.contains(std::this_thread::get_id()));
}

TEST(TaskRunner, ThrowsWhatATaskThrows) {
  ThreadExecutor executor(2);
  for (const auto& runner : {TaskRunner(), MakeTaskRunner(&executor, 2)}) {
    const auto task = [](size_t i) {
      if (i == 3) throw std::out_of_range("three");
    };
    try {
      RunTasks(runner, 20, task);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::out_of_range& thrown) {
      EXPECT_STREQ(thrown.what(), "three");
    }
  }
}

TEST(TaskRunner, DoesNotNeedAHelper) {
  ThreadExecutor executor(1);
  std::atomic<bool> ended{false};
  std::atomic<bool> busy{false};
  executor.Post([&] {
    busy = true;
    while (!ended) std::this_thread::yield();
  });
  while (!busy) std::this_thread::yield();
  CheckRunsEachOnce(MakeTaskRunner(&executor, 1), 100);
  ended = true;
}

}  // namespace
}  // namespace larnax::io
