#include "io/executor.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <new>
#include <queue>
#include <thread>
#include <utility>

#include "base/check.h"

namespace larnax::io {

class ThreadExecutor::Queue {
 public:
  explicit Queue(size_t thread_count) {
    LARNAX_CHECK(thread_count > 0);
    threads_.reserve(thread_count);
    for (size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this] { Work(); });
  }

  ~Queue() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void Push(int64_t delay_ms, std::function<void()> task) {
    const auto due = SteadyTime::clock::now() + std::chrono::milliseconds(delay_ms);
    {
      const std::lock_guard lock(mutex_);
      if (delay_ms <= 0) {
        ready_.push(std::move(task));
      } else if (!stopping_) {
        delayed_.push_back({due, next_order_++, std::move(task)});
        std::push_heap(delayed_.begin(), delayed_.end());
      }
    }
    wake_.notify_one();
  }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Delayed {
    SteadyTime due;
    uint64_t order;
    std::function<void()> task;
    // The heap keeps its greatest on top, which has to be the earliest.
    bool operator<(const Delayed& other) const {
      return std::pair(due, order) > std::pair(other.due, other.order);
    }
  };

  void TakeDue() {
    const auto now = SteadyTime::clock::now();
    while (!delayed_.empty() && delayed_.front().due <= now) {
      std::pop_heap(delayed_.begin(), delayed_.end());
      try {
        ready_.push(std::move(delayed_.back().task));
      } catch (const std::bad_alloc&) {
        // Its time has come, and comes again.
        std::push_heap(delayed_.begin(), delayed_.end());
        return;
      }
      delayed_.pop_back();
    }
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      TakeDue();
      if (!ready_.empty()) {
        {
          const std::function<void()> task = std::move(ready_.front());
          ready_.pop();
          // Whoever waits for the next delayed task has to look again when this thread is busy.
          if (!ready_.empty() || !delayed_.empty()) wake_.notify_one();
          ++running_count_;
          lock.unlock();
          try {
            task();
          } catch (...) {
            // It broke its promise, mostly because memory ran out; the other tasks go on.
          }
          // The task goes before the lock comes back: what it held may post when it goes.
        }
        lock.lock();
        if (--running_count_ == 0 && stopping_) wake_.notify_all();
        continue;
      }
      // A running task may still post others.
      if (stopping_ && running_count_ == 0) return;
      if (delayed_.empty() || stopping_) {
        wake_.wait(lock);
      } else {
        // Of its own: it is read after the wait too, when tasks may have moved.
        const SteadyTime due = delayed_.front().due;
        wake_.wait_until(lock, due);
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::queue<std::function<void()>> ready_;
  std::vector<Delayed> delayed_;
  uint64_t next_order_ = 0;
  size_t running_count_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

ThreadExecutor::ThreadExecutor(size_t thread_count)
    : queue_(std::make_unique<Queue>(thread_count)) {}
ThreadExecutor::~ThreadExecutor() = default;

void ThreadExecutor::Post(std::function<void()> task) { queue_->Push(0, std::move(task)); }
void ThreadExecutor::PostAfter(int64_t delay_ms, std::function<void()> task) {
  queue_->Push(delay_ms, std::move(task));
}

void SimExecutor::PostAfter(int64_t delay_ms, std::function<void()> task) {
  const int64_t delay_ns = std::max<int64_t>(delay_ms, 0) * 1'000'000;
  tasks_.push_back({clock_.MonotonicNs() + delay_ns, std::move(task)});
}

bool SimExecutor::RunOne() {
  const int64_t now_ns = clock_.MonotonicNs();
  const auto due = [&](const Task& task) { return task.due_ns <= now_ns; };
  const auto due_count = static_cast<uint64_t>(std::count_if(tasks_.begin(), tasks_.end(), due));
  if (due_count == 0) return false;
  uint64_t skip = random_.Below(due_count);
  const auto chosen = std::find_if(tasks_.begin(), tasks_.end(),
                                   [&](const Task& task) { return due(task) && skip-- == 0; });
  const std::function<void()> run = std::move(chosen->run);
  tasks_.erase(chosen);
  run();
  return true;
}

size_t SimExecutor::RunUntilIdle() {
  size_t count = 0;
  while (RunOne()) ++count;
  return count;
}

size_t SimExecutor::RunFor(int64_t duration_ms) {
  const int64_t end_ns = clock_.MonotonicNs() + duration_ms * 1'000'000;
  size_t count = RunUntilIdle();
  while (true) {
    int64_t next_ns = std::numeric_limits<int64_t>::max();
    for (const Task& task : tasks_) next_ns = std::min(next_ns, task.due_ns);
    if (next_ns > end_ns) break;
    clock_.AdvanceNs(std::max<int64_t>(next_ns - clock_.MonotonicNs(), 0));
    count += RunUntilIdle();
  }
  clock_.AdvanceNs(std::max<int64_t>(end_ns - clock_.MonotonicNs(), 0));
  return count;
}

}  // namespace larnax::io
