#include "answer/sample_cursor.h"
#include "answer/writers.h"
#include "larnax/format.h"

namespace larnax::answer {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

void AppendField(std::string_view text, std::string* out) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

class CsvWriter : public AnswerWriter {
 public:
  CsvWriter(std::unique_ptr<SampleStream> stream, TableShape shape, SamplesOptions options)
      : cursor_(std::move(stream), options), shape_(std::move(shape)), labels_(shape_.columns) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    const size_t before = out->size();
    if (!header_sent_) AppendHeader(out);
    header_sent_ = true;
    while (out->size() - before < kPieceBytes) {
      SampleRow row;
      bool new_series = false;
      ARROW_ASSIGN_OR_RAISE(const bool more, cursor_.Next(&row, &new_series));
      if (!more) {
        done_ = true;
        break;
      }
      if (new_series) BuildPrefix(cursor_.series());
      AppendRow(row, out);
    }
    return out->size() > before;
  }
  const ReadStats& stats() const override { return cursor_.stats(); }

 private:
  void AppendHeader(std::string* out) const {
    out->append("metric,");
    for (const LabelColumn& column : shape_.columns) {
      AppendField(column.column, out);
      out->push_back(',');
    }
    out->append("other_labels,timestamp,value");
    if (shape_.raw) out->append(",stale,start_timestamp");
    if (shape_.histograms) out->append(",histogram");
    out->push_back('\n');
  }

  // What is the same in all rows of a series: metric and labels.
  void BuildPrefix(const SeriesSamples& series) {
    labels_.Spread(series.labels);
    prefix_.clear();
    AppendField(series.labels.metric(), &prefix_);
    prefix_.push_back(',');
    for (const std::string_view value : labels_.values()) {
      AppendField(value, &prefix_);
      prefix_.push_back(',');
    }
    std::string others;
    for (const Label& label : labels_.others()) {
      others.push_back(others.empty() ? '{' : ',');
      AppendJsonString(label.name, &others);
      others.push_back(':');
      AppendJsonString(label.value, &others);
    }
    if (!others.empty()) others.push_back('}');
    AppendField(others, &prefix_);
    prefix_.push_back(',');
  }

  void AppendRow(const SampleRow& row, std::string* out) const {
    out->append(prefix_);
    out->append(FormatTime(row.time_ms));
    out->push_back(',');
    if (!row.stale && row.histogram == nullptr) AppendValue(row.value, out);
    if (shape_.raw) {
      out->append(row.stale ? ",true," : ",false,");
      if (row.start_ms != 0) out->append(FormatTime(row.start_ms));
    }
    if (shape_.histograms) {
      out->push_back(',');
      if (!row.stale && row.histogram != nullptr) {
        std::string json;
        AppendHistogramJson(*row.histogram, &json);
        AppendField(json, out);
      }
    }
    out->push_back('\n');
  }

  RowCursor cursor_;
  const TableShape shape_;
  LabelSpread labels_;
  bool header_sent_ = false;
  bool done_ = false;
  std::string prefix_;
};

}  // namespace

std::unique_ptr<AnswerWriter> CsvTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                                       SamplesOptions options) {
  return std::make_unique<CsvWriter>(std::move(stream), std::move(shape), options);
}

}  // namespace larnax::answer
