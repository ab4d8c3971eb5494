#pragma once

#include <atomic>
#include <chrono>

#include <arrow/status.h>

namespace larnax::http {

/// Which of two threads runs an event loop: one leads, the other follows.
///
/// The leader may do other work. It lends the loop meanwhile, for a moment: if it is not back by
/// then, the follower leads from there on, so that nobody on the loop waits for that work. Until
/// then no other thread is woken.
///
/// Leader and followers are a pattern of Schmidt et al. (Pattern-Oriented Software Architecture 2);
/// there the loop is handed over before any work, which wakes a thread each time.
class LoopRelay {
 public:
  /// After so long the follower takes a loop that was lent.
  static constexpr std::chrono::microseconds kPatience{1000};

  explicit LoopRelay(std::chrono::nanoseconds patience = kPatience) : patience_(patience) {}
  ~LoopRelay();
  LoopRelay(const LoopRelay&) = delete;
  LoopRelay& operator=(const LoopRelay&) = delete;

  /// To be called first.
  ///
  /// \retval IOError The system gives no timer.
  arrow::Status Open();

  // For the leader.
  bool has_follower() const { return is_followed_.load(); }
  /// Lend the loop; to be called where there is a follower.
  void Lend();
  /// Let the follower have the loop that was lent at once.
  void HurryUp();
  /// Lead again; false where the follower does.
  [[nodiscard]] bool TakeBack();
  /// Let the follower go: the loop has ended.
  void End();

  // For the other.
  /// Wait until the loop is this thread's to lead; false after End().
  [[nodiscard]] bool Follow();

  // For tests.
  bool is_lent() const { return is_lent_.load(); }

 private:
  void SetTimer(std::chrono::nanoseconds after);

  const std::chrono::nanoseconds patience_;
  int timer_ = -1;  // A file descriptor, which the follower reads from.
  std::atomic<bool> is_lent_{false};
  std::atomic<bool> is_followed_{false};
  std::atomic<bool> has_ended_{false};
};

}  // namespace larnax::http
