#pragma once

#include <cstdint>
#include <string>

#include "wire/remote_read/bit_writer.h"

namespace larnax::wire {

/// Builds one chunk of float samples in Prometheus' encoding XOR. Reusable after Finish.
class XorChunk {
 public:
  /// Append a sample later than the one before; at most 65535 of them.
  void Append(int64_t time_ms, double value);
  int count() const { return count_; }
  /// Give the chunk's data.
  std::string Finish();

 private:
  BitWriter bits_;
  XorWriter value_;
  int count_ = 0;
  int64_t time_ms_ = 0;
  int64_t delta_ms_ = 0;
};

}  // namespace larnax::wire
