#pragma once

#include <string>

#include "larnax/query.h"

namespace larnax::cli {

struct GraphSize {
  int columns = 80;     ///< Of the whole, scale included.
  int rows = 20;        ///< Of the plot.
  bool colors = false;  ///< With escape codes of terminals.
};

/// Draw the series of a matrix with Braille dots, one colour or at least one line of legend each:
/// values upwards with a scale, times to the right.
std::string DrawGraph(const QueryResult& result, const GraphSize& size);

}  // namespace larnax::cli
