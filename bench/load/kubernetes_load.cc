#include "bench/load/kubernetes_load.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "larnax/samples.h"
#include "wire/label_bytes.h"

namespace larnax::load {

namespace {

constexpr int kNamespaces = 20;
constexpr double kPageBytes = 4096;
constexpr double kScrapeJitterChance = 0.05;
// Pods without traffic of their own still answer a probe at times.
constexpr double kIdlePods = 0.25;
constexpr double kIdleRequests = 0.4;
constexpr double kMedianRequests = 14;

constexpr std::array<const char*, 12> kBounds{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                              "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
constexpr std::array<double, 12> kBoundSeconds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                               0.5,   1,    2.5,   5,    10,  20};

// One number from several, so that each part of the load has randomness of its own.
uint64_t Mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  Random random(a);
  for (const uint64_t each : {b, c, d}) random = Random(random.Next() ^ each);
  return random.Next();
}

std::string Suffix(uint64_t bits, int length) {
  // The letters that Kubernetes uses in generated names.
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (int i = 0; i < length; ++i, bits /= kLetters.size()) out += kLetters[bits % kLetters.size()];
  return out;
}

std::string Number(int64_t number) { return std::to_string(number); }

using Pairs = std::vector<std::pair<std::string_view, std::string>>;

std::string SortedLabels(std::string_view metric, Pairs pairs) {
  pairs.emplace_back(kMetricLabel, metric);
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) wire::AppendLabel(name, value, &out);
  return out;
}

}  // namespace

KubernetesLoad::KubernetesLoad(const LoadOptions& options, int64_t shard) : options_(options) {
  const int64_t per_pod = kNodeSeries + kStateSeries;
  const int64_t pod_count = (options.series + per_pod - 1) / per_pod;
  rounds_ = (options.span_ms + options.interval_ms - 1) / options.interval_ms;
  for (int64_t index = 0; index <= kNodes; ++index) {
    if (index % options.shards != shard) continue;
    Target target;
    target.index = index;
    target.random = Random(Mix(options.seed, 1, static_cast<uint64_t>(index), 0));
    target.offset_ms =
        static_cast<int64_t>(target.random.Next() % static_cast<uint64_t>(options.interval_ms));
    for (int64_t number = 0; number < pod_count; ++number) {
      if (index != kNodes && number % kNodes != index) continue;
      Pod pod;
      pod.number = number;
      const int64_t left = options.series - number * per_pod;
      pod.series_count = static_cast<int>(
          index == kNodes ? std::clamp<int64_t>(left - kNodeSeries, 0, kStateSeries)
                          : std::min<int64_t>(left, kNodeSeries));
      Start(index, IncarnationAt(number, options.start_ms), &pod);
      target.pods.push_back(std::move(pod));
    }
    targets_.push_back(std::move(target));
  }
  std::sort(targets_.begin(), targets_.end(),
            [](const Target& a, const Target& b) { return a.offset_ms < b.offset_ms; });
}

int64_t KubernetesLoad::IncarnationAt(int64_t pod_number, int64_t time_ms) const {
  if (options_.churn_per_hour <= 0) return 0;
  const double lifetime_ms = 3'600'000 / options_.churn_per_hour;
  const double phase =
      Random(Mix(options_.seed, 2, static_cast<uint64_t>(pod_number), 0)).Uniform();
  return static_cast<int64_t>(static_cast<double>(time_ms - options_.start_ms) / lifetime_ms +
                              phase);
}

