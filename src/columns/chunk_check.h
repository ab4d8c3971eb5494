#pragma once

#include <string>
#include <vector>

#include <arrow/status.h>

#include "columns/parquet_file.h"
#include "larnax/labels.h"

namespace larnax::columns {

/// Collects what is wrong with a file, one sentence each; more than 100 are dropped.
class Problems {
 public:
  void Add(std::string problem);
  /// Add a problem that names its series, unless all is good.
  void Check(bool good, const char* what, LabelsView labels);
  std::vector<std::string> Take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

/// Check checksums, page headers, offset indexes and statistics of every column chunk.
///
/// \retval kCorrupt A page cannot be read.
arrow::Status CheckChunks(const ParquetFile& file, Problems* problems);

}  // namespace larnax::columns
