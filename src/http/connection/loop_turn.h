#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace larnax::http {

/// The right to touch the connections of an event loop. One thread has it at a time: mostly the
/// loop's own, while it is in a handler; else one that brings an answer.
class LoopTurn {
 public:
  LoopTurn() = default;
  LoopTurn(const LoopTurn&) = delete;
  LoopTurn& operator=(const LoopTurn&) = delete;

  /// The same handler, which has the turn as long as it runs; no longer when it is destroyed, and
  /// with it perhaps the last pointer to a connection.
  template <typename Handler>
  auto Wrap(Handler handler) {
    return [this, handler = std::move(handler)](auto&&... args) mutable {
      const std::lock_guard lock(mutex_);
      const Holding holding(this);
      handler(std::forward<decltype(args)>(args)...);
    };
  }

  /// Run a task with the turn if nobody has it. From any thread that does not have it.
  template <typename Task>
  [[nodiscard]] bool TryRun(Task& task) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    const Holding holding(this);
    task();
    return true;
  }

  /// Whether this thread has the turn.
  bool is_held() const { return holder_.load() == std::this_thread::get_id(); }

 private:
  // Tells who has the turn, under the mutex.
  class Holding {
   public:
    explicit Holding(LoopTurn* turn) : turn_(turn) {
      turn_->holder_.store(std::this_thread::get_id());
    }
    ~Holding() { turn_->holder_.store({}); }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;

   private:
    LoopTurn* turn_;
  };

  std::mutex mutex_;
  std::atomic<std::thread::id> holder_;
};

}  // namespace larnax::http
