#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "db/environment.h"
#include "head/head.h"

namespace larnax::db {

/// The named experiments of an archive: one JSON file each in `<root>/experiments`, created once
/// and never overwritten. Used by the flush only: not thread-safe.
class Experiments {
 public:
  /// \param label  The label whose values name experiments; empty: none are recorded.
  Experiments(io::FileSystem* fs, std::string root, std::string label);

  /// Record an experiment for each value of the label among the series that is not recorded yet.
  /// Its window starts with the earliest sample seen here and is open at the end.
  arrow::Status Record(const head::FrozenGeneration& frozen);

  /// Names of all recorded experiments, sorted.
  static arrow::Result<std::vector<std::string>> List(io::FileSystem& fs, const std::string& root);

 private:
  arrow::Status Create(const std::string& name, int64_t start_ms);

  io::FileSystem* const fs_;
  const std::string folder_;
  const std::string label_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace larnax::db
