#include "answer/sample_table.h"

#include <algorithm>

#include <arrow/array/array_dict.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

namespace larnax::answer {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;
constexpr int64_t kMaxBatchRows = 32 << 10;
// Cells of one batch, to bound memory where an answer has very many label columns.
constexpr int64_t kMaxBatchCells = 2 << 20;

std::shared_ptr<arrow::DataType> MicrosType() {
  return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
}

std::shared_ptr<arrow::DataType> BucketType() {
  return arrow::struct_({arrow::field("boundaries", arrow::int8(), false),
                         arrow::field("lower", arrow::float64(), false),
                         arrow::field("upper", arrow::float64(), false),
                         arrow::field("count", arrow::float64(), false)});
}

std::shared_ptr<arrow::DataType> HistogramType() {
  return arrow::struct_({arrow::field("count", arrow::float64()),
                         arrow::field("sum", arrow::float64()),
                         arrow::field("buckets", arrow::list(BucketType()))});
}

}  // namespace

arrow::Status DictionaryColumn::Append(std::string_view text, int64_t rows, bool null_if_empty) {
  const bool is_null = text.empty() && null_if_empty;
  int32_t code = 0;
  if (!is_null) {
    auto at = codes_.find(text);
    if (at == codes_.end()) {
      at = codes_.emplace(text, static_cast<int32_t>(codes_.size())).first;
      ARROW_RETURN_NOT_OK(values_.Append(text));
    }
    code = at->second;
  }
  ARROW_RETURN_NOT_OK(present_.Append(rows, !is_null));
  return indices_.Append(rows, code);
}

arrow::Result<std::shared_ptr<arrow::Array>> DictionaryColumn::Finish(
    const std::shared_ptr<arrow::DataType>& type) {
  codes_.clear();
  const int64_t rows = indices_.length();
  const int64_t nulls = present_.false_count();
  ARROW_ASSIGN_OR_RAISE(auto present, present_.Finish());
  ARROW_ASSIGN_OR_RAISE(auto codes, indices_.Finish());
  if (nulls == 0) present = nullptr;
  const auto indices =
      arrow::MakeArray(arrow::ArrayData::Make(arrow::int32(), rows, {present, codes}, nulls));
  ARROW_ASSIGN_OR_RAISE(auto values, values_.Finish());
  return std::make_shared<arrow::DictionaryArray>(type, indices, std::move(values));
}

HistogramColumn::HistogramColumn() {
  arrow::MemoryPool* pool = arrow::default_memory_pool();
  const auto doubles = [pool] { return std::make_shared<arrow::DoubleBuilder>(pool); };
  bucket_ = std::make_shared<arrow::StructBuilder>(
      BucketType(), pool,
      std::vector<std::shared_ptr<arrow::ArrayBuilder>>{std::make_shared<arrow::Int8Builder>(pool),
                                                        doubles(), doubles(), doubles()});
  buckets_ = std::make_shared<arrow::ListBuilder>(pool, bucket_, arrow::list(BucketType()));
  histogram_ = std::make_unique<arrow::StructBuilder>(
      HistogramType(), pool,
      std::vector<std::shared_ptr<arrow::ArrayBuilder>>{doubles(), doubles(), buckets_});
}

arrow::Status HistogramColumn::Append(const NativeHistogram* histogram) {
  if (histogram == nullptr) return histogram_->AppendNull();
  const auto append = [](arrow::StructBuilder& to, int field, double value) {
    return static_cast<arrow::DoubleBuilder&>(*to.field_builder(field)).Append(value);
  };
  ARROW_RETURN_NOT_OK(histogram_->Append());
  ARROW_RETURN_NOT_OK(append(
      *histogram_, 0,
      histogram->is_integer ? static_cast<double>(histogram->integer_count) : histogram->count));
  ARROW_RETURN_NOT_OK(append(*histogram_, 1, histogram->sum));
  ARROW_RETURN_NOT_OK(buckets_->Append());
  for (const HistogramBucketCount& bucket : ListBuckets(*histogram)) {
    ARROW_RETURN_NOT_OK(bucket_->Append());
    ARROW_RETURN_NOT_OK(static_cast<arrow::Int8Builder&>(*bucket_->field_builder(0))
                            .Append(static_cast<int8_t>(bucket.boundaries)));
    ARROW_RETURN_NOT_OK(append(*bucket_, 1, bucket.lower));
    ARROW_RETURN_NOT_OK(append(*bucket_, 2, bucket.upper));
    ARROW_RETURN_NOT_OK(append(*bucket_, 3, bucket.count));
  }
  return arrow::Status::OK();
}

SampleTable::SampleTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                         SamplesOptions options)
    : cursor_(std::move(stream), options),
      shape_(std::move(shape)),
      spread_(shape_.columns),
      label_type_(arrow::dictionary(arrow::int32(), arrow::utf8())),
      others_(arrow::default_memory_pool(), std::make_shared<arrow::StringBuilder>(),
              std::make_shared<arrow::StringBuilder>()),
      time_(MicrosType(), arrow::default_memory_pool()),
      start_(MicrosType(), arrow::default_memory_pool()) {
  for (size_t i = 0; i < shape_.columns.size(); ++i) {
    labels_.push_back(std::make_unique<DictionaryColumn>());
  }
  batch_rows_ = std::clamp(kMaxBatchCells / static_cast<int64_t>(labels_.size() + 6), int64_t{1024},
                           kMaxBatchRows);
  BuildSchema();
}

