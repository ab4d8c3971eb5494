#include "http/connection/output.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace larnax::http {
namespace {

namespace asio = boost::asio;

// A body up to this is copied behind its head: one buffer costs less than two.
constexpr size_t kJoinedBodyBytes = 16 << 10;

}  // namespace

std::string* Output::BeginHead() {
  head_.clear();
  body_.clear();
  tail_ = {};
  written_ = 0;
  written_before_ = 0;
  return &head_;
}

void Output::SetBody(std::string body) {
  if (body.size() <= kJoinedBodyBytes) {
    head_.append(body);
  } else {
    body_ = std::move(body);
  }
}

void Output::SetPiece(std::string* piece, bool chunked) {
  body_.swap(*piece);
  if (!chunked) return;
  char size_line[24];
  const int length = std::snprintf(size_line, sizeof(size_line), "%zx\r\n", body_.size());
  head_.append(size_line, static_cast<size_t>(length));
  tail_ = "\r\n";
}

void Output::SetEnd(std::string_view trailer, bool chunked) {
  if (chunked) head_.append("0\r\n").append(trailer).append("\r\n");
}

Transport::Buffers Output::Unwritten() const {
  Transport::Buffers buffers = {asio::buffer(head_), asio::buffer(body_),
                                asio::buffer(tail_.data(), tail_.size())};
  size_t skip = written_;
  for (asio::const_buffer& buffer : buffers) {
    const size_t part = std::min(skip, buffer.size());
    buffer += part;
    skip -= part;
  }
  return buffers;
}

bool Output::Write(Transport* transport, Transport::ErrorCode& error) {
  while (true) {
    const Transport::Buffers buffers = Unwritten();
    if (asio::buffer_size(buffers) == 0) break;
    const size_t size = transport->WriteSome(buffers, error);
    if (error) return false;
    written_ += size;
  }
  written_before_ += std::exchange(written_, 0);
  head_.clear();
  body_.clear();
  tail_ = {};
  return true;
}

void Output::Trim(size_t size) {
  if (body_.capacity() > size) std::string().swap(body_);
}

}  // namespace larnax::http
