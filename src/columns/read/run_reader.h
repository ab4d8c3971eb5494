#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "columns/format/encodings.h"

namespace larnax::columns {

/// Reads runs one after the other, a part of a run at a time. Borrows them; none is empty.
class RunReader {
 public:
  explicit RunReader(const std::vector<Run>& runs) : runs_(runs) {}

  bool done() const { return at_ == runs_.size(); }
  /// Value of the current run, until done().
  uint32_t value() const { return runs_[at_].value; }
  /// Values left in the current run.
  int64_t left() const { return runs_[at_].count - used_; }
  /// Go on by `count` values, at most left().
  void Skip(int64_t count) {
    used_ += count;
    if (used_ == runs_[at_].count) {
      used_ = 0;
      ++at_;
    }
  }
  /// Take one value.
  uint32_t Next() {
    const uint32_t next = value();
    Skip(1);
    return next;
  }

 private:
  const std::vector<Run>& runs_;
  size_t at_ = 0;
  int64_t used_ = 0;
};

}  // namespace larnax::columns
