#include "columns/read/packed_column.h"

#include <algorithm>
#include <bit>

namespace larnax::columns {

PackedInts::PackedInts(std::span<const int64_t> values) : size_(values.size()) {
  if (values.empty()) return;
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  base_ = *min;
  max_ = *max;
  const uint64_t range = static_cast<uint64_t>(*max) - static_cast<uint64_t>(*min);
  const int bytes = (static_cast<int>(std::bit_width(range)) + 7) / 8;
  width_ = bytes == 0 ? 0 : static_cast<int>(std::bit_ceil(static_cast<unsigned>(bytes)));
  bytes_.resize(values.size() * static_cast<size_t>(width_));
  for (size_t i = 0; i < values.size() && width_ > 0; ++i) {
    // Little endian: the low bytes come first.
    const uint64_t offset = static_cast<uint64_t>(values[i]) - static_cast<uint64_t>(base_);
    std::memcpy(bytes_.data() + i * static_cast<size_t>(width_), &offset,
                static_cast<size_t>(width_));
  }
}

std::vector<RowSpan> SpansOf(std::span<const uint32_t> rows) {
  std::vector<RowSpan> spans;
  // Mostly a metric, or everything: without a look at each.
  if (!rows.empty() && rows.back() - rows.front() == rows.size() - 1) {
    spans.push_back({rows.front(), rows.back() + 1});
    return spans;
  }
  for (const uint32_t row : rows) AppendSpan(row, row + 1, &spans);
  return spans;
}

int64_t PackedColumn::memory_bytes() const {
  auto bytes = static_cast<int64_t>(pages_.capacity() * sizeof(pages_[0]));
  for (const auto& page : pages_) {
    if (page != nullptr) bytes += page->memory_bytes();
  }
  return bytes;
}

}  // namespace larnax::columns
