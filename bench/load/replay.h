#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "bench/load/kubernetes_load.h"
#include "bench/load/scrape_file.h"
#include "wire/write_request.h"

namespace larnax::load {

/// Turn scrapes into samples as a scraping Prometheus does: each sample has its scrape's time,
/// each series the labels of the target, and a series that is missing from a scrape gets a stale
/// marker at its time.
class ReplayedTarget {
 public:
  explicit ReplayedTarget(std::vector<std::pair<std::string, std::string>> labels)
      : labels_(std::move(labels)) {}

  /// Append the samples of the next scrape. What they borrow lives as long as this.
  /// \retval kBadSample The text cannot be parsed.
  arrow::Status Add(const Scrape& scrape, int64_t time_ms, std::vector<LoadSample>* samples);

 private:
  struct Series {
    std::string labels;  // With those of the target, sorted.
    int64_t last_round = 0;
    bool alive = false;
  };
  arrow::Result<Series*> Find(const wire::DecodedSeries& decoded);

  std::vector<std::pair<std::string, std::string>> labels_;
  wire::WriteRequest request_;
  std::unordered_map<std::string, std::unique_ptr<Series>> series_;  // By scraped label bytes.
  std::vector<Series*> alive_;
  int64_t round_ = 0;
};

}  // namespace larnax::load
