#include "answer/sample_cursor.h"

#include <algorithm>
#include <bit>
#include <set>

#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::answer {
namespace {

// Names of the answer's own columns, and those the archive keeps back for readers of its files.
constexpr std::string_view kReserved[] = {"metric", "series_id", "timestamp",       "value",
                                          "stale",  "histogram", "start_timestamp", "other_labels",
                                          "date",   "filename",  "file_row_number", "experiment",
                                          "elapsed"};

std::string Fold(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

}  // namespace

bool IsStale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

arrow::Result<const SeriesSamples*> SampleCursor::Next() {
  while (!done_) {
    while (next_ < batch_.series.size()) {
      const SeriesSamples& series = batch_.series[next_++];
      if (series.value.empty() && series.histograms.empty()) continue;
      if (options_.limit > 0 && yielded_ == options_.limit) {
        truncated_ = true;
        done_ = true;
        return nullptr;
      }
      ++yielded_;
      return &series;
    }
    ARROW_ASSIGN_OR_RAISE(batch_, stream_->Next());
    next_ = 0;
    done_ = batch_.series.empty();
    // Raw samples are all there, or the answer says that it failed.
    if (const auto missing = stream_->warnings(); !missing.empty()) {
      return MakeError(ErrorKind::kCorrupt, missing.front());
    }
  }
  return nullptr;
}

arrow::Result<bool> RowCursor::Next(SampleRow* row, bool* new_series) {
  while (series_ == nullptr || !TakeRow(row)) {
    ARROW_ASSIGN_OR_RAISE(series_, cursor_.Next());
    if (series_ == nullptr) return false;
    float_ = histogram_ = 0;
    is_new_ = true;
  }
  *new_series = std::exchange(is_new_, false);
  return true;
}

FloatRun RowCursor::TakeFloats(int64_t limit) {
  if (series_ == nullptr || !series_->histograms.empty()) return {};
  const auto rest = series_->value.subspan(float_);
  const auto most = std::min(rest.size(), static_cast<size_t>(limit));
  const auto stale = std::find_if(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(most),
                                  [](double value) { return IsStale(value); });
  const auto count = static_cast<size_t>(stale - rest.begin());
  FloatRun run{.time_ms = std::span(*series_->time_ms).subspan(float_, count),
               .value = rest.first(count),
               .start_ms = {}};
  if (!series_->start_ms.empty()) run.start_ms = series_->start_ms.subspan(float_, count);
  float_ += count;
  return run;
}

bool RowCursor::TakeRow(SampleRow* row) {
  const bool drop_stale = cursor_.options().drop_stale;
  const std::span<const HistogramSample> histograms = series_->histograms;
  while (float_ < series_->value.size() || histogram_ < histograms.size()) {
    const bool is_float = float_ < series_->value.size() &&
                          (histogram_ == histograms.size() ||
                           (*series_->time_ms)[float_] < histograms[histogram_].time_ms);
    *row = SampleRow();
    if (is_float) {
      row->time_ms = (*series_->time_ms)[float_];
      row->start_ms = series_->start_ms.empty() ? 0 : series_->start_ms[float_];
      row->value = series_->value[float_++];
      row->stale = IsStale(row->value);
    } else {
      const HistogramSample& sample = histograms[histogram_++];
      row->time_ms = sample.time_ms;
      row->start_ms = sample.start_ms;
      row->histogram = sample.histogram.get();
      row->stale = IsStale(sample.histogram->sum);
    }
    if (!row->stale || !drop_stale) return true;
  }
  return false;
}

LabelSpread::LabelSpread(const std::vector<LabelColumn>& columns) : values_(columns.size()) {
  for (size_t i = 0; i < columns.size(); ++i) column_of_.emplace(columns[i].label, i);
}

void LabelSpread::Spread(LabelsView labels) {
  std::fill(values_.begin(), values_.end(), std::string_view());
  others_.clear();
  for (const Label& label : labels) {
    if (label.name == kMetricLabel) continue;
    const auto at = column_of_.find(std::string(label.name));
    if (at == column_of_.end()) {
      others_.push_back(label);
    } else {
      values_[at->second] = label.value;
    }
  }
}

std::vector<LabelColumn> AssignColumns(const std::vector<std::string>& labels, size_t max_columns) {
  std::set<std::string> taken;
  for (const std::string_view name : kReserved) taken.emplace(name);
  std::vector<LabelColumn> columns;
  for (const std::string& label : labels) {
    if (label == kMetricLabel) continue;
    if (columns.size() == max_columns) break;
    std::string column = label;
    for (int i = 1; !taken.insert(Fold(column)).second; ++i) {
      column = label + "_label" + (i == 1 ? "" : std::to_string(i));
    }
    columns.push_back({label, std::move(column)});
  }
  return columns;
}

}  // namespace larnax::answer

namespace larnax {

void AppendStatsJson(const ReadStats& stats, std::string* out) {
  const std::pair<std::string_view, int64_t> fields[] = {
      {"filesConsidered", stats.files_considered},
      {"filesRead", stats.files_read},
      {"pagesRead", stats.pages_read},
      {"bytesRead", stats.bytes_read},
      {"samplesDecoded", stats.samples_decoded},
      {"headSamples", stats.head_samples},
      {"series", stats.series},
      {"samples", stats.samples}};
  char separator = '{';
  for (const auto& [name, count] : fields) {
    out->push_back(separator);
    separator = ',';
    out->append("\"").append(name).append("\":").append(std::to_string(count));
  }
  out->push_back('}');
}

void AppendLabelsJson(LabelsView labels, std::string* out) {
  out->push_back('{');
  bool first = true;
  for (const Label& label : labels) {
    if (!first) out->push_back(',');
    first = false;
    AppendJsonString(label.name, out);
    out->push_back(':');
    AppendJsonString(label.value, out);
  }
  out->push_back('}');
}

}  // namespace larnax
