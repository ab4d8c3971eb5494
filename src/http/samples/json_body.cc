#include <algorithm>

#include "http/samples/sample_cursor.h"
#include "http/samples/samples_body.h"
#include "larnax/format.h"

namespace larnax::http {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

class MatrixSource : public BodySource {
 public:
  MatrixSource(std::unique_ptr<SampleStream> stream, SamplesOptions options)
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
  std::string Trailer() override { return cursor_.Trailer(); }

 private:
  enum class Phase { kStart, kSeries, kEnd };

  bool IsLeftOut(size_t i) const {
    return cursor_.options().drop_stale && IsStale(series_->value[i]);
  }

  // Move to the next series that has a sample to show, and begin its object.
  arrow::Result<bool> NextSeries(std::string* out) {
    do {
      ARROW_ASSIGN_OR_RAISE(series_, cursor_.Next());
      if (series_ == nullptr) return false;
      sample_ = 0;
      while (sample_ < series_->value.size() && IsLeftOut(sample_)) ++sample_;
    } while (sample_ == series_->value.size());
    if (any_series_) out->push_back(',');
    any_series_ = true;
    in_starts_ = false;
    first_sample_ = true;
    out->append(R"({"metric":)");
    AppendLabels(series_->labels, out);
    out->append(R"(,"values":[)");
    return true;
  }

  void AppendSamples(size_t enough, std::string* out) {
    const size_t size = series_->value.size();
    for (; sample_ < size && out->size() < enough; ++sample_) {
      if (IsLeftOut(sample_)) continue;
      if (!first_sample_) out->push_back(',');
      first_sample_ = false;
      in_starts_ ? AppendStart(out) : AppendSample(out);
    }
    if (sample_ < size) return;
    out->push_back(']');
    if (!in_starts_ && HasStarts()) {
      in_starts_ = true;
      sample_ = 0;
      first_sample_ = true;
      out->append(R"(,"start_timestamps":[)");
      return;
    }
    out->push_back('}');
    series_ = nullptr;
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
      AppendStats(cursor_.stats(), out);
    }
    out->push_back('}');
    if (cursor_.truncated()) AppendWarnings({"results truncated due to limit"}, out);
    out->push_back('}');
  }

  SampleCursor cursor_;
  Phase phase_ = Phase::kStart;
  const SeriesSamples* series_ = nullptr;  // Null between two series.
  size_t sample_ = 0;                      // The next sample of `series_`.
  bool in_starts_ = false;                 // Whether its start timestamps are being written.
  bool first_sample_ = true;
  bool any_series_ = false;
};

}  // namespace

std::unique_ptr<BodySource> JsonBody(std::unique_ptr<SampleStream> stream, SamplesOptions options) {
  return std::make_unique<MatrixSource>(std::move(stream), options);
}

}  // namespace larnax::http
