#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "model/float_histogram.h"

namespace larnax::promqltest {

/// One value of a series line.
struct SeriesItem {
  bool is_gap = false;
  bool names_hint = false;  ///< The histogram was written with `counter_reset_hint`.
  double value = 0;
  std::shared_ptr<const model::FloatHistogram> histogram = nullptr;  ///< Null: a float.
};

/// More items than this in one line are refused.
inline constexpr size_t kMaxItems = 1'000'000;

/// A series line, cut in two: `metric{label="value"}` or `...@st`, and what follows.
struct SeriesHead {
  Labels labels;
  bool is_start_times = false;  ///< The line holds start timestamps (`@st`).
  std::string_view items;       ///< Borrowed from the line.
};

/// Read the labels that a series line begins with.
arrow::Result<SeriesHead> ParseSeriesHead(std::string_view line);

/// Read values: `_`, `_x3`, `1`, `1x3`, `1+2x3`, `1-2x3`, `stale`, `{{count:1}}`, `{{}}x3`,
/// `{{}}+{{count:1}}x3`.
arrow::Result<std::vector<SeriesItem>> ParseItems(std::string_view text);

/// Read start times, as milliseconds to add to the times of samples: `_`, `_x3`, `-1m`, `-1mx3`,
/// `-1m-1mx3`. Empty where unknown.
arrow::Result<std::vector<std::optional<int64_t>>> ParseStartItems(std::string_view text);

/// Read a duration with a sign: `-1m`, `5m`, `0`.
arrow::Result<int64_t> ParseSignedDuration(std::string_view text);

/// Read a number without digits in other bases: `1`, `-2.5e3`, `+Inf`, `NaN`.
std::optional<double> ParseNumber(std::string_view text);

}  // namespace larnax::promqltest
