#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace larnax::columns {

/// Integers from `low` to `high`, both included.
struct IntBounds {
  int64_t low = 0;
  int64_t high = 0;
};

/// Integers of one page in as few bytes each as their range needs. Immutable.
class PackedInts {
 public:
  explicit PackedInts(std::span<const int64_t> values);

  int64_t operator[](size_t i) const {
    uint64_t offset = 0;
    switch (width_) {
      case 0:
        break;
      case 1:
        offset = bytes_[i];
        break;
      case 2:
        offset = Load<uint16_t>(i);
        break;
      case 4:
        offset = Load<uint32_t>(i);
        break;
      default:
        offset = Load<uint64_t>(i);
    }
    return static_cast<int64_t>(static_cast<uint64_t>(base_) + offset);
  }
  /// Call sink(begin, end, value) for all runs of equal integers of [begin, end) that are within
  /// `bounds`. The others are passed over a block at a time.
  template <typename Sink>
  void ForEachRunWithin(size_t begin, size_t end, IntBounds bounds, Sink&& sink) const {
    bounds.low = std::max(bounds.low, base_);
    bounds.high = std::min(bounds.high, max_);
    if (bounds.low > bounds.high) return;
    switch (width_) {
      case 0:
        if (begin < end) sink(begin, end, base_);
        break;
      case 1:
        RunsOf<uint8_t>(begin, end, bounds, sink);
        break;
      case 2:
        RunsOf<uint16_t>(begin, end, bounds, sink);
        break;
      case 4:
        RunsOf<uint32_t>(begin, end, bounds, sink);
        break;
      default:
        RunsOf<uint64_t>(begin, end, bounds, sink);
    }
  }
  size_t size() const { return size_; }
  /// Smallest and greatest integer; of an empty page 0.
  int64_t min() const { return base_; }
  int64_t max() const { return max_; }
  int64_t memory_bytes() const { return static_cast<int64_t>(bytes_.capacity() + sizeof(*this)); }

 private:
  template <typename T>
  T Load(size_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  uint64_t OffsetOf(int64_t value) const {
    return static_cast<uint64_t>(value) - static_cast<uint64_t>(base_);
  }
  template <typename T>
  bool IsWithin(size_t i, T low, T range) const {
    const T above = static_cast<T>(Load<T>(i) - low);
    return above <= range;
  }
  // Whether one of the integers of a block is within bounds; compilers make vector code of it.
  static constexpr size_t kBlock = 32;
  static constexpr size_t kNear = 8;
  template <typename T>
  bool HasWithin(size_t begin, T low, T range) const {
    uint8_t found = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      found |= static_cast<uint8_t>(IsWithin<T>(begin + i, low, range));
    }
    return found != 0;
  }
  template <typename T>
  size_t FindWithin(size_t begin, size_t end, T low, T range) const {
    // What lies near is found sooner one by one.
    for (const size_t near = std::min(end, begin + kNear); begin < near; ++begin) {
      if (IsWithin<T>(begin, low, range)) return begin;
    }
    while (begin + kBlock <= end && !HasWithin<T>(begin, low, range)) begin += kBlock;
    while (begin < end && !IsWithin<T>(begin, low, range)) ++begin;
    return begin;
  }
  template <typename T, typename Sink>
  void RunsOf(size_t begin, size_t end, IntBounds bounds, Sink& sink) const {
    const T low = static_cast<T>(OffsetOf(bounds.low));
    const T range = static_cast<T>(OffsetOf(bounds.high) - low);
    begin = FindWithin<T>(begin, end, low, range);
    while (begin < end) {
      const T offset = Load<T>(begin);
      size_t past = begin + 1;
      while (past < end && Load<T>(past) == offset) ++past;
      sink(begin, past, static_cast<int64_t>(static_cast<uint64_t>(base_) + offset));
      begin = FindWithin<T>(past, end, low, range);
    }
  }

  int64_t base_ = 0;
  int64_t max_ = 0;
  size_t size_ = 0;
  int width_ = 0;
  std::vector<uint8_t> bytes_;
};

/// Rows [begin, end) of an index.
struct RowSpan {
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// Append rows to ascending spans; joins with the last one where they touch.
inline void AppendSpan(uint32_t begin, uint32_t end, std::vector<RowSpan>* spans) {
  if (begin == end) return;
  if (!spans->empty() && spans->back().end == begin) {
    spans->back().end = end;
  } else {
    spans->push_back({begin, end});
  }
}

/// Make spans of ascending rows.
std::vector<RowSpan> SpansOf(std::span<const uint32_t> rows);

/// A column of integers cut into pages of equal size, of which some are loaded.
class PackedColumn {
 public:
  int64_t operator[](uint32_t row) const { return (*pages_[row / page_rows_])[row % page_rows_]; }
  /// Call sink(begin, end, value) for runs of rows of `spans`, whose pages are loaded, with the
  /// same value, which is within `bounds`. A run ends with its page at the latest.
  template <typename Sink>
  void ForEachRunWithin(std::span<const RowSpan> spans, IntBounds bounds, Sink&& sink) const {
    for (const RowSpan& span : spans) {
      for (uint32_t row = span.begin; row < span.end;) {
        const uint32_t page = row / page_rows_;
        const uint32_t base = page * page_rows_;
        const uint32_t end = std::min(span.end - base, page_rows_) + base;
        pages_[page]->ForEachRunWithin(
            row - base, end - base, bounds, [&](size_t first, size_t past, int64_t value) {
              sink(base + static_cast<uint32_t>(first), base + static_cast<uint32_t>(past), value);
            });
        row = end;
      }
    }
  }
  /// The same for all values.
  template <typename Sink>
  void ForEachRun(std::span<const RowSpan> spans, Sink&& sink) const {
    constexpr IntBounds kAll{std::numeric_limits<int64_t>::min(),
                             std::numeric_limits<int64_t>::max()};
    ForEachRunWithin(spans, kAll, sink);
  }

  void Init(uint32_t page_rows, size_t pages) {
    // May throw, and it is not initialized then.
    pages_.resize(pages);
    page_rows_ = page_rows;
  }
  bool is_init() const { return page_rows_ > 0; }
  bool has_page(size_t page) const { return pages_[page] != nullptr; }
  void SetPage(size_t page, PackedInts values) {
    pages_[page] = std::make_unique<const PackedInts>(std::move(values));
  }
  const PackedInts& page(size_t page) const { return *pages_[page]; }
  uint32_t page_rows() const { return page_rows_; }
  size_t pages() const { return pages_.size(); }
  int64_t memory_bytes() const;

 private:
  uint32_t page_rows_ = 0;
  std::vector<std::unique_ptr<const PackedInts>> pages_;
};

}  // namespace larnax::columns
