#include "http/connection/io_thread.h"

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include <boost/asio/ip/v6_only.hpp>

namespace larnax::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr int kBacklog = 1024;
// Connections past the limit that are told so at the same time; further ones are just closed.
constexpr int kMaxRefusing = 64;

arrow::Status ListenError(const tcp::endpoint& address, const boost::system::error_code& error) {
  return arrow::Status::IOError("cannot listen: address=", address.address().to_string(),
                                " port=", address.port(), " error=", error.message());
}

// What a thread that leads a loop shall do after the handler that it is in.
struct NextWork {
  LoopRelay* relay;
  WorkerPool::Place place = nullptr;
  std::function<void()> task = nullptr;
};
// Of this thread, while it leads or still does what it was given as the leader.
thread_local NextWork* next_work = nullptr;

void RunNext(NextWork* next) {
  while (next->task != nullptr) {
    const auto place = std::move(next->place);
    std::exchange(next->task, nullptr)();
  }
}

}  // namespace

int64_t SteadyUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t SteadyMs() { return SteadyUs() / 1000; }

IoThread::IoThread(std::shared_ptr<ServerState> state)
    : state_(std::move(state)), acceptor_(io_), sweep_timer_(io_) {}

IoThread::~IoThread() { Stop(); }

arrow::Status IoThread::Listen(const tcp::endpoint& address) {
  ARROW_RETURN_NOT_OK(relay_.Open());
  boost::system::error_code error;
  acceptor_.open(address.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.set_option(ReusePort(true), error);
  if (!error && address.address().is_v6() && !address.address().is_unspecified()) {
    acceptor_.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) acceptor_.bind(address, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (error) return ListenError(address, error);
  return arrow::Status::OK();
}

int IoThread::port() const {
  boost::system::error_code error;
  const auto endpoint = acceptor_.local_endpoint(error);
  return error ? 0 : endpoint.port();
}

void IoThread::Run() {
  Accept();
  ScheduleSweep();
  threads_[0] = std::thread([this] { RunLoop(true); });
  threads_[1] = std::thread([this] { RunLoop(false); });
}

void IoThread::RunLoop(bool leads) {
  while (leads || relay_.Follow()) {
    Lead();
    leads = false;
    if (io_.stopped()) relay_.End();
  }
}

// Run the loop until it has ended, or the other thread has it.
void IoThread::Lead() {
  own_id_.store(std::this_thread::get_id());
  NextWork next{&relay_};
  next_work = &next;
  bool leads = true;
  while (leads && !io_.stopped()) {
    try {
      io_.run_one();
    } catch (const std::exception& e) {
      // Out of memory, at worst: the connection it happened in is lost, the others go on.
      state_->Log(std::string("event loop: ") + e.what());
    }
    if (next.task == nullptr) continue;
    relay_.Lend();
    RunNext(&next);
    leads = relay_.TakeBack();
  }
  next_work = nullptr;
}

bool IoThread::TryRunHere(WorkerPool* pool, std::function<void()>& task) {
  NextWork* next = next_work;
  if (next == nullptr || next->task != nullptr || !next->relay->has_follower()) return false;
  next->place = pool->TryBorrow();
  if (next->place == nullptr) return false;
  next->task = std::move(task);
  return true;
}

void IoThread::LeaveLoop() {
  if (next_work != nullptr) next_work->relay->HurryUp();
}

void IoThread::Drain() {
  Post([this] {
    draining_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    const std::vector<std::shared_ptr<Connection>> open(connections_.begin(), connections_.end());
    for (const auto& connection : open) connection->Drain();
  });
}

void IoThread::Stop() {
  if (!threads_[0].joinable()) return;
  Post([this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    const std::vector<std::shared_ptr<Connection>> open(connections_.begin(), connections_.end());
    for (const auto& connection : open) connection->Close();
    io_.stop();
  });
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();  // The second may never have begun.
  }
}

std::string_view IoThread::DateText() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 64> text;
    const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d GMT",
                                   kDays[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                                   kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900,
                                   utc.tm_hour, utc.tm_min, utc.tm_sec);
    date_.assign(text.data(), static_cast<size_t>(size));
    date_second_ = now;
  }
  return date_;
}

void IoThread::Remove(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  if (last_asker_ == connection.get()) last_asker_ = nullptr;  // Another may be where it was.
  state_->metrics.connections.fetch_sub(1);
  state_->connections.fetch_sub(1);
  if (state_->stopping.load()) {
    const std::lock_guard lock(state_->mutex);
    state_->connection_closed.notify_all();
  }
}

void IoThread::Accept() {
  accepting_ = true;
  acceptor_.async_accept(
      turn_.Wrap([this](const boost::system::error_code& error, Connection::Socket socket) {
        OnAccept(error, std::move(socket));
      }));
}

void IoThread::OnAccept(const boost::system::error_code& error, Connection::Socket socket) {
  accepting_ = false;
  if (draining_ || !acceptor_.is_open()) return;
  if (error && error != asio::error::connection_aborted) {
    // Out of file descriptors, most likely: the sweep tries again.
    state_->Log("cannot accept connections: " + error.message());
    return;
  }
  boost::system::error_code option_error = error;
  if (!option_error) socket.non_blocking(true, option_error);
  if (!option_error) socket.set_option(tcp::no_delay(true), option_error);
  if (!option_error) {
    state_->metrics.connections_accepted.fetch_add(1);
    const int open = state_->connections.fetch_add(1) + 1;
    const int limit = state_->options.max_connections;
    if (open > limit) state_->metrics.connections_refused.fetch_add(1);
    if (open > limit + kMaxRefusing) {
      state_->connections.fetch_sub(1);
    } else {
      state_->metrics.connections.fetch_add(1);
      auto connection = std::make_shared<Connection>(
          this, Transport(std::move(socket), state_->access->rules()->tls(), &turn_));
      connections_.insert(connection);
      open > limit ? connection->Refuse() : connection->Start();
    }
  }
  Accept();
}

// Look at the web config again, when it is time. Of all threads the first to come does it.
void IoThread::ReloadAccess(int64_t now_ms) {
  if (!state_->access->has_file()) return;
  int64_t due_ms = state_->next_reload_ms.load();
  if (now_ms < due_ms) return;
  const int64_t next_ms = now_ms + state_->options.web_config_interval_ms;
  if (!state_->next_reload_ms.compare_exchange_strong(due_ms, next_ms)) return;
  // Where so many passwords wait that there is no room, the next time will do.
  (void)state_->passwords.TrySubmit([state = state_] { state->access->Reload(); });
}

void IoThread::ScheduleSweep() {
  sweep_timer_.expires_after(std::chrono::milliseconds(state_->options.sweep_interval_ms));
  sweep_timer_.async_wait(turn_.Wrap([this](const boost::system::error_code& error) {
    if (error) return;
    Sweep();
    ScheduleSweep();
  }));
}

void IoThread::Sweep() {
  const int64_t now_ms = SteadyMs();
  const std::vector<std::shared_ptr<Connection>> open(connections_.begin(), connections_.end());
  for (const auto& connection : open) connection->CheckDeadline(now_ms);
  ReloadAccess(now_ms);
  if (!accepting_ && !draining_ && acceptor_.is_open()) Accept();
}

}  // namespace larnax::http
