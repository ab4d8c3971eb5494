#pragma once

#include <memory>
#include <string>

#include "http/connection/gate.h"
#include "http/message/request.h"
#include "http/message/response.h"
#include "http/router.h"

namespace larnax::http {

/// A request and its answer while worker threads are at it. Only one thread at a time has it.
struct Exchange {
  Request request;
  Response response;

  // The piece of `response.stream` that was drawn last.
  arrow::Status status;
  std::string piece;    ///< Not empty while `more`.
  bool more = false;    ///< Else the stream has ended.
  std::string trailer;  ///< At the end of the stream.

  std::shared_ptr<Gate::Pass> pass;  ///< Through the gate of its route, where that has one.
};

/// Make the answer: call the endpoint, translate errors, compress. A short stream becomes a body;
/// of a long one the first piece is drawn, so that an early failure still has its status.
void Answer(const Route& route, const Services& services, Exchange* exchange);

/// Draw the next piece of the stream.
void DrawPiece(Exchange* exchange);

}  // namespace larnax::http
