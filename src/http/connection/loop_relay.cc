#include "http/connection/loop_relay.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace larnax::http {

LoopRelay::~LoopRelay() {
  if (timer_ >= 0) close(timer_);
}

arrow::Status LoopRelay::Open() {
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (timer_ >= 0) return arrow::Status::OK();
  return arrow::Status::IOError("cannot make a timer: error=", std::strerror(errno));
}

// A timer that is set again before it is up never wakes the follower.
void LoopRelay::SetTimer(std::chrono::nanoseconds after) {
  constexpr int64_t kSecond = 1'000'000'000;
  itimerspec when{};
  when.it_value.tv_sec = after.count() / kSecond;
  when.it_value.tv_nsec = after.count() % kSecond;
  timerfd_settime(timer_, 0, &when, nullptr);
}

void LoopRelay::Lend() {
  is_lent_.store(true);
  SetTimer(patience_);
}

void LoopRelay::HurryUp() { SetTimer(std::chrono::nanoseconds(1)); }

bool LoopRelay::TakeBack() { return is_lent_.exchange(false); }

void LoopRelay::End() {
  has_ended_.store(true);
  SetTimer(std::chrono::nanoseconds(1));
}

bool LoopRelay::Follow() {
  while (!has_ended_.load()) {
    is_followed_.store(true);
    uint64_t expirations = 0;
    const bool was_read = read(timer_, &expirations, sizeof(expirations)) >= 0 || errno == EINTR;
    // Before the loop is taken: who led until then may follow at once.
    is_followed_.store(false);
    if (!was_read) break;
    // The timer may have been set for a loan that was given back.
    if (!has_ended_.load() && is_lent_.exchange(false)) return true;
  }
  return false;
}

}  // namespace larnax::http
