#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "http/connection/gate.h"
#include "http/connection/piece_queue.h"
#include "http/message/request.h"
#include "http/message/response.h"
#include "http/router.h"

namespace larnax::http {

/// A request and its answer while it is being made. Only one thread at a time has it, but for the
/// pieces, which one sends while another draws the next.
struct Exchange {
  Request request;
  Response response;  ///< Once it is made, its stream is below.
  /// The rest of a long answer: of who draws.
  std::unique_ptr<BodySource> stream;
  PieceQueue pieces;  ///< Of `stream`.

  /// What is waited for will not come: memory ran out. Set by any thread.
  std::atomic<bool> is_lost{false};

  std::shared_ptr<Gate::Pass> pass;  ///< Through the gate of its route, where that has one.
};

/// Make the answer: call the endpoint, translate errors, compress. A short stream becomes a body;
/// of a long one the first piece is drawn, so that an early failure still has its status.
void Answer(const Route& route, const Services& services, Exchange* exchange);

/// Draw pieces of the stream while there is room for them. To be called after
/// PieceQueue::BeginDrawing, on any thread.
///
/// \param tell  Called when there is a piece that was waited for.
void DrawPieces(Exchange* exchange, const std::function<void()>& tell);

}  // namespace larnax::http
