#pragma once

#include <cstdint>
#include <string_view>

namespace larnax::columns {

/// One exemplar of a series, borrowed.
struct ExemplarRow {
  int64_t time_ms = 0;
  double value = 0;         ///< Every bit kept.
  std::string_view labels;  ///< Canonical label bytes (LabelsView) of its own labels; may be empty.
};

/// Order of the exemplars of one series: by time, then label bytes, then the bits of the value.
/// \return Negative, zero or positive; zero exactly where all three are the same.
int CompareExemplars(const ExemplarRow& a, const ExemplarRow& b);

}  // namespace larnax::columns
