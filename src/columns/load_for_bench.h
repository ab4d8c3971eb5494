#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "columns/file_for_test.h"

namespace larnax::columns {

/// What a synthetic Kubernetes-like load looks like.
struct LoadShape {
  int series = 22'000;
  int64_t rows = 240;  ///< Per series.
  int label_columns = 9;
  int64_t step_ms = 15'000;
  int targets = 120;  ///< Scraped endpoints; series of one share their scrape times.
};

/// Make the times of one target: every `step_ms`, one scrape in ten some milliseconds off.
inline std::vector<int64_t> TargetTimes(const LoadShape& shape, int target) {
  TestRandom random(1000 + static_cast<uint64_t>(target));
  std::vector<int64_t> times;
  const int64_t start = 1'763'769'600'000 + random.Below(shape.step_ms);
  for (int64_t i = 0; i < shape.rows; ++i) {
    times.push_back(start + i * shape.step_ms + (random.OneIn(10) ? random.Below(9) : 0));
  }
  return times;
}

/// Kinds of series, by how their values go.
enum class LoadKind { kBucket, kSeconds, kBytes, kGauge, kConstant };

inline std::vector<double> LoadValues(LoadKind kind, int64_t rows, TestRandom* random) {
  std::vector<double> values;
  const double busy = static_cast<double>(random->Below(1000)) / 1000;
  double value = static_cast<double>(random->Below(1'000'000));
  if (kind == LoadKind::kConstant) value = static_cast<double>(random->Below(3));
  for (int64_t i = 0; i < rows; ++i) {
    const double noise = static_cast<double>(random->Below(1 << 20)) / (1 << 20);
    switch (kind) {
      case LoadKind::kBucket:  // Most buckets stand still most of the time.
        if (noise < busy * busy * busy) value += 1 + static_cast<double>(random->Below(4));
        break;
      case LoadKind::kSeconds:  // CPU seconds: every bit of the mantissa moves.
        value += busy * 15 * (0.9 + 0.2 * noise);
        break;
      case LoadKind::kBytes:
        value += std::floor(busy * 100'000 * noise);
        break;
      case LoadKind::kGauge:  // Memory in pages, walking at random.
        if (noise < 0.5) value = std::max(0.0, value + 4096 * std::floor(20 * noise - 5));
        break;
      case LoadKind::kConstant:
        break;
    }
    values.push_back(value);
  }
  return values;
}

/// Make the whole load in file order; 60% histogram buckets, as in a real cluster.
inline std::vector<TestSeries> MakeLoad(const LoadShape& shape) {
  struct Family {
    const char* name;
    LoadKind kind;
    int percent;
  };
  static const std::vector<Family> kFamilies = {
      {"apiserver_request_duration_seconds_bucket", LoadKind::kBucket, 40},
      {"etcd_request_duration_seconds_bucket", LoadKind::kBucket, 14},
      {"container_cpu_usage_seconds_total", LoadKind::kSeconds, 5},
      {"container_memory_working_set_bytes", LoadKind::kGauge, 5},
      {"container_network_receive_bytes_total", LoadKind::kBytes, 5},
      {"container_network_transmit_bytes_total", LoadKind::kBytes, 5},
      {"kube_pod_status_phase", LoadKind::kConstant, 9},
      {"kube_pod_labels", LoadKind::kConstant, 5},
      {"node_cpu_seconds_total", LoadKind::kSeconds, 4},
      {"node_filesystem_avail_bytes", LoadKind::kGauge, 4},
      {"workqueue_depth", LoadKind::kConstant, 4}};
  static const char* kBounds[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                  "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
  std::vector<std::vector<int64_t>> times;
  for (int target = 0; target < shape.targets; ++target)
    times.push_back(TargetTimes(shape, target));
  TestRandom random(1);
  std::vector<TestSeries> load;
  for (size_t f = 0; f < kFamilies.size(); ++f) {
    const Family& family = kFamilies[f];
    const int count = shape.series * family.percent / 100;
    for (int i = 0; i < count; ++i) {
      const int pod = family.kind == LoadKind::kBucket ? i / 48 : i;
      const int target = pod % shape.targets;
      std::vector<std::pair<std::string, std::string>> pairs = {
          {"__name__", family.name},
          {"job", f < 2 ? "apiserver" : (f < 6 ? "cadvisor" : "kube-state-metrics")},
          {"instance",
           "10.0." + std::to_string(target / 16) + "." + std::to_string(target) + ":8080"},
          {"namespace", "team-" + std::to_string(pod % 20)},
          {"pod", "service-" + std::to_string(pod % 97) + "-" +
                      std::to_string(0x9E3779B9u * static_cast<unsigned>(pod + 1))},
          {"node", "node-" + std::to_string(target)}};
      if (family.kind == LoadKind::kBucket) {
        pairs.emplace_back("le", kBounds[i % 12]);
        pairs.emplace_back("verb",
                           std::vector<std::string>{"GET", "LIST", "PUT",
                                                    "POST"}[static_cast<size_t>(i / 12 % 4)]);
      } else {
        pairs.emplace_back("container", "c" + std::to_string(i % 5));
        pairs.emplace_back("uid",
                           std::to_string(0x9E3779B97F4A7C15u * static_cast<uint64_t>(pod + 7)));
      }
      for (int k = 0; k < 4 && shape.label_columns > 9; ++k) {
        const int extra = (static_cast<int>(f) * 4 + k + i % 7 * 31) % (shape.label_columns - 9);
        pairs.emplace_back("label_extra_" + std::to_string(extra), "x" + std::to_string(pod % 11));
      }
      TestSeries one;
      std::sort(pairs.begin(), pairs.end());
      const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
      pairs.erase(std::unique(pairs.begin(), pairs.end(), same), pairs.end());
      one.labels = MakeLabels(std::move(pairs));
      one.time_ms = times[static_cast<size_t>(target)];
      one.value = LoadValues(family.kind, shape.rows, &random);
      load.push_back(std::move(one));
    }
  }
  SortForFile(&load);
  return load;
}

}  // namespace larnax::columns
