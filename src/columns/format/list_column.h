#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "larnax/samples.h"

namespace larnax::columns {

/// Most elements of one list. Writers refuse longer ones, readers take them for damage.
inline constexpr int64_t kMaxListLength = int64_t{NativeHistogram::kMaxBuckets};

/// Length of a list that is NULL.
inline constexpr int32_t kNullList = -1;

/// The lists of one column, row after row.
template <typename T>
struct ListColumn {
  std::vector<int32_t> lengths;  ///< Shape [rows]; kNullList for NULL.
  std::vector<T> values;         ///< All elements.

  void Add(std::span<const T> list) {
    lengths.push_back(static_cast<int32_t>(list.size()));
    values.insert(values.end(), list.begin(), list.end());
  }
  void AddNull() { lengths.push_back(kNullList); }
  void clear() {
    lengths.clear();
    values.clear();
  }
};

}  // namespace larnax::columns
