#include "test/promql/samples.h"

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "larnax/error.h"
#include "test/promql/series_notation.h"

namespace larnax::promqltest {
namespace {

// A classic histogram at one time.
struct ClassicHistogram {
  std::map<double, double> cumulative;  // By upper bound.
  std::optional<double> count;
  double sum = 0;
};

struct ClassicSeries {
  Labels labels;
  std::map<int64_t, ClassicHistogram> at;
};

enum class Part { kNone, kBucket, kCount, kSum };

// The part that a metric is, and the name without the suffix.
std::pair<Part, std::string_view> PartOf(std::string_view metric) {
  for (const auto& [suffix, part] : {std::pair<std::string_view, Part>{"_bucket", Part::kBucket},
                                     {"_sum", Part::kSum},
                                     {"_count", Part::kCount}}) {
    if (metric.ends_with(suffix)) {
      return {part, metric.substr(0, metric.size() - suffix.size())};
    }
  }
  return {Part::kNone, metric};
}

arrow::Result<Labels> BaseLabels(const Labels& labels, std::string_view name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Label& label : labels.view()) {
    if (label.name == "le") continue;
    const std::string_view value = label.name == kMetricLabel ? name : label.value;
    pairs.emplace_back(label.name, value);
  }
  return Labels::Make(std::move(pairs));
}

arrow::Result<model::FloatHistogram> ToCustomBounds(ClassicHistogram classic) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!classic.count && !classic.cumulative.empty()) {
    classic.count = classic.cumulative.rbegin()->second;
  }
  classic.cumulative.try_emplace(kInfinity, classic.count.value_or(0));
  model::FloatHistogram h;
  h.schema = model::FloatHistogram::kCustomBounds;
  h.count = classic.count.value_or(0);
  h.sum = classic.sum;
  double before = 0;
  for (const auto& [bound, cumulative] : classic.cumulative) {
    if (cumulative < before) {
      return MakeError(ErrorKind::kBadQuery, "classic histogram: counts are not cumulative");
    }
    if (bound != kInfinity) h.custom_bounds.push_back(bound);
    h.positive.push_back(cumulative - before);
    before = cumulative;
  }
  if (before != h.count) {
    return MakeError(ErrorKind::kBadQuery, "classic histogram: buckets and count differ");
  }
  h.positive_spans = {{.offset = 0, .length = static_cast<uint32_t>(h.positive.size())}};
  h.Compact();
  return h;
}

// A histogram that goes on counting where the one before it stopped.
bool GoesOn(const model::FloatHistogram& previous, const model::FloatHistogram& h) {
  if (h.counter_reset_hint == CounterResetHint::kReset || h.schema != previous.schema ||
      h.zero_threshold != previous.zero_threshold || h.custom_bounds != previous.custom_bounds) {
    return false;
  }
  return !h.DetectReset(previous);
}

arrow::Status Collect(const TimedSeries& series, std::map<std::string, ClassicSeries>* classics) {
  const auto [part, name] = PartOf(series.labels.view().metric());
  if (part == Part::kNone) return arrow::Status::OK();
  std::optional<double> bound;
  if (part == Part::kBucket) {
    bound = ParseNumber(series.labels.Get("le"));
    if (!bound || std::isnan(*bound)) return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const Labels labels, BaseLabels(series.labels, name));
  ClassicSeries& classic = (*classics)[std::string(labels.bytes())];
  classic.labels = labels;
  for (const TimedSample& sample : series.samples) {
    if (sample.histogram != nullptr) continue;
    ClassicHistogram& histogram = classic.at[sample.time_ms];
    if (part == Part::kBucket) histogram.cumulative.emplace(*bound, sample.value);
    if (part == Part::kCount) histogram.count = sample.value;
    if (part == Part::kSum) histogram.sum = sample.value;
  }
  return arrow::Status::OK();
}

}  // namespace

void MarkResets(TimedSeries* series) {
  std::shared_ptr<const model::FloatHistogram> previous;
  for (TimedSample& sample : series->samples) {
    const auto current = sample.histogram;
    if (current == nullptr || current->counter_reset_hint == CounterResetHint::kGauge) {
      previous = nullptr;
      continue;
    }
    auto marked = std::make_shared<model::FloatHistogram>(*current);
    marked->counter_reset_hint = previous != nullptr && GoesOn(*previous, *current)
                                     ? CounterResetHint::kNotReset
                                     : CounterResetHint::kUnknown;
    sample.histogram = std::move(marked);
    previous = current;
  }
}

arrow::Result<std::vector<TimedSeries>> ExpandLoad(const LoadCommand& load) {
  std::vector<TimedSeries> all;
  std::map<std::string, ClassicSeries> classics;
  for (const LoadedSeries& loaded : load.series) {
    TimedSeries series;
    series.labels = loaded.labels;
    for (size_t i = 0; i < loaded.items.size(); ++i) {
      const SeriesItem& item = loaded.items[i];
      if (item.is_gap) continue;
      const int64_t time_ms = static_cast<int64_t>(i) * load.step_ms;
      int64_t start_ms = 0;
      if (!loaded.start_offsets_ms.empty() && loaded.start_offsets_ms[i]) {
        start_ms = time_ms + *loaded.start_offsets_ms[i];
      }
      series.samples.push_back({time_ms, start_ms, item.value, item.histogram});
    }
    if (load.with_custom_bounds) ARROW_RETURN_NOT_OK(Collect(series, &classics));
    all.push_back(std::move(series));
  }
  for (auto& [bytes, classic] : classics) {
    TimedSeries series;
    series.labels = classic.labels;
    for (auto& [time_ms, histogram] : classic.at) {
      ARROW_ASSIGN_OR_RAISE(model::FloatHistogram h, ToCustomBounds(std::move(histogram)));
      series.samples.push_back(
          {time_ms, 0, 0, std::make_shared<const model::FloatHistogram>(std::move(h))});
    }
    all.push_back(std::move(series));
  }
  for (TimedSeries& series : all) MarkResets(&series);
  return all;
}

}  // namespace larnax::promqltest
