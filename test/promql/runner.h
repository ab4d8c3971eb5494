#pragma once

#include <string>
#include <vector>

#include "test/promql/script.h"
#include "test/promql/storage.h"

namespace larnax::promqltest {

/// What became of a script.
struct RunReport {
  int passed = 0;
  int failed = 0;
  std::vector<std::string> failures;  ///< `line: what is wrong`
};

/// Run the commands of a script against an empty storage.
///
/// Each instant query is also run as a range query around its time, and with its selectors fixed
/// at its time by `@` from other times; the answers must be the same.
/// \param threads  That work on one query; 0: as the engine likes.
RunReport RunScript(const std::vector<Command>& commands, int threads, TestStorage* storage);

}  // namespace larnax::promqltest
