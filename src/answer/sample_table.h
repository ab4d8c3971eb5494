#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/buffer_builder.h>
#include <arrow/record_batch.h>
#include <arrow/type_fwd.h>

#include "answer/sample_cursor.h"
#include "answer/writers.h"
#include "larnax/labels.h"

namespace larnax::answer {

/// A dictionary-encoded column of one batch. Each batch brings its own dictionary, so that one of
/// many values is not sent again and again as it grows.
class DictionaryColumn {
 public:
  /// Append the same text for `rows` rows: one look into the dictionary. Empty may be null.
  arrow::Status Append(std::string_view text, int64_t rows, bool null_if_empty);
  arrow::Result<std::shared_ptr<arrow::Array>> Finish(const std::shared_ptr<arrow::DataType>& type);

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, int32_t, TextHash, std::equal_to<>> codes_;
  arrow::TypedBufferBuilder<int32_t> indices_;
  arrow::TypedBufferBuilder<bool> present_;
  arrow::StringBuilder values_;
};

/// A column of histograms: `struct<count, sum, buckets: list<struct<boundaries, lower, upper,
/// count>>>`.
class HistogramColumn {
 public:
  HistogramColumn();
  arrow::Status Append(const NativeHistogram* histogram);  ///< Null: a null.
  arrow::ArrayBuilder* builder() { return histogram_.get(); }

 private:
  std::shared_ptr<arrow::StructBuilder> bucket_;
  std::shared_ptr<arrow::ListBuilder> buckets_;
  std::unique_ptr<arrow::StructBuilder> histogram_;
};

/// The rows of a stream as record batches of some ten thousand rows.
class SampleTable {
 public:
  SampleTable(std::unique_ptr<SampleStream> stream, TableShape shape, SamplesOptions options);

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  /// The next batch; null at the end.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next();
  const ReadStats& stats() const { return cursor_.stats(); }

 private:
  void BuildSchema();
  arrow::Status AppendRow(const SampleRow& row);
  arrow::Status AppendFloats(const FloatRun& run);
  arrow::Status AppendLabelRows(int64_t rows);
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(int64_t rows);

  RowCursor cursor_;
  const TableShape shape_;
  LabelSpread spread_;
  Labels labels_of_run_;  // Of the rows whose labels are still to be written; `spread_` borrows.
  int64_t batch_rows_ = 0;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::DataType> label_type_;
  DictionaryColumn metric_;
  std::vector<std::unique_ptr<DictionaryColumn>> labels_;
  arrow::MapBuilder others_;
  arrow::TimestampBuilder time_;
  arrow::DoubleBuilder value_;
  arrow::BooleanBuilder stale_;
  arrow::TimestampBuilder start_;
  HistogramColumn histogram_;
  std::vector<int64_t> micros_;  // Scratch.
  bool done_ = false;
};

}  // namespace larnax::answer
