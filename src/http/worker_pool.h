#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace larnax::http {

/// Threads that run tasks in the order of their coming. Of idle threads the one that worked last is
/// given the next task: its memory is warm. Safe to use from any thread. What a task throws ends
/// the task alone.
class WorkerPool {
  struct Idle;
  struct GiveBack {
    WorkerPool* pool = nullptr;
    void operator()(Idle* idle) const { pool->TakeBack(idle); }
  };

 public:
  /// A thread of a pool that does nothing, as another one works in its place. The pool outlives it.
  using Place = std::unique_ptr<Idle, GiveBack>;

  /// \param queue_limit  Tasks that TrySubmit lets wait.
  WorkerPool(int threads, size_t queue_limit);
  ~WorkerPool();  ///< As Stop().

  /// Queue a task, or return false where `queue_limit` tasks wait or the pool has stopped.
  [[nodiscard]] bool TrySubmit(std::function<void()> task);
  /// Queue the continuation of an admitted task, past the limit. Dropped after Stop().
  void Submit(std::function<void()> task);
  /// The place of an idle thread, for work that the caller does itself; null where none is idle.
  [[nodiscard]] Place TryBorrow();
  /// Finish running tasks, drop waiting ones, join. May be called again.
  void Stop();
  size_t waiting() const;  ///< Tasks.
  size_t idle() const;     ///< Threads.

 private:
  // A thread that waits for its turn, on its own stack.
  struct Idle {
    std::condition_variable wake;
    bool called = false;
  };

  void Run();
  void TakeBack(Idle* idle);
  static void Wake(Idle* idle);
  void Push(std::function<void()> task);

  const size_t queue_limit_;
  mutable std::mutex mutex_;     // Guards what follows up to threads_.
  std::vector<Idle*> idle_;      // Who worked last is at the end, and is called first.
  std::vector<Idle*> borrowed_;  // In whose place others work.
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace larnax::http
