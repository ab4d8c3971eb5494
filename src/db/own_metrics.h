#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "columns/read/page_cache.h"
#include "db/counters.h"
#include "larnax/database.h"

namespace larnax::db {

/// One value of a metric that Larnax tells about itself or its machine.
struct OwnMetric {
  std::string name;
  std::string_view type;  ///< `counter` or `gauge`.
  std::string_view help;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

/// What a database tells besides its counters.
struct OwnState {
  DatabaseStatus status;
  int64_t head_memory_bytes = 0;
  columns::PageCacheStats page_cache;
};

/// Collect the metrics of a database and its process; values of one metric stand together.
std::vector<OwnMetric> CollectOwnMetrics(const Counters& counters, const OwnState& state);

/// Collect a few metrics of the machine, named as node_exporter names them; none where the
/// operating system does not tell.
std::vector<OwnMetric> CollectMachineMetrics();

/// Print metrics in Prometheus' text format.
std::string MetricsToText(const std::vector<OwnMetric>& metrics);

/// Build a remote write 1.0 message of them, all at one time, with `job` and `instance`.
std::string MetricsToWriteRequest(const std::vector<OwnMetric>& metrics, std::string_view job,
                                  std::string_view instance, int64_t time_ms);

}  // namespace larnax::db
