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
  /// Turn what a message or the log says into an entry.
  static MetricMetadata EntryOf(const head::TypedMetadata& metadata);
  /// Tell whether exactly this is known already, so that it need not be logged again.
  bool Knows(const MetricMetadata& entry) const;
  void Learn(MetricMetadata entry);
  /// Metadata of one metric, or of all where `metric` is empty; sorted by metric, newest last.
  std::vector<MetricMetadata> Find(std::string_view metric) const;

 private:
  bool KnowsLocked(const MetricMetadata& entry) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<MetricMetadata>, std::less<>> by_metric_;
};

}  // namespace larnax::db
