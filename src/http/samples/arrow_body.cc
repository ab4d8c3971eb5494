#include <algorithm>
#include <optional>
#include <unordered_map>

#include <arrow/array/array_dict.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "http/samples/sample_cursor.h"
#include "http/samples/samples_body.h"

namespace larnax::http {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;
constexpr int64_t kMaxBatchRows = 32 << 10;
// Cells of one batch, to bound memory where an answer has very many label columns.
constexpr int64_t kMaxBatchCells = 2 << 20;

// Lets an IPC writer append to a string that is swapped out between batches.
class StringSink : public arrow::io::OutputStream {
 public:
  void SetTarget(std::string* target) { target_ = target; }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  using arrow::io::Writable::Write;
  arrow::Status Write(const void* data, int64_t size) override {
    target_->append(static_cast<const char*>(data), static_cast<size_t>(size));
    position_ += size;
    return arrow::Status::OK();
  }

 private:
  std::string* target_ = nullptr;
  int64_t position_ = 0;
};

// A dictionary-encoded column of one batch. Each batch brings its own dictionary, so that one of
// many values is not sent again and again as it grows.
class DictionaryColumn {
 public:
  // Append the same text for all rows of a series: one look into the dictionary. Empty is null.
  arrow::Status Append(std::string_view text, int64_t rows, bool null_if_empty) {
    if (text.empty() && null_if_empty) return indices_.AppendNulls(rows);
    auto [at, is_new] = codes_.try_emplace(std::string(text), static_cast<int32_t>(codes_.size()));
    if (is_new) ARROW_RETURN_NOT_OK(values_.Append(text));
    ARROW_RETURN_NOT_OK(indices_.Reserve(rows));
    for (int64_t row = 0; row < rows; ++row) indices_.UnsafeAppend(at->second);
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Finish(
      const std::shared_ptr<arrow::DataType>& type) {
    codes_.clear();
    ARROW_ASSIGN_OR_RAISE(auto indices, indices_.Finish());
    ARROW_ASSIGN_OR_RAISE(auto values, values_.Finish());
    return std::make_shared<arrow::DictionaryArray>(type, std::move(indices), std::move(values));
  }

 private:
  std::unordered_map<std::string, int32_t> codes_;
  arrow::Int32Builder indices_;
  arrow::StringBuilder values_;
};

class ArrowSource : public BodySource {
 public:
  ArrowSource(std::unique_ptr<SampleStream> stream, std::vector<LabelColumn> columns,
              SamplesOptions options)
      : cursor_(std::move(stream), options),
        columns_(std::move(columns)),
        sink_(std::make_shared<StringSink>()),
        others_(arrow::default_memory_pool(), std::make_shared<arrow::StringBuilder>(),
                std::make_shared<arrow::StringBuilder>()),
        time_(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool()),
        start_(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool()) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      column_of_.emplace(columns_[i].label, i);
      labels_.push_back(std::make_unique<DictionaryColumn>());
    }
    series_values_.resize(columns_.size());
    batch_rows_ = std::clamp(kMaxBatchCells / static_cast<int64_t>(columns_.size() + 6),
                             int64_t{1024}, kMaxBatchRows);
    BuildSchema();
  }

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    sink_->SetTarget(out);
    if (writer_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(writer_, arrow::ipc::MakeStreamWriter(sink_, schema_));
    }
    int64_t rows = 0;
    while (rows < batch_rows_) {
      if (series_ == nullptr || sample_ == series_->value.size()) {
        ARROW_ASSIGN_OR_RAISE(series_, cursor_.Next());
        if (series_ == nullptr) break;
        sample_ = 0;
        SpreadLabels();
      }
      ARROW_ASSIGN_OR_RAISE(const int64_t taken, AppendSamples(batch_rows_ - rows));
      rows += taken;
    }
    if (rows > 0) ARROW_RETURN_NOT_OK(WriteBatch(rows));
    if (series_ == nullptr) {
      done_ = true;
      ARROW_RETURN_NOT_OK(writer_->Close());
    }
    return true;
  }
  std::string Trailer() override { return cursor_.Trailer(); }

 private:
  void BuildSchema() {
    const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    arrow::FieldVector fields = {arrow::field("metric", label_type_, false)};
    for (const LabelColumn& column : columns_) {
      auto field = arrow::field(column.column, label_type_);
      if (column.column != column.label) {
        field = field->WithMetadata(arrow::key_value_metadata({"label"}, {column.label}));
      }
      fields.push_back(std::move(field));
    }
    fields.push_back(arrow::field("other_labels", others_.type()));
    fields.push_back(arrow::field("timestamp", micros, false));
    fields.push_back(arrow::field("value", arrow::float64()));
    fields.push_back(arrow::field("stale", arrow::boolean(), false));
    fields.push_back(arrow::field("start_timestamp", micros));
    schema_ = arrow::schema(std::move(fields));
  }

  void SpreadLabels() {
    std::fill(series_values_.begin(), series_values_.end(), std::string_view());
    series_others_.clear();
    for (const Label& label : series_->labels) {
      if (label.name == kMetricLabel) continue;
      const auto at = column_of_.find(label.name);
      at != column_of_.end() ? void(series_values_[at->second] = label.value)
                             : series_others_.push_back(label);
    }
  }

  // Take samples of the series up to `room` rows.
  arrow::Result<int64_t> AppendSamples(int64_t room) {
    int64_t rows = 0;
    for (; sample_ < series_->value.size() && rows < room; ++sample_) {
      const double value = series_->value[sample_];
      const bool stale = IsStale(value);
      if (stale && cursor_.options().drop_stale) continue;
      ++rows;
      ARROW_RETURN_NOT_OK(time_.Append((*series_->time_ms)[sample_] * kMicrosPerMilli));
      ARROW_RETURN_NOT_OK(stale ? value_.AppendNull() : value_.Append(value));
      ARROW_RETURN_NOT_OK(stale_.Append(stale));
      const int64_t start_ms = series_->start_ms.empty() ? 0 : series_->start_ms[sample_];
      ARROW_RETURN_NOT_OK(start_ms == 0 ? start_.AppendNull()
                                        : start_.Append(start_ms * kMicrosPerMilli));
    }
    ARROW_RETURN_NOT_OK(AppendLabelRows(rows));
    return rows;
  }

  arrow::Status AppendLabelRows(int64_t rows) {
    if (rows == 0) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(metric_.Append(series_->labels.metric(), rows, false));
    for (size_t i = 0; i < labels_.size(); ++i) {
      ARROW_RETURN_NOT_OK(labels_[i]->Append(series_values_[i], rows, true));
    }
    auto& keys = static_cast<arrow::StringBuilder&>(*others_.key_builder());
    auto& items = static_cast<arrow::StringBuilder&>(*others_.item_builder());
    for (int64_t row = 0; row < rows; ++row) {
      ARROW_RETURN_NOT_OK(others_.Append());
      for (const Label& label : series_others_) {
        ARROW_RETURN_NOT_OK(keys.Append(label.name));
        ARROW_RETURN_NOT_OK(items.Append(label.value));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status WriteBatch(int64_t rows) {
    arrow::ArrayVector arrays(1);
    ARROW_ASSIGN_OR_RAISE(arrays[0], metric_.Finish(label_type_));
    for (const auto& label : labels_) {
      ARROW_ASSIGN_OR_RAISE(auto array, label->Finish(label_type_));
      arrays.push_back(std::move(array));
    }
    for (arrow::ArrayBuilder* builder :
         std::initializer_list<arrow::ArrayBuilder*>{&others_, &time_, &value_, &stale_, &start_}) {
      ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
      arrays.push_back(std::move(array));
    }
    return writer_->WriteRecordBatch(*arrow::RecordBatch::Make(schema_, rows, std::move(arrays)));
  }

  SampleCursor cursor_;
  std::vector<LabelColumn> columns_;
  std::unordered_map<std::string_view, size_t> column_of_;  // Views into columns_.
  std::shared_ptr<StringSink> sink_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
  const std::shared_ptr<arrow::DataType> label_type_ =
      arrow::dictionary(arrow::int32(), arrow::utf8());
  DictionaryColumn metric_;
  std::vector<std::unique_ptr<DictionaryColumn>> labels_;
  arrow::MapBuilder others_;
  arrow::TimestampBuilder time_;
  arrow::DoubleBuilder value_;
  arrow::BooleanBuilder stale_;
  arrow::TimestampBuilder start_;
  int64_t batch_rows_ = 0;
  const SeriesSamples* series_ = nullptr;
  size_t sample_ = 0;
  std::vector<std::string_view> series_values_;
  std::vector<Label> series_others_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<BodySource> ArrowBody(std::unique_ptr<SampleStream> stream,
                                      std::vector<LabelColumn> columns, SamplesOptions options) {
  return std::make_unique<ArrowSource>(std::move(stream), std::move(columns), options);
}

}  // namespace larnax::http
