#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "larnax/archive.h"
#include "larnax/samples.h"

namespace larnax::db {

/// One output file of an export, of the real file system.
class ExportFile {
 public:
  virtual ~ExportFile() = default;
  /// Write series, in file order, each once over all calls.
  virtual arrow::Status Write(std::unique_ptr<SampleStream> stream) = 0;
  /// Complete the file; give its size in bytes.
  virtual arrow::Result<int64_t> Finish() = 0;
};

/// Create a file. \param labels  Every name that a series will have, but `__name__`.
arrow::Result<std::unique_ptr<ExportFile>> OpenExportFile(ExportFormat format,
                                                          const std::string& path,
                                                          const std::vector<std::string>& labels);

/// Name the file that a Parquet file of floats has its histograms in, beside it.
std::string HistogramsBeside(std::string path);

}  // namespace larnax::db
