#include "http/raw_client_for_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include <zlib.h>
#include <zstd.h>

namespace larnax::http {
namespace {

// Only a hung server makes a test wait for so long.
constexpr timeval kPatience = {30, 0};

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::pair<std::string, std::string> SplitField(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return {line, ""};
  const size_t start = line.find_first_not_of(' ', colon + 1);
  return {Lower(line.substr(0, colon)), start == std::string::npos ? "" : line.substr(start)};
}

std::string Inflate(std::string_view bytes, int window_bits) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::array<char, 1 << 16> piece;
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return result == Z_STREAM_END ? out : "";
}

std::string Unzstd(std::string_view bytes) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  std::array<char, 1 << 16> piece;
  size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    left = ZSTD_decompressStream(context, &to, &in);
    if (ZSTD_isError(left) || (left != 0 && to.pos == 0 && in.pos == in.size)) break;
    out.append(piece.data(), to.pos);
  }
  ZSTD_freeDCtx(context);
  return left == 0 ? out : "";
}

}  // namespace

std::string RawResponse::Header(std::string_view lower_case_name) const {
  const auto at = headers.find(std::string(lower_case_name));
  return at == headers.end() ? "" : at->second;
}

RawClient::RawClient(int port) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) Close();
}

RawClient::~RawClient() { Close(); }

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

void RawClient::ShutdownSend() { shutdown(socket_, SHUT_WR); }

void RawClient::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

bool RawClient::Fill() {
  std::array<char, 1 << 16> piece;
  const ssize_t size = recv(socket_, piece.data(), piece.size(), 0);
  // A server that resets the connection has ended it, too.
  was_reset_ = was_reset_ || (size < 0 && errno == ECONNRESET);
  ended_ = size == 0 || was_reset_;
  if (size <= 0) return false;
  buffer_.append(piece.data(), static_cast<size_t>(size));
  return true;
}

std::string RawClient::ReadLine() {
  size_t end;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!Fill()) return {};
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

bool RawClient::ReadToEnd(std::string* bytes) {
  while (Fill()) {
  }
  if (bytes != nullptr) bytes->swap(buffer_);
  buffer_.clear();
  return ended_;
}

RawResponse RawClient::ReadResponse(bool head_only) {
  RawResponse response;
  const std::string status_line = ReadLine();
  if (status_line.size() < 12) return response;
  response.status = std::stoi(status_line.substr(9, 3));
  for (std::string line = ReadLine(); !line.empty(); line = ReadLine()) {
    response.headers.insert(SplitField(line));
  }
  if (head_only || response.status < 200 || response.status == 204) {
    response.complete = true;
    return response;
  }
  if (response.Header("transfer-encoding") == "chunked") {
    ReadChunked(&response);
    return response;
  }
  const std::string length_text = response.Header("content-length");
  if (length_text.empty()) {
    response.complete = ReadToEnd(&response.body);
    return response;
  }
  const size_t length = std::stoul(length_text);
  while (buffer_.size() < length && Fill()) {
  }
  response.complete = buffer_.size() >= length;
  response.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return response;
}

void RawClient::ReadChunked(RawResponse* response) {
  while (true) {
    const std::string size_line = ReadLine();
    size_t size = 0;
    const auto [end, error] =
        std::from_chars(size_line.data(), size_line.data() + size_line.size(), size, 16);
    if (error != std::errc() || end == size_line.data()) return;
    if (size == 0) break;
    while (buffer_.size() < size + 2) {
      if (!Fill()) return;
    }
    response->body.append(buffer_, 0, size);
    if (buffer_.substr(size, 2) != "\r\n") return;
    buffer_.erase(0, size + 2);
  }
  for (std::string line = ReadLine(); !line.empty(); line = ReadLine()) {
    response->trailers.insert(SplitField(line));
  }
  response->complete = true;
}

RawResponse RawClient::Get(std::string_view target, std::string_view fields) {
  std::string request = "GET ";
  request.append(target).append(" HTTP/1.1\r\nHost: test\r\n").append(fields).append("\r\n");
  Send(request);
  return ReadResponse();
}

RawResponse RawClient::Post(std::string_view target, std::string_view body,
                            std::string_view fields) {
  std::string request = "POST ";
  request.append(target).append(" HTTP/1.1\r\nHost: test\r\nContent-Length: ");
  request.append(std::to_string(body.size())).append("\r\n").append(fields).append("\r\n");
  request.append(body);
  Send(request);
  return ReadResponse();
}

std::string Decompress(std::string_view bytes, std::string_view encoding) {
  if (encoding == "gzip") return Inflate(bytes, 15 + 16);
  if (encoding == "deflate") return Inflate(bytes, 15);
  if (encoding == "zstd") return Unzstd(bytes);
  return std::string(bytes);
}

}  // namespace larnax::http
