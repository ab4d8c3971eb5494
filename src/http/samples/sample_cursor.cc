#include "http/samples/sample_cursor.h"

#include <algorithm>
#include <bit>
#include <set>

#include "larnax/format.h"

namespace larnax::http {
namespace {

// Names of the answer's own columns, and those the archive keeps back for readers of its files.
constexpr std::string_view kReserved[] = {"metric",   "series_id",       "timestamp",    "value",
                                          "stale",    "start_timestamp", "other_labels", "date",
                                          "filename", "file_row_number", "experiment",   "elapsed"};

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
      if (series.value.empty()) continue;
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
  }
  return nullptr;
}

std::string SampleCursor::Trailer() const {
  if (!options_.stats) return {};
  std::string trailer = "X-Larnax-Stats: ";
  AppendStats(stats(), &trailer);
  trailer.append("\r\n");
  return trailer;
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

void AppendStats(const ReadStats& stats, std::string* out) {
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

void AppendLabels(LabelsView labels, std::string* out) {
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

}  // namespace larnax::http
