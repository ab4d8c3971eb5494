#include "db/metadata_catalog.h"

#include <algorithm>
#include <utility>

#include "wire/write_request.h"

namespace larnax::db {
namespace {

// Several senders may differ about a metric; a hostile one must not fill memory.
constexpr size_t kMostPerMetric = 16;

}  // namespace

bool MetadataCatalog::Learn(const head::TypedMetadata& metadata) {
  constexpr auto kLast = static_cast<uint8_t>(wire::MetricType::kStateset);
  const auto type = static_cast<wire::MetricType>(std::min(metadata.type, kLast));
  MetricMetadata entry{.metric = std::string(metadata.metric),
                       .type = wire::MetricTypeName(type),
                       .help = std::string(metadata.help),
                       .unit = std::string(metadata.unit)};
  const std::lock_guard lock(mutex_);
  std::vector<MetricMetadata>& known = by_metric_[entry.metric];
  const bool is_known = std::any_of(known.begin(), known.end(), [&](const MetricMetadata& each) {
    return each.type == entry.type && each.help == entry.help && each.unit == entry.unit;
  });
  if (is_known) return false;
  if (known.size() == kMostPerMetric) known.erase(known.begin());
  known.push_back(std::move(entry));
  return true;
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
