#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace larnax::http {

/// Lets so many in at a time; others wait in the order of their coming. Safe to use from any
/// thread.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  /// Being in: lasts until it is destroyed, by any thread.
  class Pass {
   public:
    explicit Pass(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
    ~Pass() { gate_->Leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    /// Tell whether somebody waits for this place.
    bool is_wanted() const { return gate_->HasWaiting(); }

   private:
    std::shared_ptr<Gate> gate_;
  };
  using Task = std::function<void(std::shared_ptr<Pass>)>;

  /// \param waiting_limit  Tasks that Enter lets wait.
  Gate(size_t limit, size_t waiting_limit) : limit_(limit), waiting_limit_(waiting_limit) {}

  /// Run `task` when there is room: now, or later on the thread of one who leaves. False where too
  /// many wait.
  [[nodiscard]] bool Enter(Task task);
  /// Drop those who wait, and let nobody in.
  void Close();

 private:
  void Leave();
  bool HasWaiting();

  const size_t limit_;
  const size_t waiting_limit_;
  std::mutex mutex_;  // Guards what follows.
  size_t inside_ = 0;
  bool closed_ = false;
  std::deque<Task> waiting_;
};

}  // namespace larnax::http
