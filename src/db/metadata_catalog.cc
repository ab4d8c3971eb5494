#include "db/metadata_catalog.h"

#include <algorithm>
#include <utility>

#include "wire/write_request.h"

namespace larnax::db {
namespace {

// Several senders may differ about a metric; a hostile one must not fill memory.
constexpr size_t kMostPerMetric = 16;

}  // namespace

MetricMetadata MetadataCatalog::EntryOf(const head::TypedMetadata& metadata) {
  constexpr auto kLast = static_cast<uint8_t>(wire::MetricType::kStateset);
  const auto type = static_cast<wire::MetricType>(std::min(metadata.type, kLast));
  return {.metric = std::string(metadata.metric),
          .type = wire::MetricTypeName(type),
          .help = std::string(metadata.help),
          .unit = std::string(metadata.unit)};
}

bool MetadataCatalog::Knows(const MetricMetadata& entry) const {
  const std::lock_guard lock(mutex_);
  return KnowsLocked(entry);
}

bool MetadataCatalog::KnowsLocked(const MetricMetadata& entry) const {
  const auto found = by_metric_.find(entry.metric);
  if (found == by_metric_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const MetricMetadata& each) {
    return each.type == entry.type && each.help == entry.help && each.unit == entry.unit;
  });
}

void MetadataCatalog::Learn(MetricMetadata entry) {
  const std::lock_guard lock(mutex_);
  if (KnowsLocked(entry)) return;
  std::vector<MetricMetadata>& known = by_metric_[entry.metric];
  if (known.size() == kMostPerMetric) known.erase(known.begin());
  known.push_back(std::move(entry));
}

std::vector<MetricMetadata> MetadataCatalog::Find(std::string_view metric) const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricMetadata> found;
  for (const auto& [name, entries] : by_metric_) {
    if (!metric.empty() && name != metric) continue;
    found.insert(found.end(), entries.begin(), entries.end());
  }
  return found;
}

}  // namespace larnax::db
