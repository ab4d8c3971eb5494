#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/connection/transport.h"

namespace larnax::http {

/// What of an answer is being sent: the head, and the body or the piece of a stream that is on its
/// way. What was set is written by Write until nothing is left; then more may be set.
class Output {
 public:
  /// Begin an answer: give the buffer, emptied, that its head is appended to.
  std::string* BeginHead();
  /// Let a body follow the head.
  void SetBody(std::string body);
  /// Let a piece of a stream follow what is there.
  ///
  /// \param piece  Not empty. Taken by a swap: its buffer and this one's go back and forth.
  void SetPiece(std::string* piece, bool chunked);
  /// Let a stream end here.
  void SetEnd(std::string_view trailer, bool chunked);

  /// Write what the transport takes now.
  ///
  /// \return  True when all is written; false with `would_block` when one has to wait, or with what
  ///          broke.
  bool Write(Transport* transport, Transport::ErrorCode& error);
  /// Bytes written of the answer so far.
  uint64_t written() const { return written_before_ + written_; }
  /// Keep no more memory than `size` for the next body.
  void Trim(size_t size);

 private:
  Transport::Buffers Unwritten() const;

  std::string head_;
  std::string body_;
  std::string_view tail_;
  size_t written_ = 0;           // Of the three together.
  uint64_t written_before_ = 0;  // Of this answer, what is no longer here.
};

}  // namespace larnax::http
