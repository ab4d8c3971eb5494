#include "http/connection/piece_queue.h"

#include <utility>

namespace larnax::http {
namespace {

// So many pieces wait to be sent at most: one to send at once, and others while the next is drawn.
constexpr size_t kMostPieces = 3;
// From so many down somebody draws again.
constexpr size_t kFewPieces = 1;
// After so many the next in the queue of the workers has its turn.
constexpr size_t kMostAtOnce = 16;

}  // namespace

std::optional<DrawnPiece> PieceQueue::Take() {
  const std::lock_guard lock(mutex_);
  waiting_ = pieces_.empty();
  if (waiting_) return std::nullopt;
  std::optional<DrawnPiece> piece(std::move(pieces_.front()));
  pieces_.pop_front();
  return piece;
}

void PieceQueue::Return(std::string buffer) {
  const std::lock_guard lock(mutex_);
  if (buffers_.size() < kMostPieces) buffers_.push_back(std::move(buffer));
}

bool PieceQueue::BeginDrawing() {
  const std::lock_guard lock(mutex_);
  if (drawing_ || ended_ || pieces_.size() > kFewPieces) return false;
  drawing_ = true;
  drawn_at_once_ = 0;
  return true;
}

PieceQueue::Pushed PieceQueue::Push(DrawnPiece piece) {
  const std::lock_guard lock(mutex_);
  ended_ = piece.is_last();
  pieces_.push_back(std::move(piece));
  drawing_ = drawing_ && !ended_ && pieces_.size() < kMostPieces && ++drawn_at_once_ < kMostAtOnce;
  return {.go_on = drawing_, .is_wanted = std::exchange(waiting_, false)};
}

std::string PieceQueue::Buffer() {
  const std::lock_guard lock(mutex_);
  if (buffers_.empty()) return {};
  std::string buffer = std::move(buffers_.back());
  buffers_.pop_back();
  buffer.clear();
  return buffer;
}

}  // namespace larnax::http
