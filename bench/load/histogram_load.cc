#include "bench/load/histogram_load.h"

#include <algorithm>
#include <cmath>

#include "wire/label_bytes.h"
#include "wire/remote_write/encoder.h"

namespace larnax::load {
namespace {

constexpr int32_t kSchema = 3;         // Eight buckets for each doubling.
constexpr int32_t kFirstBucket = -47;  // Up to some 17 ms.
constexpr int kNamespaces = 20;
constexpr double kMeanRequests = 20;

std::string LabelsOf(int64_t number) {
  std::string labels;
  wire::AppendLabel("__name__", "rpc_duration_seconds", &labels);
  wire::AppendLabel("job", "pods", &labels);
  wire::AppendLabel("namespace", "team-" + std::to_string(number % kNamespaces), &labels);
  wire::AppendLabel("pod", "rpc-" + std::to_string(number), &labels);
  return labels;
}

// The middle of a bucket.
double Seconds(int bucket) {
  return std::exp2((static_cast<double>(kFirstBucket + bucket) - 0.5) / (1 << kSchema));
}

}  // namespace

HistogramLoad::HistogramLoad(const LoadOptions& options)
    : options_(options),
      rounds_((options.span_ms + options.interval_ms - 1) / options.interval_ms) {
  for (int64_t number = 0; number < options.histograms; ++number) {
    Pod pod;
    pod.labels = LabelsOf(number);
    pod.random = Random(Random(options.seed).Next() ^ static_cast<uint64_t>(number));
    pod.requests_per_scrape = kMeanRequests * (0.5 + pod.random.Uniform());
    pods_.push_back(std::move(pod));
  }
}

void HistogramLoad::Next(std::vector<LoadSample>* samples) {
  samples->clear();
  while (!pods_.empty() && round_ < rounds_ &&
         samples->size() < static_cast<size_t>(options_.batch)) {
    // A message lives until its pod is observed again.
    if (!samples->empty() && samples->front().labels.data() == pods_[next_pod_].labels.data()) {
      return;
    }
    const int64_t time_ms = options_.start_ms + round_ * options_.interval_ms;
    Pod& pod = pods_[next_pod_];
    Observe(time_ms, &pod);
    samples->push_back({pod.labels, time_ms, 0, pod.message});
    next_pod_ = (next_pod_ + 1) % pods_.size();
    if (next_pod_ == 0) ++round_;
  }
}

void HistogramLoad::Observe(int64_t time_ms, Pod* pod) {
  const auto requests = static_cast<int>(pod->requests_per_scrape * (0.5 + pod->random.Uniform()));
  for (int i = 0; i < requests; ++i) {
    // Around the middle, as times of requests are.
    const auto at = static_cast<int>(kBuckets / 2 + pod->random.Normal() * kBuckets / 8);
    const int bucket = std::clamp(at, 0, kBuckets - 1);
    ++pod->observed[static_cast<size_t>(bucket)];
    pod->observed_seconds += Seconds(bucket);
  }
  wire::HistogramFields fields;
  fields.schema = kSchema;
  fields.zero_threshold = 1e-9;
  fields.sum = pod->observed_seconds;
  fields.time_ms = time_ms;
  fields.positive_spans = {{kFirstBucket, kBuckets}};
  uint64_t before = 0;
  for (const uint64_t count : pod->observed) {
    fields.count_int += count;
    fields.positive_deltas.push_back(static_cast<int64_t>(count - before));
    before = count;
  }
  pod->message = wire::EncodeHistogram(fields);
}

}  // namespace larnax::load
