#pragma once

#include <array>
#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "http/connection/connection.h"
#include "http/connection/loop_relay.h"
#include "http/connection/loop_turn.h"
#include "http/server_state.h"
#include "http/worker_pool.h"

namespace larnax::http {

/// Milliseconds and microseconds of the steady clock.
int64_t SteadyMs();
int64_t SteadyUs();

/// An event loop with the thread that leads it, a listening socket and the connections accepted
/// there.
///
/// Loops share a port (SO_REUSEPORT) and nothing else but ServerState. Who touches a connection
/// has the turn of its loop: the thread itself, or another that made a whole answer and sends it
/// at once, so that the client need not wait until this thread has woken up. What a request asks
/// for the thread may do itself (TryRunHere): where that takes long, a second thread leads the loop
/// from then on (LoopRelay).
class IoThread : public std::enable_shared_from_this<IoThread> {
 public:
  explicit IoThread(std::shared_ptr<ServerState> state);
  ~IoThread();

  /// Listen on an address.
  ///
  /// \retval IOError The address cannot be used.
  arrow::Status Listen(const boost::asio::ip::tcp::endpoint& address);
  /// The port listened on.
  int port() const;
  /// Start the threads.
  void Run();
  /// Stop accepting and close connections as they become idle. From any thread.
  void Drain();
  /// Cut all connections and end the threads; returns when they have. From any other thread.
  void Stop();

  /// Run a task on this thread, later, with the turn. From any thread.
  template <typename Task>
  void Post(Task task) {
    boost::asio::post(io_, turn_.Wrap(std::move(task)));
  }
  /// Run a task with the turn: at once if nobody has it, else as Post does. From any thread that
  /// does not have it.
  template <typename Task>
  void RunOrPost(Task task) {
    if (!turn_.TryRun(task)) Post(std::move(task));
  }

  /// Have this thread run `task` after the handler that it is in, without the turn, in the place of
  /// one of `pool`'s threads: no other thread need wake up. False, and nothing is done, where this
  /// is not the thread that leads a loop, nobody would follow it, or none of `pool`'s threads is
  /// idle.
  [[nodiscard]] static bool TryRunHere(WorkerPool* pool, std::function<void()>& task);
  /// What this thread does now takes long, or needs its loop: if it leads one, another shall.
  static void LeaveLoop();

  /// Whether this thread has the turn. From any thread.
  bool has_turn() const { return turn_.is_held(); }

  // For connections, with the turn.
  /// Tell which client asks or writes now; whether it was the last one before, too.
  bool AsksAgain(const Connection* connection) {
    return std::exchange(last_asker_, connection) == connection;
  }
  bool is_own_thread() const { return std::this_thread::get_id() == own_id_.load(); }
  ServerState* state() { return state_.get(); }
  const std::shared_ptr<ServerState>& shared_state() { return state_; }
  std::string_view DateText();
  void Remove(const std::shared_ptr<Connection>& connection);

 private:
  using Executor = boost::asio::io_context::executor_type;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
  using Timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  void Accept();
  void OnAccept(const boost::system::error_code& error, Connection::Socket socket);
  void ScheduleSweep();
  void Sweep();
  void ReloadAccess(int64_t now_ms);
  void RunLoop(bool leads);
  void Lead();

  std::shared_ptr<ServerState> state_;
  LoopRelay relay_;
  std::atomic<std::thread::id> own_id_;  // Of who leads.
  LoopTurn turn_;  // Who has it may touch what follows; io_ is posted to without it.
  boost::asio::io_context io_{1};
  Acceptor acceptor_;
  Timer sweep_timer_;
  bool accepting_ = false;
  bool draining_ = false;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  const Connection* last_asker_ = nullptr;  // Only to compare with.
  std::time_t date_second_ = 0;
  std::string date_;
  std::array<std::thread, 2> threads_;
};

}  // namespace larnax::http
