#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larnax::load {

/// What load is made. The samples are a pure function of these fields.
struct LoadOptions {
  uint64_t seed = 1;
  int64_t series = 22'000;  ///< At one time; churn adds to it.
  int64_t interval_ms = 15'000;
  int64_t start_ms = 0;
  int64_t span_ms = 3'600'000;
  double churn_per_hour = 0;  ///< How often a pod is replaced in an hour.
  int64_t batch = 2'000;      ///< Samples in a request.
  int64_t shards = 2;         ///< Independent streams; a series stays in one.
  int64_t histograms = 0;     ///< Series of native histograms, in a stream of their own.
};

/// One sample to send; `labels` lives until the next call of KubernetesLoad::Next.
struct LoadSample {
  std::string_view labels;  ///< In the form of larnax::LabelsView.
  int64_t time_ms;
  double value;
  std::string_view histogram = {};  ///< Instead of the value, as wire::EncodeHistogram makes it.
};

/// Fast random numbers that are equal everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    // SplitMix64.
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  /// Mean 0, deviation 1, within +-3.5.
  double Normal() { return (Uniform() + Uniform() + Uniform() + Uniform() - 2) * 1.7320508; }
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  uint64_t state_;
};

/// One shard of a load like that of a Kubernetes cluster: about 22 series a pod, scraped from 24
/// nodes and from one kube-state-metrics, in time order.
///
/// Each scrape has one timestamp for all its series; targets have offsets of their own, and a
/// scrape in twenty comes a few milliseconds off. When a pod is replaced, its series end in stale
/// markers and series with another pod name begin.
class KubernetesLoad {
 public:
  KubernetesLoad(const LoadOptions& options, int64_t shard);

  /// Make the samples of the shard's next request: `batch` of them, fewer in the last request,
  /// none after it.
  void Next(std::vector<LoadSample>* samples);

 private:
  static constexpr int kNodes = 24;
  static constexpr int kBuckets = 12;
  static constexpr int kNodeSeries = 19;  // Of each pod, scraped from its node.
  static constexpr int kStateSeries = 3;  // Of each pod, scraped from kube-state-metrics.

  // What one target knows of one pod.
  struct Pod {
    int64_t number = 0;
    int64_t incarnation = 0;
    int series_count = 0;  // The last pod may have fewer, to make the asked number of series.
    Random random{0};
    std::vector<std::string> labels;
    double requests_per_scrape = 0;
    double cpu_cores = 0;
    std::array<double, kBuckets> bucket_share{};  // Chance of each, given none before.
    uint64_t cpu_ns = 0;
    uint64_t memory_pages = 0;
    uint64_t received_bytes = 0;
    uint64_t sent_bytes = 0;
    uint64_t restarts = 0;
    std::array<uint64_t, kBuckets> observed{};
    double observed_seconds = 0;
    double memory_limit = 0;
  };
  struct Target {
    int64_t index = 0;  // kNodes is kube-state-metrics.
    int64_t offset_ms = 0;
    Random random{0};
    std::vector<Pod> pods;
  };

  void Start(int64_t target, int64_t incarnation, Pod* pod) const;
  void MakeLabels(int64_t target, Pod* pod) const;
  // Appends one scrape of a target to `pending_`.
  void Scrape(int64_t round, Target* target);
  void ScrapeNode(int64_t time_ms, Pod* pod);
  void ScrapeState(int64_t time_ms, Pod* pod);
  void Observe(Pod* pod);
  int64_t IncarnationAt(int64_t pod_number, int64_t time_ms) const;
  void Add(const Pod& pod, int series, int64_t time_ms, double value);

  LoadOptions options_;
  std::vector<Target> targets_;  // By offset.
  int64_t rounds_ = 0;
  int64_t round_ = 0;
  size_t next_target_ = 0;
  std::vector<LoadSample> pending_;
  size_t next_pending_ = 0;
  std::vector<std::vector<std::string>> retired_;  // Labels that `pending_` still shows.
};

}  // namespace larnax::load
