#include "http/connection/transport.h"

#include <algorithm>

namespace larnax::http {

namespace asio = boost::asio;

namespace {

// The most that one TLS record holds.
constexpr size_t kRecordBytes = 16 << 10;

}  // namespace

Transport::Transport(Socket socket, std::shared_ptr<const TlsContext> tls, LoopTurn* turn)
    : turn_(turn), socket_(std::move(socket)) {
  if (tls != nullptr) {
    tls_ = std::make_unique<TlsSession>(std::move(tls), socket_.native_handle());
  }
  ErrorCode error;
  const auto endpoint = socket_.remote_endpoint(error);
  if (error) return;
  const std::string address = endpoint.address().to_string();
  peer_ = endpoint.address().is_v6() ? "[" + address + "]" : address;
  peer_ += ":" + std::to_string(endpoint.port());
}

size_t Transport::WriteSome(const Buffers& buffers, ErrorCode& error) {
  if (tls_ == nullptr) return socket_.write_some(buffers, error);
  // Put together: many small buffers would each be a record of their own.
  record_.clear();
  for (const asio::const_buffer& buffer : buffers) {
    const size_t size = std::min(buffer.size(), kRecordBytes - record_.size());
    record_.append(static_cast<const char*>(buffer.data()), size);
  }
  const TlsSession::Outcome outcome = tls_->Write({record_.data(), record_.size()});
  error = {};
  if (outcome.want == TlsSession::Want::kWrite) {
    error = asio::error::would_block;
  } else if (outcome.size == 0) {
    // Without renegotiation nothing that is written waits for the client's words.
    error = asio::error::connection_reset;
  }
  return outcome.size;
}

void Transport::ShutdownSend(ErrorCode& error) {
  if (tls_ != nullptr) tls_->ShutdownSend();
  socket_.shutdown(Socket::shutdown_send, error);
}

void Transport::Close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

void Transport::Reset() {
  ErrorCode ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace larnax::http
