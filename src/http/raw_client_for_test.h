#pragma once

#include <map>
#include <string>
#include <string_view>

namespace larnax::http {

/// A response as a RawClient read it.
struct RawResponse {
  int status = 0;  ///< 0: the connection ended before the head did.
  std::multimap<std::string, std::string> headers;  ///< Names in lower case.
  std::string body;                                 ///< Chunks joined.
  std::map<std::string, std::string> trailers;
  bool complete = false;  ///< The body came whole, as its framing says.

  /// The first value of a field; empty where there is none.
  std::string Header(std::string_view lower_case_name) const;
};

/// A client for tests: a plain socket, so that a test sends what bytes it likes.
class RawClient {
 public:
  explicit RawClient(int port);  ///< Connects to 127.0.0.1; see connected().
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return socket_ >= 0; }
  /// Send all; false where the server has closed.
  bool Send(std::string_view bytes);
  /// Say that no more will come.
  void ShutdownSend();
  void Close();
  /// Read one response (interim ones, as 100, are responses too); `head_only` after HEAD.
  RawResponse ReadResponse(bool head_only = false);
  /// Read a whole line, CRLF excluded.
  std::string ReadLine();
  /// Read up to the end of the connection; true where it ended within the test's patience.
  bool ReadToEnd(std::string* bytes = nullptr);
  /// Whether the server broke the connection off instead of ending it.
  bool was_reset() const { return was_reset_; }

  /// Send a request and read its response.
  RawResponse Get(std::string_view target, std::string_view fields = "");
  RawResponse Post(std::string_view target, std::string_view body, std::string_view fields = "");

 private:
  bool Fill();
  void ReadChunked(RawResponse* response);

  int socket_ = -1;
  std::string buffer_;
  bool ended_ = false;
  bool was_reset_ = false;
};

/// Undo a Content-Encoding; empty where it cannot be.
std::string Decompress(std::string_view bytes, std::string_view encoding);

}  // namespace larnax::http