void SampleTable::BuildSchema() {
  arrow::FieldVector fields = {arrow::field("metric", label_type_, false)};
  for (const LabelColumn& column : shape_.columns) {
    auto field = arrow::field(column.column, label_type_);
    if (column.column != column.label) {
      field = field->WithMetadata(arrow::key_value_metadata({"label"}, {column.label}));
    }
    fields.push_back(std::move(field));
  }
  fields.push_back(arrow::field("other_labels", others_.type()));
  fields.push_back(arrow::field("timestamp", MicrosType(), false));
  fields.push_back(arrow::field("value", arrow::float64()));
  if (shape_.raw) {
    fields.push_back(arrow::field("stale", arrow::boolean(), false));
    fields.push_back(arrow::field("start_timestamp", MicrosType()));
  }
  if (shape_.histograms) fields.push_back(arrow::field("histogram", HistogramType()));
  schema_ = arrow::schema(std::move(fields));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SampleTable::Next() {
  int64_t rows = 0;
  int64_t run = 0;  // Rows of the current series whose labels are still to be written.
  while (!done_ && rows < batch_rows_) {
    SampleRow row;
    bool new_series = false;
    ARROW_ASSIGN_OR_RAISE(const bool more, cursor_.Next(&row, &new_series));
    done_ = !more;
    if (done_) break;
    if (new_series) {
      ARROW_RETURN_NOT_OK(AppendLabelRows(std::exchange(run, 0)));
      // A copy: the cursor may leave the batch that these are of before the run is written.
      labels_of_run_ = Labels(cursor_.series().labels);
      spread_.Spread(labels_of_run_.view());
    }
    ARROW_RETURN_NOT_OK(AppendRow(row));
    ++run;
    ++rows;
    const FloatRun floats = cursor_.TakeFloats(batch_rows_ - rows);
    ARROW_RETURN_NOT_OK(AppendFloats(floats));
    run += static_cast<int64_t>(floats.value.size());
    rows += static_cast<int64_t>(floats.value.size());
  }
  if (rows == 0) return nullptr;
  ARROW_RETURN_NOT_OK(AppendLabelRows(run));
  return Finish(rows);
}

arrow::Status SampleTable::AppendRow(const SampleRow& row) {
  ARROW_RETURN_NOT_OK(time_.Append(row.time_ms * kMicrosPerMilli));
  const bool has_value = !row.stale && row.histogram == nullptr;
  ARROW_RETURN_NOT_OK(has_value ? value_.Append(row.value) : value_.AppendNull());
  if (shape_.raw) {
    ARROW_RETURN_NOT_OK(stale_.Append(row.stale));
    ARROW_RETURN_NOT_OK(row.start_ms == 0 ? start_.AppendNull()
                                          : start_.Append(row.start_ms * kMicrosPerMilli));
  }
  if (!shape_.histograms) return arrow::Status::OK();
  return histogram_.Append(row.stale ? nullptr : row.histogram);
}

arrow::Status SampleTable::AppendFloats(const FloatRun& run) {
  const auto rows = static_cast<int64_t>(run.value.size());
  if (rows == 0) return arrow::Status::OK();
  micros_.resize(run.value.size());
  const auto to_micros = [](int64_t time_ms) { return time_ms * kMicrosPerMilli; };
  std::transform(run.time_ms.begin(), run.time_ms.end(), micros_.begin(), to_micros);
  ARROW_RETURN_NOT_OK(time_.AppendValues(micros_.data(), rows));
  ARROW_RETURN_NOT_OK(value_.AppendValues(run.value.data(), rows));
  if (shape_.raw) {
    ARROW_RETURN_NOT_OK(stale_.AppendValues(rows, false));
    if (run.start_ms.empty()) {
      ARROW_RETURN_NOT_OK(start_.AppendNulls(rows));
    } else {
      ARROW_RETURN_NOT_OK(start_.Reserve(rows));
      for (const int64_t start_ms : run.start_ms) {
        start_ms == 0 ? start_.UnsafeAppendNull() : start_.UnsafeAppend(to_micros(start_ms));
      }
    }
  }
  return shape_.histograms ? histogram_.builder()->AppendNulls(rows) : arrow::Status::OK();
}

arrow::Status SampleTable::AppendLabelRows(int64_t rows) {
  if (rows == 0) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(metric_.Append(labels_of_run_.view().metric(), rows, false));
  for (size_t i = 0; i < labels_.size(); ++i) {
    ARROW_RETURN_NOT_OK(labels_[i]->Append(spread_.values()[i], rows, true));
  }
  if (spread_.others().empty()) return others_.AppendEmptyValues(rows);
  auto& keys = static_cast<arrow::StringBuilder&>(*others_.key_builder());
  auto& items = static_cast<arrow::StringBuilder&>(*others_.item_builder());
  for (int64_t row = 0; row < rows; ++row) {
    ARROW_RETURN_NOT_OK(others_.Append());
    for (const Label& label : spread_.others()) {
      ARROW_RETURN_NOT_OK(keys.Append(label.name));
      ARROW_RETURN_NOT_OK(items.Append(label.value));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> SampleTable::Finish(int64_t rows) {
  arrow::ArrayVector arrays(1);
  ARROW_ASSIGN_OR_RAISE(arrays[0], metric_.Finish(label_type_));
  for (const auto& label : labels_) {
    ARROW_ASSIGN_OR_RAISE(auto array, label->Finish(label_type_));
    arrays.push_back(std::move(array));
  }
  std::vector<arrow::ArrayBuilder*> builders = {&others_, &time_, &value_};
  if (shape_.raw) builders.insert(builders.end(), {&stale_, &start_});
  if (shape_.histograms) builders.push_back(histogram_.builder());
  for (arrow::ArrayBuilder* builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(schema_, rows, std::move(arrays));
}

}  // namespace larnax::answer
