#include "columns/write/string_dictionary.h"

#include <cstring>

#include "base/hash.h"

namespace larnax::columns {
namespace {

constexpr size_t kBlockBytes = 16 << 10;
constexpr size_t kFirstSlots = 16;

}  // namespace

StringDictionary::StringDictionary() : slots_(kFirstSlots) {}

uint32_t StringDictionary::Intern(std::string_view value) {
  const auto hash = static_cast<uint32_t>(base::Hash64(value));
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const uint32_t code = slots_[slot] - 1;
    if (hashes_[code] == hash && values_[code] == value) return code;
  }
  const auto code = static_cast<uint32_t>(values_.size());
  values_.push_back(Keep(value));
  hashes_.push_back(hash);
  slots_[slot] = code + 1;
  if (values_.size() * 2 > slots_.size()) Grow();
  return code;
}

std::string_view StringDictionary::Keep(std::string_view value) {
  if (value.size() > free_bytes_) {
    const size_t size = value.size() > kBlockBytes / 4 ? value.size() : kBlockBytes;
    auto block = std::make_unique<char[]>(size);
    char* begin = block.get();
    blocks_.push_back(std::move(block));
    memory_bytes_ += static_cast<int64_t>(size);
    if (size == value.size()) {
      // A long string gets memory of its own; the current block stays in use.
      std::memcpy(begin, value.data(), value.size());
      return {begin, value.size()};
    }
    free_ = begin;
    free_bytes_ = size;
  }
  if (!value.empty()) std::memcpy(free_, value.data(), value.size());
  const std::string_view kept(free_, value.size());
  free_ += value.size();
  free_bytes_ -= value.size();
  return kept;
}

void StringDictionary::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  const size_t mask = slots_.size() - 1;
  for (uint32_t code = 0; code < hashes_.size(); ++code) {
    size_t slot = hashes_[code] & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = code + 1;
  }
}

}  // namespace larnax::columns
