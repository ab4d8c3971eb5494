#include "http/connection/piece_queue.h"

#include <utility>

namespace larnax::http {
namespace {

// From so many pieces down somebody draws again.
constexpr size_t kFewPieces = 1;
// With so many bytes waiting nobody draws.
constexpr size_t kEnoughBytes = size_t{512} << 10;
// After so many pieces the next in the queue of the workers has its turn.
constexpr size_t kMostAtOnce = 16;

}  // namespace

bool PieceQueue::HasRoom(size_t most_pieces) const {
  return count_ == 0 || (count_ < most_pieces && bytes_ < kEnoughBytes);
}

std::optional<DrawnPiece> PieceQueue::Take() {
  const std::lock_guard lock(mutex_);
  waiting_ = count_ == 0;
  if (waiting_) return std::nullopt;
  std::optional<DrawnPiece> piece(std::move(pieces_[first_]));
  first_ = (first_ + 1) % kMostPieces;
  --count_;
  bytes_ -= piece->bytes.size();
  return piece;
}

void PieceQueue::Return(std::string buffer) {
  const std::lock_guard lock(mutex_);
  // A large one does not wait beside others.
  if (buffer_count_ == kMostPieces) return;
  if (buffer_count_ > 0 && buffer.capacity() > kEnoughBytes) return;
  buffers_[buffer_count_++] = std::move(buffer);
}

bool PieceQueue::BeginDrawing() {
  const std::lock_guard lock(mutex_);
  if (drawing_ || ended_ || !HasRoom(kFewPieces + 1)) return false;
  drawing_ = true;
  drawn_at_once_ = 0;
  return true;
}

PieceQueue::Pushed PieceQueue::Push(DrawnPiece piece) {
  const std::lock_guard lock(mutex_);
  ended_ = piece.is_last();
  bytes_ += piece.bytes.size();
  pieces_[(first_ + count_) % kMostPieces] = std::move(piece);
  ++count_;
  drawing_ = drawing_ && !ended_ && HasRoom(kMostPieces) && ++drawn_at_once_ < kMostAtOnce;
  return {.go_on = drawing_, .is_wanted = std::exchange(waiting_, false)};
}

std::string PieceQueue::Buffer() {
  const std::lock_guard lock(mutex_);
  if (buffer_count_ == 0) return {};
  std::string buffer = std::move(buffers_[--buffer_count_]);
  buffer.clear();
  return buffer;
}

}  // namespace larnax::http
