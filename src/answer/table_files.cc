// Tables as Arrow IPC streams and Parquet files.

#include <arrow/ipc/writer.h>

#include "answer/sample_table.h"
#include "answer/string_sink.h"
#include "answer/writers.h"
#include "base/guarded.h"
#include "columns/format/table_file.h"

namespace larnax::answer {
namespace {

// Writes a table batch by batch. Memory that runs out on the way is told as kOverloaded, also where
// Arrow has another name for it.
class TableWriter : public AnswerWriter {
 public:
  TableWriter(std::unique_ptr<SampleStream> stream, TableShape shape, SamplesOptions options)
      : table_(std::move(stream), std::move(shape), options),
        sink_(std::make_shared<StringSink>()) {}

  arrow::Result<bool> Next(std::string* out) final {
    if (done_) return false;
    const StringSink::Target target(sink_.get(), out);
    ARROW_RETURN_NOT_OK(base::Guarded([this] { return WriteNext(); }));
    return true;
  }
  const ReadStats& stats() const override { return table_.stats(); }

 protected:
  virtual arrow::Status Begin(const std::shared_ptr<arrow::Schema>& schema,
                              const std::shared_ptr<StringSink>& sink) = 0;
  virtual arrow::Status Append(const arrow::RecordBatch& batch) = 0;
  virtual arrow::Status Close() = 0;

 private:
  arrow::Status WriteNext() {
    if (!begun_) ARROW_RETURN_NOT_OK(Begin(table_.schema(), sink_));
    begun_ = true;
    ARROW_ASSIGN_OR_RAISE(const auto batch, table_.Next());
    done_ = batch == nullptr;
    return done_ ? Close() : Append(*batch);
  }

  SampleTable table_;
  std::shared_ptr<StringSink> sink_;
  bool begun_ = false;
  bool done_ = false;
};

class ArrowWriter : public TableWriter {
 public:
  using TableWriter::TableWriter;

 private:
  arrow::Status Begin(const std::shared_ptr<arrow::Schema>& schema,
                      const std::shared_ptr<StringSink>& sink) override {
    return arrow::ipc::MakeStreamWriter(sink, schema).Value(&writer_);
  }
  arrow::Status Append(const arrow::RecordBatch& batch) override {
    return writer_->WriteRecordBatch(batch);
  }
  arrow::Status Close() override { return writer_->Close(); }

  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
};

class ParquetWriter : public TableWriter {
 public:
  using TableWriter::TableWriter;

 private:
  arrow::Status Begin(const std::shared_ptr<arrow::Schema>& schema,
                      const std::shared_ptr<StringSink>& sink) override {
    return columns::TableFile::Open(schema, sink).Value(&file_);
  }
  arrow::Status Append(const arrow::RecordBatch& batch) override { return file_->Append(batch); }
  arrow::Status Close() override { return file_->Close(); }

  std::unique_ptr<columns::TableFile> file_;
};

}  // namespace

std::unique_ptr<AnswerWriter> ArrowTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                                         SamplesOptions options) {
  return std::make_unique<ArrowWriter>(std::move(stream), std::move(shape), options);
}

std::unique_ptr<AnswerWriter> ParquetTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                                           SamplesOptions options) {
  return std::make_unique<ParquetWriter>(std::move(stream), std::move(shape), options);
}

}  // namespace larnax::answer
