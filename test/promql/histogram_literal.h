#pragma once

#include <string_view>

#include <arrow/result.h>

#include "model/float_histogram.h"

namespace larnax::promqltest {

struct HistogramLiteral {
  model::FloatHistogram histogram;
  bool names_hint = false;
};

/// Read what stands between `{{` and `}}`: `schema:1 count:5 buckets:[1 2] offset:-1 ...`.
arrow::Result<HistogramLiteral> ParseHistogramLiteral(std::string_view text);

}  // namespace larnax::promqltest
