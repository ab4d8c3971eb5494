#include "http/connection/gate.h"

#include <exception>
#include <utility>

namespace larnax::http {

bool Gate::Enter(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (inside_ == limit_) {
      if (waiting_.size() >= waiting_limit_) return false;
      waiting_.push_back(std::move(task));
      return true;
    }
    ++inside_;
  }
  std::shared_ptr<Pass> pass;
  try {
    pass = std::make_shared<Pass>(shared_from_this());
  } catch (const std::exception&) {
    Leave();
    return false;
  }
  task(std::move(pass));
  return true;
}

void Gate::Close() {
  std::deque<Task> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

bool Gate::HasWaiting() {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

void Gate::Leave() {
  Task next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --inside_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  std::shared_ptr<Pass> pass;
  try {
    pass = std::make_shared<Pass>(shared_from_this());
  } catch (const std::exception&) {
    // Out of memory: what waited is lost, its place is not.
    const std::lock_guard lock(mutex_);
    --inside_;
    return;
  }
  try {
    next(std::move(pass));
  } catch (const std::exception&) {
    // The same; its pass has given the place to the next.
  }
}

}  // namespace larnax::http
