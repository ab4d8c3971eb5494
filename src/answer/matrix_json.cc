#include <algorithm>

#include "answer/sample_cursor.h"
#include "answer/writers.h"
#include "larnax/format.h"

namespace larnax::answer {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

class MatrixJsonWriter : public AnswerWriter {
 public:
  MatrixJsonWriter(std::unique_ptr<SampleStream> stream, SamplesOptions options)
      : cursor_(std::move(stream), options) {}

  arrow::Result<bool> Next(std::string* out) override {
    if (phase_ == Phase::kEnd) return false;
    const size_t enough = out->size() + kPieceBytes;
    if (phase_ == Phase::kStart) {
      out->append(R"({"status":"success","data":{"resultType":"matrix","result":[)");
      phase_ = Phase::kSeries;
    }
    while (out->size() < enough) {
      if (series_ == nullptr) {
        ARROW_ASSIGN_OR_RAISE(const bool more, NextSeries(out));
        if (!more) {
          AppendEnd(out);
          phase_ = Phase::kEnd;
          return true;
        }
      }
      AppendSamples(enough, out);
    }
    return true;
  }
  const ReadStats& stats() const override { return cursor_.stats(); }

 private:
  enum class Phase { kStart, kSeries, kEnd };

  // The arrays of a series, in their order.
  enum class Part { kValues, kStarts, kHistograms, kEnd };

  size_t SizeOf(Part part) const {
    return part == Part::kHistograms ? series_->histograms.size() : series_->value.size();
  }

  double ValueOf(size_t i) const {
    return part_ == Part::kHistograms ? series_->histograms[i].histogram->sum : series_->value[i];
  }

  // The next sample at or after `i` to show.
  size_t SkipLeftOut(size_t i) const {
    if (!cursor_.options().drop_stale) return i;
    while (i < SizeOf(part_) && IsStale(ValueOf(i))) ++i;
    return i;
  }

  // Begin the next array that is not empty, or end the object.
  void BeginPart(std::string* out) {
    while (part_ != Part::kEnd) {
      part_ = static_cast<Part>(static_cast<int>(part_) + 1);
      if (part_ == Part::kEnd) break;
      sample_ = SkipLeftOut(0);
      if (sample_ == SizeOf(part_) || (part_ == Part::kStarts && !HasStarts())) continue;
      constexpr std::string_view kNames[] = {"values", "start_timestamps", "histograms"};
      out->append(",\"").append(kNames[static_cast<size_t>(part_)]).append("\":[");
      return;
    }
    out->push_back('}');
    series_ = nullptr;
  }

  bool HasSamplesToShow() {
    for (const Part part : {Part::kValues, Part::kHistograms}) {
      part_ = part;
      if (SkipLeftOut(0) < SizeOf(part)) return true;
    }
    return false;
  }

  // Move to the next series that has a sample to show, and begin its object.
  arrow::Result<bool> NextSeries(std::string* out) {
    do {
      ARROW_ASSIGN_OR_RAISE(series_, cursor_.Next());
      if (series_ == nullptr) return false;
    } while (!HasSamplesToShow());
    if (any_series_) out->push_back(',');
    any_series_ = true;
    out->append(R"({"metric":)");
    AppendLabelsJson(series_->labels, out);
    part_ = static_cast<Part>(-1);
    BeginPart(out);
    return true;
  }

  void AppendSamples(size_t enough, std::string* out) {
    const size_t size = SizeOf(part_);
    while (sample_ < size && out->size() < enough) {
      AppendOne(out);
      sample_ = SkipLeftOut(sample_ + 1);
      if (sample_ < size) out->push_back(',');
    }
    if (sample_ < size) return;
    out->push_back(']');
    BeginPart(out);
  }

  void AppendOne(std::string* out) const {
    if (part_ == Part::kValues) return AppendSample(out);
    if (part_ == Part::kStarts) return AppendStart(out);
    const HistogramSample& sample = series_->histograms[sample_];
    out->push_back('[');
    AppendSeconds(sample.time_ms, out);
    out->push_back(',');
    if (IsStale(sample.histogram->sum)) {
      out->append("null");
    } else {
      AppendHistogramJson(*sample.histogram, out);
    }
    out->push_back(']');
  }

  void AppendSample(std::string* out) const {
    out->push_back('[');
    AppendSeconds((*series_->time_ms)[sample_], out);
    const double value = series_->value[sample_];
    if (IsStale(value)) {
      out->append(",null]");
      return;
    }
    out->append(",\"");
    AppendValue(value, out);
    out->append("\"]");
  }

  void AppendStart(std::string* out) const {
    const int64_t start_ms = series_->start_ms[sample_];
    start_ms == 0 ? void(out->append("null")) : AppendSeconds(start_ms, out);
  }

  bool HasStarts() const {
    return std::any_of(series_->start_ms.begin(), series_->start_ms.end(),
                       [](int64_t start_ms) { return start_ms != 0; });
  }

  void AppendEnd(std::string* out) const {
    out->push_back(']');
    if (cursor_.options().stats) {
      out->append(",\"stats\":");
      AppendStatsJson(cursor_.stats(), out);
    }
    out->push_back('}');
    if (cursor_.truncated()) out->append(R"(,"warnings":["results truncated due to limit"])");
    out->push_back('}');
  }

  SampleCursor cursor_;
  Phase phase_ = Phase::kStart;
  const SeriesSamples* series_ = nullptr;  // Null between two series.
  size_t sample_ = 0;                      // The next one of `part_`.
  Part part_ = Part::kEnd;
  bool any_series_ = false;
};

}  // namespace

std::unique_ptr<AnswerWriter> MatrixJson(std::unique_ptr<SampleStream> stream,
                                         SamplesOptions options) {
  return std::make_unique<MatrixJsonWriter>(std::move(stream), options);
}

}  // namespace larnax::answer
