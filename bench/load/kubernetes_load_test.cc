#include "bench/load/kubernetes_load.h"

#include <bit>
#include <map>
#include <set>
#include <string>

#include "larnax/samples.h"
#include "test/matchers.h"
#include "wire/label_bytes.h"

namespace larnax::load {
namespace {

struct Row {
  std::string labels;
  int64_t time_ms;
  uint64_t bits;
  friend bool operator==(const Row&, const Row&) = default;
};

std::vector<std::vector<Row>> AllRequests(const LoadOptions& options, int64_t shard) {
  KubernetesLoad load(options, shard);
  std::vector<std::vector<Row>> requests;
  std::vector<LoadSample> samples;
  for (load.Next(&samples); !samples.empty(); load.Next(&samples)) {
    std::vector<Row>& rows = requests.emplace_back();
    for (const LoadSample& sample : samples) {
      rows.push_back(
          {std::string(sample.labels), sample.time_ms, std::bit_cast<uint64_t>(sample.value)});
    }
  }
  return requests;
}

LoadOptions SmallLoad() {
  LoadOptions options;
  options.series = 1000;
  options.span_ms = 150'000;
  options.start_ms = 1'790'000'000'000;
  options.batch = 300;
  return options;
}

TEST(KubernetesLoad, IsAPureFunctionOfItsOptions) {
  LoadOptions options = SmallLoad();
  options.churn_per_hour = 5;
  EXPECT_EQ(AllRequests(options, 0), AllRequests(options, 0));
  LoadOptions other = options;
  other.seed = 2;
  EXPECT_NE(AllRequests(options, 0), AllRequests(other, 0));
}

TEST(KubernetesLoad, HasTheAskedSeriesAndSamples) {
  const LoadOptions options = SmallLoad();
  std::set<std::string> series;
  size_t samples = 0;
  for (const int64_t shard : {0, 1}) {
    const auto requests = AllRequests(options, shard);
    for (size_t i = 0; i < requests.size(); ++i) {
      const bool is_last = i + 1 == requests.size();
      EXPECT_TRUE(requests[i].size() == 300 || is_last);
      for (const Row& row : requests[i]) {
        series.insert(row.labels);
        EXPECT_TRUE(wire::IsCanonical(row.labels));
        ++samples;
      }
    }
  }
  EXPECT_EQ(series.size(), 1000);
  EXPECT_EQ(samples, 10'000);
}

TEST(KubernetesLoad, KeepsTimeOrderAndSharesScrapeTimes) {
  std::map<std::string, int64_t> last;
  std::set<int64_t> times;
  for (const auto& request : AllRequests(SmallLoad(), 0)) {
    for (const Row& row : request) {
      const auto [at, is_new] = last.try_emplace(row.labels, row.time_ms);
      if (!is_new) {
        EXPECT_GT(row.time_ms, at->second);
        at->second = row.time_ms;
      }
      times.insert(row.time_ms);
    }
  }
  // 13 targets of this shard, 10 scrapes each.
  EXPECT_LE(times.size(), 130);
  EXPECT_GE(times.size(), 120);
}

TEST(KubernetesLoad, EndsReplacedSeriesWithStaleMarkers) {
  LoadOptions options = SmallLoad();
  options.churn_per_hour = 6;  // A quarter of the pods in 150 s.
  std::map<std::string, bool> stale;
  for (const auto& request : AllRequests(options, 0)) {
    for (const Row& row : request) {
      const auto [at, is_new] = stale.try_emplace(row.labels, false);
      EXPECT_FALSE(at->second) << "a sample after the stale marker";
      at->second = row.bits == kStaleBits;
    }
  }
  size_t ended = 0;
  for (const auto& [labels, is_stale] : stale) ended += is_stale ? 1 : 0;
  EXPECT_GT(ended, 50);
  EXPECT_LT(ended, stale.size() / 2);
}

TEST(KubernetesLoad, HistogramsAreCumulative) {
  uint64_t below = 0;
  std::string series;
  for (const auto& request : AllRequests(SmallLoad(), 0)) {
    for (const Row& row : request) {
      const LabelsView labels{row.labels};
      const auto value = static_cast<uint64_t>(std::bit_cast<double>(row.bits));
      if (labels.metric() != "http_request_duration_seconds_bucket") continue;
      if (labels.Get("le") == "0.005") below = 0;
      EXPECT_GE(value, below) << labels.ToString();
      below = value;
    }
  }
}

}  // namespace
}  // namespace larnax::load
