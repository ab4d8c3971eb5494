#pragma once

#include <memory>

#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/type_fwd.h>

namespace arrow::io {
class OutputStream;
}

namespace larnax::columns {

/// Writes record batches of any schema as one Parquet file: answers to be kept, not archives.
class TableFile {
 public:
  static arrow::Result<std::unique_ptr<TableFile>> Open(
      const std::shared_ptr<arrow::Schema>& schema,
      const std::shared_ptr<arrow::io::OutputStream>& sink);
  virtual ~TableFile() = default;

  virtual arrow::Status Append(const arrow::RecordBatch& batch) = 0;
  /// Complete the file; the sink stays open.
  virtual arrow::Status Close() = 0;
};

}  // namespace larnax::columns
