#include "http/exchange.h"

#include <exception>
#include <new>
#include <utility>

#include "http/connection/compression.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

// Below this a compressed answer fits into the same number of packets.
constexpr size_t kMinCompressBytes = 1024;

arrow::Status UnexpectedFailure(const std::exception& e) {
  // Memory comes back when others are done.
  if (dynamic_cast<const std::bad_alloc*>(&e) != nullptr) {
    return MakeError(ErrorKind::kOverloaded, "out of memory");
  }
  return MakeError(ErrorKind::kInternal, std::string("unexpected failure: ") + e.what());
}

// A stream of which the first bytes were drawn already.
class ResumedSource : public BodySource {
 public:
  ResumedSource(std::string drawn, std::unique_ptr<BodySource> rest, bool more, std::string trailer)
      : drawn_(std::move(drawn)),
        rest_(std::move(rest)),
        more_(more),
        trailer_(std::move(trailer)) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (!drawn_.empty()) {
      out->append(std::exchange(drawn_, {}));
      return true;
    }
    if (!more_) return false;
    return rest_->Next(out);
  }
  std::string Trailer() override { return more_ ? rest_->Trailer() : trailer_; }

 private:
  std::string drawn_;
  std::unique_ptr<BodySource> rest_;
  bool more_;
  std::string trailer_;
};

// What is too large or not understood is the request only where that has a body of its own; else it
// is something of the archive, and nothing the client could mend.
arrow::Status AsFailureOf(const Route& route, const arrow::Status& status) {
  const ErrorKind kind = KindOf(status);
  const bool is_blame = kind == ErrorKind::kTooLarge || kind == ErrorKind::kUnsupported;
  if (!is_blame || route.takes_messages()) return status;
  return MakeError(ErrorKind::kInternal, status.message());
}

arrow::Result<Response> CallEndpoint(const Route& route, const Services& services,
                                     Request* request) {
  try {
    ARROW_RETURN_NOT_OK(ReadParams(request));
    auto response = route.endpoint(*request, services);
    return response.ok() ? std::move(response) : AsFailureOf(route, response.status());
  } catch (const std::exception& e) {
    return UnexpectedFailure(e);
  }
}

void MarkCompressed(Encoding encoding, Response* response) {
  response->headers.emplace_back("Content-Encoding", EncodingName(encoding));
}

void CompressBody(Encoding encoding, Response* response) {
  if (encoding == Encoding::kIdentity || response->body.size() < kMinCompressBytes) return;
  auto compressed = Compress(response->body, encoding);
  if (!compressed.ok()) return;
  response->body = std::move(*compressed);
  MarkCompressed(encoding, response);
}

// Draw the start of the stream. Afterwards the response is an error, a plain body, or a stream
// of which the first piece is drawn.
void StartStream(Encoding encoding, Exchange* exchange) {
  Response& response = exchange->response;
  std::string drawn;
  for (int i = 0; i < 2; ++i) {
    DrawPiece(exchange);
    drawn.append(exchange->piece);
    if (!exchange->status.ok() || !exchange->more) break;
  }
  if (!exchange->status.ok()) {
    response = ErrorResponse(exchange->status);
    return;
  }
  if (!exchange->more && exchange->trailer.empty()) {
    response.body = std::move(drawn);
    response.stream.reset();
    CompressBody(encoding, &response);
    return;
  }
  response.stream = std::make_unique<ResumedSource>(std::move(drawn), std::move(response.stream),
                                                    exchange->more, exchange->trailer);
  if (encoding != Encoding::kIdentity) {
    response.stream = CompressStream(std::move(response.stream), encoding);
    MarkCompressed(encoding, &response);
  }
  DrawPiece(exchange);
  if (!exchange->status.ok()) response = ErrorResponse(exchange->status);
}

void MakeAnswer(const Route& route, const Services& services, Exchange* exchange) {
  auto response = CallEndpoint(route, services, &exchange->request);
  exchange->response = response.ok() ? std::move(*response) : ErrorResponse(response.status());
  const bool compresses = route.is_api && exchange->response.compressible;
  const Encoding encoding =
      compresses ? ChooseEncoding(exchange->request.head.accept_encoding) : Encoding::kIdentity;
  exchange->response.stream != nullptr ? StartStream(encoding, exchange)
                                       : CompressBody(encoding, &exchange->response);
  if (compresses) exchange->response.headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace

void DrawPiece(Exchange* exchange) {
  exchange->piece.clear();
  exchange->more = true;
  exchange->status = arrow::Status::OK();
  try {
    // An empty piece would read as the end of a chunked body.
    while (exchange->more && exchange->piece.empty()) {
      auto more = exchange->response.stream->Next(&exchange->piece);
      if (!more.ok()) {
        exchange->status = more.status();
        return;
      }
      exchange->more = *more;
    }
    if (!exchange->more) exchange->trailer = exchange->response.stream->Trailer();
  } catch (const std::exception& e) {
    exchange->status = UnexpectedFailure(e);
  }
}

void Answer(const Route& route, const Services& services, Exchange* exchange) {
  try {
    MakeAnswer(route, services, exchange);
  } catch (const std::exception& e) {
    exchange->response = ErrorResponse(UnexpectedFailure(e));
  }
}

}  // namespace larnax::http
