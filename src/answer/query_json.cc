#include <array>
#include <cmath>

#include "answer/writers.h"
#include "base/check.h"
#include "larnax/format.h"
#include "promql/number_text.h"

namespace larnax::answer {
namespace {

constexpr size_t kPieceBytes = 64 << 10;
constexpr size_t kMaxAnnotations = 10;

std::string_view TypeName(QueryValueType type) {
  switch (type) {
    case QueryValueType::kScalar:
      return "scalar";
    case QueryValueType::kVector:
      return "vector";
    case QueryValueType::kMatrix:
      return "matrix";
    case QueryValueType::kString:
      return "string";
  }
  LARNAX_UNREACHABLE();
}

void AppendFloatPoint(int64_t time_ms, double value, std::string* out) {
  out->push_back('[');
  AppendSeconds(time_ms, out);
  out->append(",\"");
  AppendValue(value, out);
  out->append("\"]");
}

void AppendHistogramPoint(const QueryHistogram& point, std::string* out) {
  out->push_back('[');
  AppendSeconds(point.time_ms, out);
  out->push_back(',');
  AppendHistogramJson(*point.histogram, out);
  out->push_back(']');
}

void AppendAnnotations(std::string_view kind, const std::vector<std::string>& texts,
                       std::string* out) {
  if (texts.empty()) return;
  out->append(",\"").append(kind).append("s\":[");
  for (size_t i = 0; i < texts.size() && i < kMaxAnnotations; ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(texts[i], out);
  }
  if (texts.size() > kMaxAnnotations) {
    out->append(",\"" + std::to_string(texts.size() - kMaxAnnotations) + " more ");
    out->append(kind).append(" annotations omitted\"");
  }
  out->push_back(']');
}

// Instants of scalars and strings are ordinary JSON numbers, unlike all others.
void AppendInstant(int64_t time_ms, std::string* out) {
  AppendValue(static_cast<double>(time_ms) / 1000, out);
}

class QueryJsonWriter : public AnswerWriter {
 public:
  QueryJsonWriter(QueryResult result, AnswerOptions options)
      : result_(std::move(result)), options_(std::move(options)) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    const size_t enough = out->size() + kPieceBytes;
    if (!begun_) AppendStart(out);
    begun_ = true;
    if (result_.type == QueryValueType::kScalar || result_.type == QueryValueType::kString) {
      AppendSingle(out);
    } else {
      while (series_ < result_.series.size() && out->size() < enough) AppendSeries(enough, out);
      if (series_ < result_.series.size()) return true;
      out->push_back(']');
    }
    AppendEnd(out);
    done_ = true;
    return true;
  }
  const ReadStats& stats() const override { return result_.stats.read; }

 private:
  void AppendStart(std::string* out) const {
    out->append("{\"status\":\"success\",\"data\":{\"resultType\":\"");
    out->append(TypeName(result_.type));
    out->append("\",\"result\":[");
  }

  void AppendSingle(std::string* out) const {
    AppendInstant(result_.time_ms, out);
    out->push_back(',');
    if (result_.type == QueryValueType::kString) {
      AppendJsonString(result_.text, out);
    } else {
      out->push_back('"');
      promql::AppendNumber(result_.series.at(0).value.at(0), out);
      out->push_back('"');
    }
    out->push_back(']');
  }

  // Appends the series, or as much of it as `enough` lets, from where the last call ended.
  void AppendSeries(size_t enough, std::string* out) {
    const QuerySeries& series = result_.series[series_];
    if (!series_begun_) {
      if (series_ > 0) out->push_back(',');
      out->append("{\"metric\":");
      AppendLabelsJson(series.labels, out);
      series_begun_ = true;
    }
    if (result_.type == QueryValueType::kVector) {
      AppendInstantOf(series, out);
    } else if (!AppendPoints(series, enough, out)) {
      return;
    }
    out->push_back('}');
    series_begun_ = false;
    float_ = histogram_ = 0;
    ++series_;
  }

  static void AppendInstantOf(const QuerySeries& series, std::string* out) {
    if (!series.histograms.empty()) {
      out->append(",\"histogram\":");
      AppendHistogramPoint(series.histograms[0], out);
    } else {
      out->append(",\"value\":");
      AppendFloatPoint(series.time_ms->at(0), series.value.at(0), out);
    }
  }

