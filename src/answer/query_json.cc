#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "answer/writers.h"
#include "base/check.h"
#include "base/number_text.h"
#include "larnax/format.h"
#include "promql/number_text.h"

namespace larnax::answer {
namespace {

constexpr size_t kPieceBytes = size_t{128} << 10;
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

// The text in front of each value at some times: `[<seconds>,"`.
class PointHeads {
 public:
  static constexpr size_t kMaxBytes = 32;

  // Has the heads of times [begin, end), which many series in a row may share.
  void Cover(const std::shared_ptr<const TimestampVector>& times, size_t begin, size_t end) {
    if (times == times_ && begin >= first_ && end <= first_ + ends_.size()) return;
    times_ = times;
    first_ = begin;
    ends_.clear();
    text_.clear();
    const size_t last = std::min(times->size(), std::max(end, begin + kMostHeads));
    for (size_t i = begin; i < last; ++i) {
      text_.push_back('[');
      AppendSeconds((*times)[i], &text_);
      text_.append(",\"");
      ends_.push_back(static_cast<uint32_t>(text_.size()));
    }
    // Heads are copied by a fixed size.
    text_.append(kMaxBytes, ' ');
  }
  // Writes the head of a covered time and up to kMaxBytes in all. Returns its end.
  char* Write(size_t i, char* out) const {
    i -= first_;
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    std::memcpy(out, text_.data() + begin, kMaxBytes);
    return out + (ends_[i] - begin);
  }

 private:
  // All steps of a range query; a subquery alone may have millions of points.
  static constexpr size_t kMostHeads = size_t{16} << 10;

  std::shared_ptr<const TimestampVector> times_;
  size_t first_ = 0;
  std::string text_;
  std::vector<uint32_t> ends_;
};

// Room is made for so many points at once, and for the most that they may take.
constexpr size_t kPointsAtOnce = 256;
constexpr size_t kMaxPointBytes = PointHeads::kMaxBytes + base::kMaxNumberBytes + 4;
constexpr size_t kMostAtOnce = kPointsAtOnce * kMaxPointBytes;

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
    if (begun_) out->reserve(enough + kMostAtOnce);
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
    while (float_ < floats && out->size() < enough) AppendFloats(series, out);
    for (; float_ == floats && histogram_ < histograms && out->size() < enough; ++histogram_) {
      out->append(histogram_ == 0 ? ",\"histograms\":[" : ",");
      AppendHistogramPoint(series.histograms[histogram_], out);
      if (histogram_ + 1 == histograms) out->push_back(']');
    }
    return float_ == floats && histogram_ == histograms;
  }

  // Appends some points, in place.
  void AppendFloats(const QuerySeries& series, std::string* out) {
    if (float_ == 0) out->append(",\"values\":[");
    const size_t end = std::min(series.value.size(), float_ + kPointsAtOnce);
    point_heads_.Cover(series.time_ms, float_, end);
    const size_t size = out->size();
    out->resize(size + (end - float_) * kMaxPointBytes);
    char* at = out->data() + size;
    for (; float_ < end; ++float_) {
      at = point_heads_.Write(float_, at);
      at = base::WriteValue(series.value[float_], at);
      *at++ = '"';
      *at++ = ']';
      *at++ = ',';
    }
    if (end == series.value.size()) at[-1] = ']';
    out->resize(static_cast<size_t>(at - out->data()));
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
  PointHeads point_heads_;
};

}  // namespace

std::unique_ptr<AnswerWriter> QueryJson(QueryResult result, AnswerOptions options) {
  return std::make_unique<QueryJsonWriter>(std::move(result), std::move(options));
}

}  // namespace larnax::answer
