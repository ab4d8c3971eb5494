// Tables as Arrow IPC streams and Parquet files.

#include <arrow/ipc/writer.h>

#include "answer/sample_table.h"
#include "answer/string_sink.h"
#include "answer/writers.h"
#include "columns/format/table_file.h"

namespace larnax::answer {
namespace {

class ArrowWriter : public AnswerWriter {
 public:
  ArrowWriter(std::unique_ptr<SampleStream> stream, TableShape shape, SamplesOptions options)
      : table_(std::move(stream), std::move(shape), options),
        sink_(std::make_shared<StringSink>()) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    const StringSink::Target target(sink_.get(), out);
    if (writer_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(writer_, arrow::ipc::MakeStreamWriter(sink_, table_.schema()));
    }
    ARROW_ASSIGN_OR_RAISE(const auto batch, table_.Next());
    done_ = batch == nullptr;
    ARROW_RETURN_NOT_OK(done_ ? writer_->Close() : writer_->WriteRecordBatch(*batch));
    return true;
  }
  const ReadStats& stats() const override { return table_.stats(); }

 private:
  SampleTable table_;
  std::shared_ptr<StringSink> sink_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
  bool done_ = false;
};

class ParquetWriter : public AnswerWriter {
 public:
  ParquetWriter(std::unique_ptr<SampleStream> stream, TableShape shape, SamplesOptions options)
      : table_(std::move(stream), std::move(shape), options),
        sink_(std::make_shared<StringSink>()) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    const StringSink::Target target(sink_.get(), out);
    if (file_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(file_, columns::TableFile::Open(table_.schema(), sink_));
    }
    ARROW_ASSIGN_OR_RAISE(const auto batch, table_.Next());
    done_ = batch == nullptr;
    ARROW_RETURN_NOT_OK(done_ ? file_->Close() : file_->Append(*batch));
    return true;
  }
  const ReadStats& stats() const override { return table_.stats(); }

 private:
  SampleTable table_;
  std::shared_ptr<StringSink> sink_;
  std::unique_ptr<columns::TableFile> file_;
  bool done_ = false;
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
