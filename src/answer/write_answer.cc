#include <set>

#include "answer/writers.h"
#include "base/check.h"

namespace larnax {
namespace answer {
namespace {

class ResultStream : public SampleStream {
 public:
  explicit ResultStream(QueryResult result) : result_(std::move(result)) {
    histograms_.resize(result_.series.size());
    for (size_t i = 0; i < histograms_.size(); ++i) {
      for (const QueryHistogram& point : result_.series[i].histograms) {
        histograms_[i].push_back({point.time_ms, 0, point.histogram});
      }
    }
  }

  arrow::Result<SampleBatch> Next() override {
    SampleBatch batch;
    if (done_) return batch;
    done_ = true;
    for (size_t i = 0; i < histograms_.size(); ++i) {
      const QuerySeries& series = result_.series[i];
      SeriesSamples samples;
      samples.labels = series.labels;
      samples.time_ms = series.time_ms;
      samples.value = series.value;
      samples.histograms = histograms_[i];
      batch.series.push_back(std::move(samples));
    }
    return batch;
  }
  const ReadStats& stats() const override { return result_.stats.read; }

 private:
  const QueryResult result_;
  std::vector<std::vector<HistogramSample>> histograms_;
  bool done_ = false;
};

TableShape ShapeOf(const QueryResult& result) {
  std::set<std::string_view> names;
  TableShape shape;
  shape.raw = shape.histograms = false;
  for (const QuerySeries& series : result.series) {
    for (const Label& label : series.labels.view()) names.insert(label.name);
    shape.histograms |= !series.histograms.empty();
  }
  shape.columns = AssignColumns({names.begin(), names.end()}, kMaxLabelColumns);
  return shape;
}

std::unique_ptr<AnswerWriter> WriteTable(std::unique_ptr<SampleStream> stream, AnswerFormat format,
                                         TableShape shape, const SamplesOptions& options) {
  switch (format) {
    case AnswerFormat::kCsv:
      return CsvTable(std::move(stream), std::move(shape), options);
    case AnswerFormat::kArrow:
      return ArrowTable(std::move(stream), std::move(shape), options);
    case AnswerFormat::kParquet:
      return ParquetTable(std::move(stream), std::move(shape), options);
    case AnswerFormat::kJson:
      break;
  }
  LARNAX_UNREACHABLE();
}

}  // namespace

std::unique_ptr<SampleStream> StreamOf(QueryResult result) {
  return std::make_unique<ResultStream>(std::move(result));
}

}  // namespace answer

std::unique_ptr<AnswerWriter> WriteAnswer(QueryResult result, AnswerFormat format,
                                          AnswerOptions options) {
  if (format == AnswerFormat::kJson) {
    return answer::QueryJson(std::move(result), std::move(options));
  }
  answer::TableShape shape = answer::ShapeOf(result);
  return answer::WriteTable(answer::StreamOf(std::move(result)), format, std::move(shape), {});
}

std::unique_ptr<AnswerWriter> WriteSamples(std::unique_ptr<SampleStream> stream,
                                           AnswerFormat format,
                                           const std::vector<std::string>& labels,
                                           const SamplesOptions& options) {
  if (format == AnswerFormat::kJson) return answer::MatrixJson(std::move(stream), options);
  answer::TableShape shape;
  shape.columns = answer::AssignColumns(labels, answer::kMaxLabelColumns);
  return answer::WriteTable(std::move(stream), format, std::move(shape), options);
}

}  // namespace larnax
