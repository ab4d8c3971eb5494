#pragma once

#include <cstddef>
#include <cstring>
#include <memory>

namespace larnax::http {

/// Bytes read and not yet parsed. While a read into `Room()` is pending, bytes may be consumed, but
/// `Compact` must not be called.
class InputBuffer {
 public:
  static constexpr size_t kCapacity = 64 << 10;

  const char* data() const { return bytes_.get() + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  char* Room() { return bytes_.get() + end_; }
  size_t room() const { return kCapacity - end_; }
  void Commit(size_t size) { end_ += size; }
  void Consume(size_t size) { begin_ += size; }
  /// Move what there is to the front.
  void Compact() {
    if (begin_ == 0) return;
    if (begin_ != end_) std::memmove(bytes_.get(), data(), size());
    end_ -= begin_;
    begin_ = 0;
  }

 private:
  // Not zeroed: pages that no client fills cost no memory.
  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(kCapacity);
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace larnax::http
