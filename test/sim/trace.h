#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace larnax::sim {

/// A hash over everything that happened, in order: two runs of one seed must agree in it.
class Trace {
 public:
  void Add(std::string_view event) {
    scratch_.assign(reinterpret_cast<const char*>(&hash_), sizeof hash_);
    scratch_.append(event);
    hash_ = base::Hash64(scratch_);
    ++count_;
  }
  void Add(std::string_view event, uint64_t number) {
    Add(event);
    Add({reinterpret_cast<const char*>(&number), sizeof number});
  }
  uint64_t hash() const { return hash_; }
  int64_t count() const { return count_; }

 private:
  uint64_t hash_ = 0;
  int64_t count_ = 0;
  std::string scratch_;
};

}  // namespace larnax::sim