void KubernetesLoad::Start(int64_t target, int64_t incarnation, Pod* pod) const {
  pod->incarnation = incarnation;
  const auto number = static_cast<uint64_t>(pod->number);
  pod->random = Random(
      Mix(options_.seed, target == kNodes ? 4 : 3, number, static_cast<uint64_t>(incarnation)));
  Random& random = pod->random;
  const bool idle = random.Chance(kIdlePods);
  pod->requests_per_scrape = idle ? kIdleRequests : kMedianRequests * std::exp(random.Normal());
  pod->cpu_cores = 0.02 * std::exp(random.Normal()) + pod->requests_per_scrape * 1e-4;
  const double median_seconds = 0.02 * std::exp(0.8 * random.Normal());
  double below = 0;
  for (int i = 0; i < kBuckets; ++i) {
    // A logistic curve over the logarithm of the bound.
    const double at = kBoundSeconds[static_cast<size_t>(i)] / median_seconds;
    const double share = i + 1 == kBuckets ? 1 : 1 / (1 + std::pow(at, -2.5));
    pod->bucket_share[static_cast<size_t>(i)] = (share - below) / (1 - below);
    below = share;
  }
  // Pods have run for a while when the load starts, new ones begin at zero.
  const double age = incarnation == 0 ? 5'000 + 40'000 * random.Uniform() : 0;
  const double requests = pod->requests_per_scrape * age;
  pod->cpu_ns = static_cast<uint64_t>(pod->cpu_cores * age * 15e9);
  pod->memory_pages = 5'000 + random.Next() % 200'000;
  pod->received_bytes = static_cast<uint64_t>(requests * 1'500);
  pod->sent_bytes = static_cast<uint64_t>(requests * 6'000);
  pod->restarts = random.Chance(0.1) ? random.Next() % 5 : 0;
  double left = requests;
  for (size_t i = 0; i < kBuckets; ++i) {
    const double count = std::floor(left * pod->bucket_share[i]);
    pod->observed[i] = static_cast<uint64_t>(count);
    left -= count;
  }
  pod->observed_seconds = requests * median_seconds * 1.3;
  pod->memory_limit = 134217728.0 * static_cast<double>(1 << random.Next() % 5);
  MakeLabels(target, pod);
}

void KubernetesLoad::MakeLabels(int64_t target, Pod* pod) const {
  const auto number = static_cast<uint64_t>(pod->number);
  const std::string app = "service-" + Number(pod->number / 5);
  const std::string name =
      app + "-" + Suffix(Mix(options_.seed, 5, number / 5, 0), 9) + "-" +
      Suffix(Mix(options_.seed, 6, number, static_cast<uint64_t>(pod->incarnation)), 5);
  const std::string node = "node-" + Number(pod->number % kNodes);
  const bool is_state = target == kNodes;
  const Pairs base{{"cluster", "production-1"},
                   {"container", "app"},
                   {"instance", is_state ? "kube-state-metrics.kube-system.svc:8080"
                                         : "10.0." + Number(pod->number % kNodes) + ".10:10250"},
                   {"namespace", "team-" + Number(pod->number / 5 % kNamespaces)},
                   {"node", node},
                   {"pod", name}};
  std::vector<std::string>& labels = pod->labels;
  labels.clear();
  const auto add = [&](std::string_view metric, Pairs more) {
    more.insert(more.end(), base.begin(), base.end());
    labels.push_back(SortedLabels(metric, std::move(more)));
  };
  if (is_state) {
    const std::string job = "kube-state-metrics";
    add("kube_pod_container_resource_limits",
        {{"job", job}, {"resource", "memory"}, {"unit", "byte"}});
    add("kube_pod_info", {{"job", job}, {"created_by_kind", "ReplicaSet"}});
    add("kube_pod_container_status_restarts_total", {{"job", job}});
  } else {
    add("container_cpu_usage_seconds_total", {{"job", "kubelet"}, {"image", "app:v1"}});
    add("container_memory_working_set_bytes", {{"job", "kubelet"}, {"image", "app:v1"}});
    add("container_network_receive_bytes_total", {{"job", "kubelet"}, {"interface", "eth0"}});
    add("container_network_transmit_bytes_total", {{"job", "kubelet"}, {"interface", "eth0"}});
    add("http_requests_total", {{"job", "apps"}, {"method", "GET"}, {"code", "200"}});
    for (const char* const bound : kBounds) {
      add("http_request_duration_seconds_bucket", {{"job", "apps"}, {"le", bound}});
    }
    add("http_request_duration_seconds_count", {{"job", "apps"}});
    add("http_request_duration_seconds_sum", {{"job", "apps"}});
  }
  labels.resize(static_cast<size_t>(pod->series_count));
}

void KubernetesLoad::Add(const Pod& pod, int series, int64_t time_ms, double value) {
  if (series >= pod.series_count) return;
  pending_.push_back({pod.labels[static_cast<size_t>(series)], time_ms, value});
}

void KubernetesLoad::Observe(Pod* pod) {
  Random& random = pod->random;
  const double mean = pod->requests_per_scrape;
  const double noisy = mean + std::sqrt(mean) * random.Normal();
  auto left = static_cast<uint64_t>(std::max(0.0, std::floor(noisy + random.Uniform())));
  const auto requests = static_cast<double>(left);
  for (size_t i = 0; i < kBuckets && left > 0; ++i) {
    const double share = pod->bucket_share[i];
    const double expected = static_cast<double>(left) * share;
    const double drawn = expected + std::sqrt(expected * (1 - share)) * random.Normal();
    const auto count =
        std::min(left, static_cast<uint64_t>(std::max(0.0, std::floor(drawn + random.Uniform()))));
    pod->observed[i] += count;
    left -= count;
    pod->observed_seconds +=
        static_cast<double>(count) * kBoundSeconds[i] * (0.5 + 0.3 * random.Uniform());
  }
  // What the draws left over was slow.
  pod->observed[kBuckets - 1] += left;
  pod->received_bytes += static_cast<uint64_t>(requests * (1'000 + 1'000 * random.Uniform()));
  pod->sent_bytes += static_cast<uint64_t>(requests * (4'000 + 4'000 * random.Uniform()));
}

void KubernetesLoad::ScrapeNode(int64_t time_ms, Pod* pod) {
  Random& random = pod->random;
  const double seconds = static_cast<double>(options_.interval_ms) / 1000;
  pod->cpu_ns +=
      static_cast<uint64_t>(pod->cpu_cores * seconds * 1e9 * (0.8 + 0.4 * random.Uniform()));
  if (random.Chance(0.4)) {
    const auto change = static_cast<int64_t>(random.Next() % 64) - 31;
    pod->memory_pages = static_cast<uint64_t>(
        std::max<int64_t>(1'000, static_cast<int64_t>(pod->memory_pages) + change));
  }
  Observe(pod);
  int series = 0;
  Add(*pod, series++, time_ms, static_cast<double>(pod->cpu_ns) / 1e9);
  Add(*pod, series++, time_ms, static_cast<double>(pod->memory_pages) * kPageBytes);
  Add(*pod, series++, time_ms, static_cast<double>(pod->received_bytes));
  Add(*pod, series++, time_ms, static_cast<double>(pod->sent_bytes));
  uint64_t total = 0;
  for (const uint64_t count : pod->observed) total += count;
  Add(*pod, series++, time_ms, static_cast<double>(total));
  uint64_t below = 0;
  for (const uint64_t count : pod->observed) {
    below += count;
    Add(*pod, series++, time_ms, static_cast<double>(below));
  }
  Add(*pod, series++, time_ms, static_cast<double>(total));
  Add(*pod, series++, time_ms, pod->observed_seconds);
}

void KubernetesLoad::ScrapeState(int64_t time_ms, Pod* pod) {
  if (pod->random.Chance(1e-4)) ++pod->restarts;
  Add(*pod, 0, time_ms, pod->memory_limit);
  Add(*pod, 1, time_ms, 1);
  Add(*pod, 2, time_ms, static_cast<double>(pod->restarts));
}

void KubernetesLoad::Scrape(int64_t round, Target* target) {
  int64_t time_ms = options_.start_ms + round * options_.interval_ms + target->offset_ms;
  if (target->random.Chance(kScrapeJitterChance)) {
    time_ms += 3 + static_cast<int64_t>(target->random.Next() % 6);
  }
  for (Pod& pod : target->pods) {
    const int64_t incarnation = IncarnationAt(pod.number, time_ms);
    if (incarnation != pod.incarnation) {
      const auto stale = std::bit_cast<double>(kStaleBits);
      for (int i = 0; i < pod.series_count; ++i) Add(pod, i, time_ms, stale);
      retired_.push_back(std::move(pod.labels));
      Start(target->index, incarnation, &pod);
    }
    if (target->index == kNodes) {
      ScrapeState(time_ms, &pod);
    } else {
      ScrapeNode(time_ms, &pod);
    }
  }
}

void KubernetesLoad::Next(std::vector<LoadSample>* samples) {
  samples->clear();
  const auto batch = static_cast<size_t>(options_.batch);
  // What is left over still shows labels in `retired_`, so these go only when nothing is.
  if (next_pending_ == pending_.size()) {
    pending_.clear();
    retired_.clear();
    next_pending_ = 0;
  }
  while (pending_.size() - next_pending_ < batch && round_ < rounds_ && !targets_.empty()) {
    if (next_pending_ > 0) {
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(next_pending_));
      next_pending_ = 0;
    }
    Scrape(round_, &targets_[next_target_]);
    if (++next_target_ == targets_.size()) {
      next_target_ = 0;
      ++round_;
    }
  }
  const size_t count = std::min(batch, pending_.size() - next_pending_);
  samples->assign(pending_.begin() + static_cast<ptrdiff_t>(next_pending_),
                  pending_.begin() + static_cast<ptrdiff_t>(next_pending_ + count));
  next_pending_ += count;
}

}  // namespace larnax::load
