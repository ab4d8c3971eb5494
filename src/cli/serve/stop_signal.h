#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include <chrono>

namespace larnax::cli {

/// Watches for SIGINT and SIGTERM. The first asks the program to stop, the second ends it at once.
///
/// Make one before any other thread starts: threads inherit that they leave signals to it.
class StopSignal {
 public:
  StopSignal();

  /// Wait for the first signal, at most until `deadline`; true when it came.
  bool WaitUntil(std::chrono::steady_clock::time_point deadline);
  void Wait();
  bool came() const;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool came = false;
  };
  std::shared_ptr<State> state_;  // Shared with a thread that may outlive this.
};

}  // namespace larnax::cli
