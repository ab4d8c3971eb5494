#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/format/parquet_file.h"
#include "io/file_system.h"
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

/// A data file and its index, open.
struct FilePair {
  std::shared_ptr<io::ReadableFile> data;
  std::shared_ptr<io::ReadableFile> series;
  std::shared_ptr<const ParquetFile> data_file;
  std::shared_ptr<const ParquetFile> series_file;
};
/// Open a pair and check the chunks of both.
///
/// \retval kCorrupt One of them cannot be read.
arrow::Result<FilePair> OpenChecked(io::FileSystem& fs, const std::string& data_path,
                                    const std::string& series_path, Problems* problems);

/// Give what was found. Damage is a finding too; a disk that cannot be read is none.
arrow::Result<std::vector<std::string>> Report(const arrow::Status& status, Problems* problems);

}  // namespace larnax::columns
