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

// Draws the next piece behind what is in `buffer`.
DrawnPiece DrawPiece(BodySource* stream, std::string buffer) {
  DrawnPiece piece;
  piece.bytes = std::move(buffer);
  const size_t before = piece.bytes.size();
  try {
    // An empty piece would read as the end of a chunked body.
    do {
      auto more = stream->Next(&piece.bytes);
      piece.status = more.status();
      piece.more = more.ok() && *more;
    } while (piece.more && piece.bytes.size() == before);
    if (piece.status.ok() && !piece.more) piece.trailer = stream->Trailer();
  } catch (const std::exception& e) {
    piece.more = false;
    piece.status = UnexpectedFailure(e);
  }
  return piece;
}

// Draw the start of the stream. Afterwards the response is an error, a plain body, or a stream
// of which the first piece is drawn.
void StartStream(Encoding encoding, Exchange* exchange) {
  Response& response = exchange->response;
  std::string drawn;
  DrawnPiece piece;
  for (int i = 0; i < 2; ++i) {
    piece = DrawPiece(response.stream.get(), std::move(drawn));
    drawn = std::move(piece.bytes);
    if (piece.is_last()) break;
  }
  if (!piece.status.ok()) {
    response = ErrorResponse(piece.status);
    return;
  }
  if (!piece.more && piece.trailer.empty()) {
    response.body = std::move(drawn);
    response.stream.reset();
    CompressBody(encoding, &response);
    return;
  }
  response.stream = std::make_unique<ResumedSource>(std::move(drawn), std::move(response.stream),
                                                    piece.more, piece.trailer);
  if (encoding != Encoding::kIdentity) {
    response.stream = CompressStream(std::move(response.stream), encoding);
    MarkCompressed(encoding, &response);
  }
  piece = DrawPiece(response.stream.get(), {});
  if (!piece.status.ok()) {
    response = ErrorResponse(piece.status);
    return;
  }
  exchange->stream = std::move(response.stream);
  exchange->pieces.Push(std::move(piece));
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

void Answer(const Route& route, const Services& services, Exchange* exchange) {
  try {
    MakeAnswer(route, services, exchange);
  } catch (const std::exception& e) {
    exchange->response = ErrorResponse(UnexpectedFailure(e));
  }
}

void DrawPieces(Exchange* exchange, const std::function<void()>& tell) {
  PieceQueue& pieces = exchange->pieces;
  while (true) {
    const auto [go_on, is_wanted] = pieces.Push(DrawPiece(exchange->stream.get(), pieces.Buffer()));
    if (is_wanted) tell();
    if (!go_on) return;
  }
}

}  // namespace larnax::http
