#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

#include <arrow/status.h>

namespace larnax::http {

/// What is drawn of a stream at once: a piece, its end, or a failure.
struct DrawnPiece {
  arrow::Status status;
  std::string bytes;    ///< Not empty while `more`.
  bool more = false;    ///< Else the stream has ended.
  std::string trailer;  ///< At the end of the stream.

  bool is_last() const { return !status.ok() || !more; }
};

/// What is drawn of a streamed body and not yet sent: some pieces, of large ones only one, whatever
/// the size of the answer.
///
/// Between one that draws (a worker, as long as there is room: a slow client holds no thread) and
/// one that sends (the connection). Each may be another thread each time; nobody waits in here, and
/// nothing takes memory of its own, so that no piece is lost where there is none.
class PieceQueue {
 public:
  // --- The one that sends ---

  /// Take the next piece. Without one: the next Push tells that it is waited for.
  std::optional<DrawnPiece> Take();
  /// Give back the buffer of a piece that was sent, for one to come.
  void Return(std::string buffer);
  /// Tell whether somebody has to draw now, who then calls Push until that returns false.
  [[nodiscard]] bool BeginDrawing();

  // --- The one that draws ---

  struct Pushed {
    bool go_on;      ///< There is room for more; false also before BeginDrawing.
    bool is_wanted;  ///< Take came in vain before.
  };
  Pushed Push(DrawnPiece piece);
  /// Give a buffer to draw into, empty.
  std::string Buffer();

 private:
  // One to send at once, and others while the next is drawn.
  static constexpr size_t kMostPieces = 3;

  bool HasRoom(size_t most_pieces) const;

  std::mutex mutex_;                            // Guards what follows.
  std::array<DrawnPiece, kMostPieces> pieces_;  // A ring.
  size_t first_ = 0;
  size_t count_ = 0;
  size_t bytes_ = 0;  // Of the pieces.
  std::array<std::string, kMostPieces> buffers_;
  size_t buffer_count_ = 0;
  size_t drawn_at_once_ = 0;
  bool drawing_ = false;
  bool ended_ = false;
  bool waiting_ = false;
};

}  // namespace larnax::http
