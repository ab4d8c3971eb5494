#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <arrow/status.h>

#include "larnax/samples.h"

namespace larnax::columns {

/// What the column `counter_reset_hint` says, by CounterResetHint.
inline constexpr std::array<std::string_view, 4> kCounterResetHints = {"unknown", "reset",
                                                                       "not_reset", "gauge"};

/// Largest count up to which every integer is a double.
inline constexpr uint64_t kMaxExactCount = uint64_t{1} << 53;

/// Tell whether the columns of doubles hold a count as it was sent; others have a twin.
inline bool IsExactDouble(uint64_t count) { return count <= kMaxExactCount; }
inline bool IsExactDouble(int64_t count) {
  return count >= -static_cast<int64_t>(kMaxExactCount) &&
         count <= static_cast<int64_t>(kMaxExactCount);
}

/// Tell whether a histogram can be written: what HistogramsWriter::Append checks.
arrow::Status CheckHistogram(const NativeHistogram& histogram);

/// Tell whether two histograms are the same bit for bit.
bool SameHistogram(const NativeHistogram& a, const NativeHistogram& b);

}  // namespace larnax::columns
