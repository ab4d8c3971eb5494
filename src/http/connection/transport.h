#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "http/access/tls_context.h"
#include "http/connection/loop_turn.h"

namespace larnax::http {

/// A client's byte stream: a socket, plain or with TLS over it. To be used with the turn of its
/// loop, which its handlers have.
class Transport {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                                  boost::asio::io_context::executor_type>;
  using ErrorCode = boost::system::error_code;
  using Buffers = std::array<boost::asio::const_buffer, 3>;

  /// \param tls   Null: plain. The socket must be non-blocking.
  /// \param turn  Of the loop; outlives this.
  Transport(Socket socket, std::shared_ptr<const TlsContext> tls, LoopTurn* turn);

  /// Read some bytes; `handler(error, size)` is called later, never from here. It must keep this
  /// alive.
  template <typename Handler>
  void AsyncRead(char* room, size_t size, Handler handler) {
    if (tls_ == nullptr) {
      socket_.async_read_some(boost::asio::buffer(room, size), turn_->Wrap(std::move(handler)));
      return;
    }
    ReadTls({room, size}, std::move(handler));
  }

  /// Write what can be written at once; `would_block` where that is nothing. Then
  /// AsyncWaitWritable, and call again with the same bytes in front.
  size_t WriteSome(const Buffers& buffers, ErrorCode& error);
  template <typename Handler>
  void AsyncWaitWritable(Handler handler) {
    socket_.async_wait(Socket::wait_write, turn_->Wrap(std::move(handler)));
  }

  /// Say that no more will come.
  void ShutdownSend(ErrorCode& error);
  void Close();
  /// Close so that the client sees a broken connection, and nothing that looks like an end.
  void Reset();

  bool is_tls() const { return tls_ != nullptr; }
  /// The client's address and port; empty where it is gone.
  const std::string& peer() const { return peer_; }

 private:
  template <typename Handler>
  void ReadTls(std::span<char> room, Handler handler) {
    const TlsSession::Outcome outcome = tls_->Read(room);
    if (outcome.want != TlsSession::Want::kNothing) {
      const auto what =
          outcome.want == TlsSession::Want::kRead ? Socket::wait_read : Socket::wait_write;
      socket_.async_wait(
          what,
          turn_->Wrap([this, room, handler = std::move(handler)](const ErrorCode& error) mutable {
            // Where it was closed while this waited for its turn, the number may be another's.
            const bool is_open = socket_.is_open();
            if (!error && is_open) return ReadTls(room, std::move(handler));
            handler(is_open ? error : boost::asio::error::operation_aborted, size_t{0});
          }));
      return;
    }
    ErrorCode error;
    if (outcome.size == 0) error = boost::asio::error::eof;
    boost::asio::post(socket_.get_executor(),
                      turn_->Wrap([handler = std::move(handler), error,
                                   size = outcome.size]() mutable { handler(error, size); }));
  }

  LoopTurn* turn_;
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  std::string record_;  // What TLS is given at a time.
  std::string peer_;
};

}  // namespace larnax::http
