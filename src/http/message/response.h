#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

namespace larnax::http {

/// The body of a streamed answer, drawn piece by piece on worker threads, one call at a time.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Append the next piece (some 100 KiB, or a batch of rows) to `out`; false, with nothing
  /// appended, at the end.
  virtual arrow::Result<bool> Next(std::string* out) = 0;
  /// Header lines for after the body (each with its CRLF); asked for once, at the end.
  virtual std::string Trailer() { return {}; }
};

/// An answer. `stream`, where set, is the body and `body` is empty.
struct Response {
  int status = 200;
  std::string content_type;  ///< Empty: no such header.
  std::string body;
  std::unique_ptr<BodySource> stream;
  /// Further header fields; names and values must hold no control characters.
  std::vector<std::pair<std::string_view, std::string>> headers;
  bool close = false;        ///< End the connection after it.
  bool compressible = true;  ///< Else it is sent as it is, whatever Accept-Encoding says.
};

/// Name a status code: `Not Found`; `Unknown` for one this server never sends.
std::string_view ReasonPhrase(int status);

/// Answer in plain text, as Go's http.Error does: the message and a line feed. Bytes that are not
/// UTF-8 become U+FFFD.
Response TextResponse(int status, std::string_view message);

/// Send the client to another place; `location` must hold no control characters.
Response Redirect(std::string location);

/// Answer `{"status":"success","data":DATA}`; `data` is JSON.
Response JsonResponse(std::string_view data, const std::vector<std::string>& warnings = {});
/// The same with large data, of which there shall be no second copy: append it to the body of what
/// this returns, then call EndJson.
Response BeginJson();
void EndJson(const std::vector<std::string>& warnings, Response* response);

/// The HTTP status for a failed Status.
int HttpStatusOf(const arrow::Status& status);

/// Answer with Prometheus' error envelope.
Response ErrorResponse(const arrow::Status& status);

/// Append `,"warnings":[...]` where there are any.
void AppendWarnings(const std::vector<std::string>& warnings, std::string* out);

/// How a message's end is told.
struct Framing {
  bool http_1_1 = true;
  bool keep_alive = true;
  bool chunked = false;         ///< A stream to a client of HTTP/1.1.
  bool has_length = true;       ///< Send Content-Length.
  uint64_t content_length = 0;  ///< With `has_length`.
};

/// Append status line and header of `response`, the empty line included.
void AppendHead(const Response& response, const Framing& framing, std::string_view date,
                std::string* out);

}  // namespace larnax::http
