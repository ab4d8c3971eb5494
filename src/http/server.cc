#include "http/server.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "http/connection/io_thread.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kMaxIoThreads = 4;

int Cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

arrow::Result<tcp::endpoint> ParseEndpoint(const ServerOptions& options) {
  if (options.port < 0 || options.port > 65535) {
    return MakeError(ErrorKind::kBadQuery, "no such port: port=" + std::to_string(options.port));
  }
  boost::system::error_code error;
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  const auto address = asio::ip::make_address(host, error);
  if (error) {
    return MakeError(ErrorKind::kBadQuery, "not a numeric address: host=" + options.host);
  }
  return tcp::endpoint(address, static_cast<uint16_t>(options.port));
}

// Sockets that share a port would silently share it with another server of the same user, too.
// Binding once without sharing finds out.
arrow::Status CheckUnused(const tcp::endpoint& address) {
  asio::io_context io;
  tcp::acceptor probe(io);
  boost::system::error_code error;
  probe.open(address.protocol(), error);
  if (!error) probe.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) probe.bind(address, error);
  if (error) {
    return arrow::Status::IOError("cannot listen: address=", address.address().to_string(),
                                  " port=", address.port(), " error=", error.message());
  }
  return arrow::Status::OK();
}

class ServerImpl : public Server {
 public:
  explicit ServerImpl(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}
  ~ServerImpl() override {
    if (const arrow::Status status = Stop(); !status.ok()) state_->Log(status.ToString());
  }

  arrow::Status Listen(tcp::endpoint address, int threads) {
    if (address.port() != 0) ARROW_RETURN_NOT_OK(CheckUnused(address));
    for (int i = 0; i < threads; ++i) {
      auto thread = std::make_shared<IoThread>(state_);
      ARROW_RETURN_NOT_OK(thread->Listen(address));
      port_ = thread->port();
      address.port(static_cast<uint16_t>(port_));
      threads_.push_back(std::move(thread));
    }
    for (const auto& thread : threads_) thread->Run();
    return arrow::Status::OK();
  }

  void SetDatabase(Database* database) override { state_->database.store(database); }
  bool has_tls() const override { return state_->access->rules()->tls() != nullptr; }
  bool needs_credentials() const override { return state_->access->rules()->needs_credentials(); }
  int port() const override { return port_; }

  arrow::Status Stop() override {
    if (stopped_) return arrow::Status::OK();
    stopped_ = true;
    state_->stopping.store(true);
    for (const auto& thread : threads_) thread->Drain();
    int left = 0;
    {
      std::unique_lock lock(state_->mutex);
      state_->connection_closed.wait_for(
          lock, std::chrono::milliseconds(state_->options.drain_timeout_ms),
          [this] { return state_->connections.load() == 0; });
      left = state_->connections.load();
    }
    for (const auto& thread : threads_) thread->Stop();
    state_->promql->Close();
    state_->remote_reads->Close();
    for (WorkerPool* pool : {&state_->state, &state_->lists, &state_->reads, &state_->queries}) {
      pool->Stop();
    }
    state_->passwords.Stop();
    state_->maintenance.Stop();
    threads_.clear();
    if (left == 0) return arrow::Status::OK();
    return MakeError(ErrorKind::kTimeout,
                     "connections were cut while stopping: count=" + std::to_string(left));
  }

 private:
  std::shared_ptr<ServerState> state_;
  std::vector<std::shared_ptr<IoThread>> threads_;
  int port_ = 0;
  bool stopped_ = false;
};

}  // namespace

arrow::Result<std::unique_ptr<Server>> Server::Start(Database* database, ServerOptions options) {
  ARROW_ASSIGN_OR_RAISE(const tcp::endpoint address, ParseEndpoint(options));
  std::optional<Matcher> cors;
  if (options.cors_origin != ".*") {
    ARROW_ASSIGN_OR_RAISE(cors, Matcher::Make(MatchType::kRegex, "origin", options.cors_origin));
  }
  ARROW_ASSIGN_OR_RAISE(auto access, AccessControl::Make(options.web_config, options.read_file,
                                                         options.log, options.audit));
  const int threads = options.threads > 0 ? options.threads : std::min(Cores(), kMaxIoThreads);
  const int query_threads = options.query_threads > 0 ? options.query_threads : Cores();
  auto state = std::make_shared<ServerState>(std::move(options), std::move(cors), query_threads,
                                             std::move(access));
  state->database.store(database);
  state->start_time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  auto server = std::make_unique<ServerImpl>(std::move(state));
  ARROW_RETURN_NOT_OK(server->Listen(address, threads));
  return server;
}

}  // namespace larnax::http
