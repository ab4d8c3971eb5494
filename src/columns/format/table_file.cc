#include "columns/format/table_file.h"

#include <new>

#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "base/guarded.h"

namespace larnax::columns {
namespace {

/// Arrow's pool, which throws where there is no memory: hash tables of the library, for
/// dictionaries, go on without the memory where they are given an error.
class ThrowingPool final : public arrow::MemoryPool {
 public:
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    return OkOf(base_->Allocate(size, alignment, out));
  }
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** bytes) override {
    return OkOf(base_->Reallocate(old_size, new_size, alignment, bytes));
  }
  void Free(uint8_t* bytes, int64_t size, int64_t alignment) override {
    base_->Free(bytes, size, alignment);
  }
  int64_t bytes_allocated() const override { return base_->bytes_allocated(); }
  int64_t total_bytes_allocated() const override { return base_->total_bytes_allocated(); }
  int64_t num_allocations() const override { return base_->num_allocations(); }
  std::string backend_name() const override { return base_->backend_name(); }

 private:
  static arrow::Status OkOf(arrow::Status status) {
    if (!status.ok()) throw std::bad_alloc();
    return status;
  }

  arrow::MemoryPool* const base_ = arrow::default_memory_pool();
};

arrow::MemoryPool* Pool() {
  static ThrowingPool pool;
  return &pool;
}

class ParquetTableFile : public TableFile {
 public:
  explicit ParquetTableFile(std::unique_ptr<parquet::arrow::FileWriter> writer)
      : writer_(std::move(writer)) {}

  arrow::Status Append(const arrow::RecordBatch& batch) override {
    return base::Guarded([&] { return writer_->WriteRecordBatch(batch); });
  }
  arrow::Status Close() override {
    return base::Guarded([&] { return writer_->Close(); });
  }

 private:
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

arrow::Result<std::unique_ptr<TableFile>> TableFile::Open(
    const std::shared_ptr<arrow::Schema>& schema,
    const std::shared_ptr<arrow::io::OutputStream>& sink) {
  parquet::WriterProperties::Builder properties;
  properties.compression(arrow::Compression::ZSTD)->memory_pool(Pool());
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  const auto open = [&] {
    return parquet::arrow::FileWriter::Open(
               *schema, Pool(), sink, properties.build(),
               parquet::ArrowWriterProperties::Builder().store_schema()->build())
        .Value(&writer);
  };
  ARROW_RETURN_NOT_OK(base::Guarded(open));
  return std::make_unique<ParquetTableFile>(std::move(writer));
}

}  // namespace larnax::columns
