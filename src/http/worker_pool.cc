#include "http/worker_pool.h"

#include <exception>
#include <utility>

namespace larnax::http {

WorkerPool::WorkerPool(int threads, size_t queue_limit) : queue_limit_(queue_limit) {
  threads_.reserve(static_cast<size_t>(threads));
  idle_.reserve(static_cast<size_t>(threads));
  borrowed_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::TrySubmit(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || tasks_.size() >= queue_limit_) return false;
  Push(std::move(task));
  return true;
}

void WorkerPool::Submit(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) Push(std::move(task));
}

void WorkerPool::Push(std::function<void()> task) {
  tasks_.push_back(std::move(task));
  if (idle_.empty()) return;
  Idle* idle = idle_.back();
  idle_.pop_back();
  Wake(idle);
}

void WorkerPool::Wake(Idle* idle) {
  idle->called = true;
  idle->wake.notify_one();
}

// Of the idle threads that which worked least recently: its memory is worth least.
WorkerPool::Place WorkerPool::TryBorrow() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || idle_.empty()) return nullptr;
  Idle* idle = idle_.front();
  idle_.erase(idle_.begin());
  borrowed_.push_back(idle);
  return Place(idle, GiveBack{this});
}

void WorkerPool::TakeBack(Idle* idle) {
  const std::lock_guard lock(mutex_);
  std::erase(borrowed_, idle);
  if (stopped_) return;  // Has been woken.
  if (tasks_.empty()) {
    idle_.insert(idle_.begin(), idle);
  } else {
    Wake(idle);  // For what has come meanwhile.
  }
}

void WorkerPool::Stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
    for (Idle* idle : idle_) idle->wake.notify_one();
    for (Idle* idle : borrowed_) idle->wake.notify_one();
    idle_.clear();
    borrowed_.clear();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

size_t WorkerPool::waiting() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

size_t WorkerPool::idle() const {
  const std::lock_guard lock(mutex_);
  return idle_.size();
}

void WorkerPool::Run() {
  Idle self;
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (tasks_.empty()) {
      self.called = false;
      idle_.push_back(&self);
      self.wake.wait(lock, [&] { return self.called || stopped_; });
      continue;
    }
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    try {
      task();
    } catch (const std::exception&) {
      // Out of memory where there is nobody to tell: that task is lost, the others go on.
    }
    task = nullptr;
    lock.lock();
  }
}

}  // namespace larnax::http
