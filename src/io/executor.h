#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "io/random.h"
#include "io/sim_clock.h"

namespace larnax::io {

/// Where background work is run. Tasks must not throw.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Run a task soon, on any thread. May be called from a task.
  virtual void Post(std::function<void()> task) = 0;
  /// Run a task once `delay_ms` have passed; at once when it is not positive.
  virtual void PostAfter(int64_t delay_ms, std::function<void()> task) = 0;
};

/// Runs tasks on threads of its own. Safe to use from several threads.
///
/// On destruction every task whose time has come is still run, also those that such tasks post;
/// tasks that would have to be waited for are dropped.
class ThreadExecutor final : public Executor {
 public:
  /// \param thread_count  At least 1.
  explicit ThreadExecutor(size_t thread_count);
  ~ThreadExecutor() override;

  void Post(std::function<void()> task) override;
  void PostAfter(int64_t delay_ms, std::function<void()> task) override;

 private:
  class Queue;
  std::unique_ptr<Queue> queue_;
};

/// Runs tasks one at a time, when its owner asks, in an order drawn from a seed; time is that of
/// a SimClock. For one thread only.
class SimExecutor final : public Executor {
 public:
  /// \param clock  Must outlive the executor.
  SimExecutor(SimClock& clock, uint64_t seed) : clock_(clock), random_(seed) {}

  void Post(std::function<void()> task) override { PostAfter(0, std::move(task)); }
  void PostAfter(int64_t delay_ms, std::function<void()> task) override;

  /// Run one of the tasks whose time has come; false when there is none.
  bool RunOne();
  /// Run tasks until none is due; time stands still. Returns how many ran.
  size_t RunUntilIdle();
  /// Run all that falls due in the next `duration_ms`, moving the clock from task to task and at
  /// last to the end. Returns how many ran.
  size_t RunFor(int64_t duration_ms);
  /// Forget all tasks, as when the process dies.
  void DropAll() { tasks_.clear(); }
  /// Tasks waiting, due or not.
  size_t pending_count() const { return tasks_.size(); }

 private:
  struct Task {
    int64_t due_ns;
    std::function<void()> run;
  };

  SimClock& clock_;
  Random random_;
  std::vector<Task> tasks_;
};

}  // namespace larnax::io
