#include "cli/serve/stop_signal.h"

#include <csignal>
#include <thread>

#include <unistd.h>

namespace larnax::cli {
namespace {

constexpr int kSignalExit = 128;

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

StopSignal::StopSignal() : state_(std::make_shared<State>()) {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([state = state_, signals] {
    int number = 0;
    sigwait(&signals, &number);
    {
      const std::lock_guard lock(state->mutex);
      state->came = true;
    }
    state->changed.notify_all();
    sigwait(&signals, &number);
    _exit(kSignalExit + number);
  }).detach();
}

bool StopSignal::WaitUntil(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_until(lock, deadline, [this] { return state_->came; });
}

void StopSignal::Wait() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->came; });
}

bool StopSignal::came() const {
  const std::lock_guard lock(state_->mutex);
  return state_->came;
}

}  // namespace larnax::cli
