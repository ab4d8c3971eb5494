#include "http/message/response.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::http {
namespace {

// Senders try again after this; Prometheus' own backoff is shorter than a flush.
constexpr std::string_view kRetryAfterSeconds = "1";

// Length of the UTF-8 sequence at the front of `text`; 0 where there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(0);
  const unsigned second = byte(1);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4 || !continues(1)) return 0;
  if (lead < 0xE0) return 2;
  // Overlong forms, surrogates, and what lies past U+10FFFF.
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  if (!continues(2)) return 0;
  if (lead < 0xF0) return 3;
  return continues(3) ? 4 : 0;
}

void AppendAsUtf8(std::string_view text, std::string* out) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    length == 0 ? out->append("\xEF\xBF\xBD") : out->append(text.substr(0, length));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
}

void AppendNumber(uint64_t number, std::string* out) {
  std::array<char, 20> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out->append(digits.data(), result.ptr);
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 302:
      return "Found";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Entity";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

Response TextResponse(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  AppendAsUtf8(message, &response.body);
  response.body.push_back('\n');
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

Response Redirect(std::string location) {
  Response response = TextResponse(302, "see " + location);
  response.headers.emplace_back("Location", std::move(location));
  return response;
}

void AppendWarnings(const std::vector<std::string>& warnings, std::string* out) {
  if (warnings.empty()) return;
  out->append(",\"warnings\":[");
  for (size_t i = 0; i < warnings.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(warnings[i], out);
  }
  out->push_back(']');
}

Response JsonResponse(std::string_view data, const std::vector<std::string>& warnings) {
  Response response = BeginJson();
  response.body.reserve(response.body.size() + data.size() + 64);
  response.body.append(data);
  EndJson(warnings, &response);
  return response;
}

Response BeginJson() {
  Response response;
  response.content_type = "application/json";
  response.body = "{\"status\":\"success\",\"data\":";
  return response;
}

void EndJson(const std::vector<std::string>& warnings, Response* response) {
  AppendWarnings(warnings, &response->body);
  response->body.push_back('}');
}

int HttpStatusOf(const arrow::Status& status) {
  switch (KindOf(status)) {
    case ErrorKind::kBadQuery:
    case ErrorKind::kBadSample:
      return 400;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kUnsupported:
      return 415;
    case ErrorKind::kExecution:
    case ErrorKind::kLimit:
      return 422;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kOverloaded:
    case ErrorKind::kClosed:
    case ErrorKind::kTimeout:
      return 503;
    case ErrorKind::kCancelled:
      return 499;
    case ErrorKind::kCorrupt:
    case ErrorKind::kInternal:
      return 500;
  }
  return 500;
}

Response ErrorResponse(const arrow::Status& status) {
  Response response;
  response.status = HttpStatusOf(status);
  response.content_type = "application/json";
  response.body.append("{\"status\":\"error\",\"errorType\":\"");
  response.body.append(ErrorTypeName(KindOf(status)));
  response.body.append("\",\"error\":");
  AppendJsonString(status.message(), &response.body);
  response.body.push_back('}');
  const ErrorKind kind = KindOf(status);
  if (kind == ErrorKind::kOverloaded || kind == ErrorKind::kClosed) {
    response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  }
  return response;
}

void AppendHead(const Response& response, const Framing& framing, std::string_view date,
                std::string* out) {
  out->append(framing.http_1_1 ? "HTTP/1.1 " : "HTTP/1.0 ");
  AppendNumber(static_cast<uint64_t>(response.status), out);
  out->push_back(' ');
  out->append(ReasonPhrase(response.status));
  out->append("\r\nDate: ");
  out->append(date);
  if (!response.content_type.empty()) {
    out->append("\r\nContent-Type: ");
    out->append(response.content_type);
  }
  for (const auto& [name, value] : response.headers) {
    out->append("\r\n");
    out->append(name);
    out->append(": ");
    out->append(value);
  }
  if (framing.chunked) {
    out->append("\r\nTransfer-Encoding: chunked");
  } else if (framing.has_length) {
    out->append("\r\nContent-Length: ");
    AppendNumber(framing.content_length, out);
  }
  if (!framing.keep_alive) {
    out->append("\r\nConnection: close");
  } else if (!framing.http_1_1) {
    out->append("\r\nConnection: keep-alive");
  }
  out->append("\r\n\r\n");
}

}  // namespace larnax::http