  bool AppendPoints(const QuerySeries& series, size_t enough, std::string* out) {
    const size_t floats = series.value.size();
    const size_t histograms = series.histograms.size();
    for (; float_ < floats && out->size() < enough; ++float_) {
      out->append(float_ == 0 ? ",\"values\":[" : ",");
      AppendFloatPoint((*series.time_ms)[float_], series.value[float_], out);
      if (float_ + 1 == floats) out->push_back(']');
    }
    for (; float_ == floats && histogram_ < histograms && out->size() < enough; ++histogram_) {
      out->append(histogram_ == 0 ? ",\"histograms\":[" : ",");
      AppendHistogramPoint(series.histograms[histogram_], out);
      if (histogram_ + 1 == histograms) out->push_back(']');
    }
    return float_ == floats && histogram_ == histograms;
  }

  void AppendEnd(std::string* out) const {
    if (options_.stats) AppendQueryStats(out);
    out->push_back('}');
    std::vector<std::string> warnings;
    if (result_.truncated) warnings.emplace_back("results truncated due to limit");
    warnings.insert(warnings.end(), options_.warnings.begin(), options_.warnings.end());
    warnings.insert(warnings.end(), result_.warnings.begin(), result_.warnings.end());
    AppendAnnotations("warning", warnings, out);
    AppendAnnotations("info", result_.infos, out);
    out->push_back('}');
  }

  void AppendQueryStats(std::string* out) const {
    const QueryStats& stats = result_.stats;
    const int64_t evaluated_ns = stats.prepare_ns + stats.evaluate_ns + stats.sort_ns;
    const std::array<std::pair<std::string_view, int64_t>, 6> timings = {{
        {"evalTotalTime", evaluated_ns},
        {"resultSortTime", stats.sort_ns},
        {"queryPreparationTime", stats.prepare_ns},
        {"innerEvalTime", stats.evaluate_ns},
        {"execQueueTime", options_.queue_ns},
        {"execTotalTime", evaluated_ns + options_.queue_ns},
    }};
    out->append(",\"stats\":{\"timings\":");
    char separator = '{';
    for (const auto& [name, time_ns] : timings) {
      out->push_back(separator);
      separator = ',';
      out->append("\"").append(name).append("\":");
      AppendValue(static_cast<double>(time_ns) / 1e9, out);
    }
    out->append("},\"samples\":{");
    AppendSamplesByStep("totalQueryableSamplesPerStep", stats.samples_at, out);
    out->append("\"totalQueryableSamples\":" + std::to_string(stats.samples) + ",");
    AppendSamplesByStep("samplesReadPerStep", stats.samples_taken_at, out);
    out->append("\"samplesRead\":" + std::to_string(stats.samples_taken) +
                ",\"peakSamples\":" + std::to_string(stats.peak_samples) + "},\"archive\":");
    AppendStatsJson(stats.read, out);
    out->push_back('}');
  }

  void AppendSamplesByStep(std::string_view name, const std::vector<int64_t>& samples,
                           std::string* out) const {
    if (samples.empty()) return;
    out->append("\"").append(name).append("\":[");
    for (size_t step = 0; step < samples.size(); ++step) {
      out->append(step == 0 ? "[" : ",[");
      AppendInstant(
          result_.stats.first_step_ms + static_cast<int64_t>(step) * result_.stats.step_ms, out);
      out->append("," + std::to_string(samples[step]) + "]");
    }
    out->append("],");
  }

  const QueryResult result_;
  const AnswerOptions options_;
  bool begun_ = false;
  bool done_ = false;
  bool series_begun_ = false;  // Whether its labels are out.
  size_t series_ = 0;          // The one being written,
  size_t float_ = 0;           // and its next float
  size_t histogram_ = 0;       // and histogram.
};

}  // namespace

std::unique_ptr<AnswerWriter> QueryJson(QueryResult result, AnswerOptions options) {
  return std::make_unique<QueryJsonWriter>(std::move(result), std::move(options));
}

}  // namespace larnax::answer
