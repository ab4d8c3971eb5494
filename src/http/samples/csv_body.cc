#include <algorithm>
#include <unordered_map>

#include "http/samples/sample_cursor.h"
#include "http/samples/samples_body.h"
#include "larnax/format.h"

namespace larnax::http {
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

class CsvSource : public BodySource {
 public:
  CsvSource(std::unique_ptr<SampleStream> stream, std::vector<LabelColumn> columns,
            SamplesOptions options)
      : cursor_(std::move(stream), options), columns_(std::move(columns)) {
    for (size_t i = 0; i < columns_.size(); ++i) column_of_.emplace(columns_[i].label, i);
  }

  arrow::Result<bool> Next(std::string* out) override {
    const size_t before = out->size();
    if (!header_sent_) {
      AppendHeader(out);
      header_sent_ = true;
    }
    while (out->size() - before < kPieceBytes) {
      if (series_ == nullptr || sample_ == series_->value.size()) {
        ARROW_ASSIGN_OR_RAISE(series_, cursor_.Next());
        if (series_ == nullptr) break;
        sample_ = 0;
        BuildPrefix();
      }
      AppendRow(out);
      ++sample_;
    }
    return out->size() > before;
  }
  std::string Trailer() override { return cursor_.Trailer(); }

 private:
  void AppendHeader(std::string* out) const {
    out->append("metric,");
    for (const LabelColumn& column : columns_) {
      AppendField(column.column, out);
      out->push_back(',');
    }
    out->append("other_labels,timestamp,value,stale,start_timestamp\n");
  }

  // What is the same in all rows of a series: metric and labels.
  void BuildPrefix() {
    std::vector<std::string_view> values(columns_.size());
    std::string others;
    for (const Label& label : series_->labels) {
      if (label.name == kMetricLabel) continue;
      if (const auto at = column_of_.find(label.name); at != column_of_.end()) {
        values[at->second] = label.value;
        continue;
      }
      others.push_back(others.empty() ? '{' : ',');
      AppendJsonString(label.name, &others);
      others.push_back(':');
      AppendJsonString(label.value, &others);
    }
    if (!others.empty()) others.push_back('}');
    prefix_.clear();
    AppendField(series_->labels.metric(), &prefix_);
    prefix_.push_back(',');
    for (const std::string_view value : values) {
      AppendField(value, &prefix_);
      prefix_.push_back(',');
    }
    AppendField(others, &prefix_);
    prefix_.push_back(',');
  }

  void AppendRow(std::string* out) const {
    const double value = series_->value[sample_];
    const bool stale = IsStale(value);
    if (stale && cursor_.options().drop_stale) return;
    out->append(prefix_);
    out->append(FormatTime((*series_->time_ms)[sample_]));
    out->push_back(',');
    if (!stale) AppendValue(value, out);
    out->append(stale ? ",true," : ",false,");
    const int64_t start_ms = series_->start_ms.empty() ? 0 : series_->start_ms[sample_];
    if (start_ms != 0) out->append(FormatTime(start_ms));
    out->push_back('\n');
  }

  SampleCursor cursor_;
  std::vector<LabelColumn> columns_;
  std::unordered_map<std::string_view, size_t> column_of_;  // Views into columns_.
  bool header_sent_ = false;
  const SeriesSamples* series_ = nullptr;
  size_t sample_ = 0;
  std::string prefix_;
};

}  // namespace

std::unique_ptr<BodySource> CsvBody(std::unique_ptr<SampleStream> stream,
                                    std::vector<LabelColumn> columns, SamplesOptions options) {
  return std::make_unique<CsvSource>(std::move(stream), std::move(columns), options);
}

}  // namespace larnax::http
