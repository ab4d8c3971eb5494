#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "larnax/query.h"

namespace larnax::test {

/// Make a series of an answer, of floats.
inline QuerySeries SeriesOf(std::vector<std::pair<std::string, std::string>> labels,
                            std::vector<int64_t> times, std::vector<double> values) {
  QuerySeries series;
  series.labels = Labels::Make(std::move(labels)).ValueOrDie();
  series.time_ms = std::make_shared<TimestampVector>(std::move(times));
  series.value = std::move(values);
  return series;
}

}  // namespace larnax::test
