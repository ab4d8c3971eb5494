#include "columns/format/table_file.h"

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

namespace larnax::columns {
namespace {

class ParquetTableFile : public TableFile {
 public:
  explicit ParquetTableFile(std::unique_ptr<parquet::arrow::FileWriter> writer)
      : writer_(std::move(writer)) {}

  arrow::Status Append(const arrow::RecordBatch& batch) override {
    return writer_->WriteRecordBatch(batch);
  }
  arrow::Status Close() override { return writer_->Close(); }

 private:
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

arrow::Result<std::unique_ptr<TableFile>> TableFile::Open(
    const std::shared_ptr<arrow::Schema>& schema,
    const std::shared_ptr<arrow::io::OutputStream>& sink) {
  parquet::WriterProperties::Builder properties;
  properties.compression(arrow::Compression::ZSTD);
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        parquet::arrow::FileWriter::Open(
                            *schema, arrow::default_memory_pool(), sink, properties.build(),
                            parquet::ArrowWriterProperties::Builder().store_schema()->build()));
  return std::make_unique<ParquetTableFile>(std::move(writer));
}

}  // namespace larnax::columns
