#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "head/typed_record.h"
#include "larnax/database.h"

namespace larnax::db {

/// What senders said of metrics: type, help and unit by metric name. Thread-safe.
class MetadataCatalog {
 public:
  /// Take in what was said; tell whether anything of it was new. What is not new need not be
  /// logged again.
  bool Learn(const head::TypedMetadata& metadata);
  /// Metadata of one metric, or of all where `metric` is empty; sorted by metric, newest last.
  std::vector<MetricMetadata> Find(std::string_view metric) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<MetricMetadata>, std::less<>> by_metric_;
};

}  // namespace larnax::db
