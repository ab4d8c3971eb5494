#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace larnax::columns {

/// Distinct strings and their codes 0, 1, ... in order of first appearance. One thread at a time.
class StringDictionary {
 public:
  StringDictionary();

  /// Find the code of a string, adding it when new.
  uint32_t Intern(std::string_view value);
  /// The string of a code; valid as long as the dictionary.
  std::string_view operator[](uint32_t code) const { return values_[code]; }
  uint32_t size() const { return static_cast<uint32_t>(values_.size()); }
  int64_t memory_bytes() const { return memory_bytes_; }

 private:
  std::string_view Keep(std::string_view value);
  void Grow();

  std::vector<std::string_view> values_;
  std::vector<uint32_t> hashes_;
  std::vector<uint32_t> slots_;  // Code + 1, or 0; a power of two, at most half full.
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
  int64_t memory_bytes_ = 0;
};

}  // namespace larnax::columns
