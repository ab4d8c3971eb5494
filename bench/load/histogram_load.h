#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/kubernetes_load.h"

namespace larnax::load {

/// Native histograms of request times, one series a pod, scraped together: integers of schema 3
/// that only grow, 24 buckets side by side.
class HistogramLoad {
 public:
  /// \param options  `histograms` series; seed, times, interval and batch are those of the floats.
  explicit HistogramLoad(const LoadOptions& options);

  /// Make the samples of the next request: `batch` of them, fewer in the last one, none after it.
  void Next(std::vector<LoadSample>* samples);

 private:
  static constexpr int kBuckets = 24;

  struct Pod {
    std::string labels;
    Random random{0};
    double requests_per_scrape = 0;
    std::array<uint64_t, kBuckets> observed{};
    double observed_seconds = 0;
    std::string message;  // Of its last scrape.
  };

  void Observe(int64_t time_ms, Pod* pod);

  LoadOptions options_;
  std::vector<Pod> pods_;
  int64_t rounds_ = 0;
  int64_t round_ = 0;
  size_t next_pod_ = 0;
};

}  // namespace larnax::load
