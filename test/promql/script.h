#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "test/promql/series_notation.h"

namespace larnax::promqltest {

/// `clear`: forget all samples.
struct ClearCommand {};

/// One series of a `load`: sample i at i times the interval.
struct LoadedSeries {
  Labels labels;
  std::vector<SeriesItem> items;
  std::vector<std::optional<int64_t>> start_offsets_ms;  ///< Empty, or as many as `items`.
};

/// `load 5m`, `load_with_nhcb 5m`. A later line of the same labels replaces an earlier one.
struct LoadCommand {
  int64_t step_ms = 0;
  bool with_custom_bounds = false;  ///< Also store classic histograms as native ones.
  std::vector<LoadedSeries> series;
};

/// How the text of an error or annotation has to look.
struct TextPattern {
  enum class Kind { kAny, kEqual, kRegex };
  Kind kind = Kind::kAny;
  std::string text;

  bool Matches(std::string_view message) const;
  std::string ToString() const;
};

/// Times of the values that are expected.
struct ExpectedGrid {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;
};

struct ExpectedSeries {
  Labels labels;
  std::vector<SeriesItem> items;
};

/// `eval instant` or `eval range`, with all that is expected of the answer.
struct EvalCommand {
  bool is_range = false;
  int64_t start_ms = 0;  ///< The time of an instant query.
  int64_t end_ms = 0;
  int64_t step_ms = 0;
  std::string text;  ///< The query.

  std::optional<TextPattern> fail;
  std::vector<TextPattern> warnings;
  std::vector<TextPattern> infos;
  bool no_warnings = false;
  bool no_infos = false;
  bool ordered = false;
  std::optional<ExpectedGrid> range_vector;  ///< An instant query with a matrix as its answer.
  std::optional<std::string> string;
  std::optional<double> scalar;
  std::vector<ExpectedSeries> series;
};

struct Command {
  int line = 0;  ///< From 1.
  std::variant<ClearCommand, LoadCommand, EvalCommand> what;
};

/// Read a `.test` file.
///
/// \retval kBadQuery  The message begins with the number of the line that is wrong.
arrow::Result<std::vector<Command>> ParseScript(std::string_view text);

}  // namespace larnax::promqltest
