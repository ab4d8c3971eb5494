#include "db/metadata_catalog.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "store/write/metadata_merge.h"

namespace larnax::db {
namespace {

// Several senders may differ about a metric; a hostile one must not fill memory.
constexpr size_t kMostPerMetric = 16;
constexpr int64_t kDayMs = 86'400'000;

size_t BytesOf(const MetricMetadata& entry) {
  return sizeof(entry) + 2 * entry.metric.size() + entry.type.size() + entry.help.size() +
         entry.unit.size();
}

std::string TypeName(uint8_t type) {
  constexpr auto kLast = static_cast<uint8_t>(wire::MetricType::kStateset);
  return wire::MetricTypeName(static_cast<wire::MetricType>(std::min(type, kLast)));
}

columns::MetadataRow RowOf(const MetricMetadata& entry) {
  return {.metric = entry.metric,
          .type = entry.type,
          .help = entry.help,
          .unit = entry.unit,
          .first_seen_ms = entry.first_seen_ms,
          .last_seen_ms = entry.last_seen_ms};
}

}  // namespace

MetricMetadata MetadataCatalog::EntryOf(const wire::DecodedMetadata& metadata, int64_t seen_ms) {
  return {.metric = std::string(metadata.metric),
          .type = wire::MetricTypeName(metadata.type),
          .help = std::string(metadata.help),
          .unit = std::string(metadata.unit),
          .first_seen_ms = seen_ms,
          .last_seen_ms = seen_ms};
}

MetricMetadata MetadataCatalog::EntryOf(const head::MetadataNews& news) {
  return {.metric = news.metric,
          .type = TypeName(news.type),
          .help = news.help,
          .unit = news.unit,
          .first_seen_ms = news.seen_ms,
          .last_seen_ms = news.seen_ms};
}

MetadataCatalog::Entry* MetadataCatalog::FindLocked(const MetricMetadata& entry) {
  const auto found = by_metric_.find(entry.metric);
  if (found == by_metric_.end()) return nullptr;
  for (Entry& each : found->second) {
    const MetricMetadata& known = each.metadata;
    if (known.type == entry.type && known.help == entry.help && known.unit == entry.unit) {
      return &each;
    }
  }
  return nullptr;
}

MetricMetadata MetadataCatalog::EntryOf(columns::MetadataRow row) {
  return {.metric = std::move(row.metric),
          .type = std::move(row.type),
          .help = std::move(row.help),
          .unit = std::move(row.unit),
          .first_seen_ms = row.first_seen_ms,
          .last_seen_ms = row.last_seen_ms};
}

bool MetadataCatalog::NoteSeen(const MetricMetadata& entry) {
  const std::lock_guard lock(mutex_);
  Entry* const known = FindLocked(entry);
  if (known == nullptr) return false;
  known->metadata.last_seen_ms = std::max(known->metadata.last_seen_ms, entry.last_seen_ms);
  return true;
}

void MetadataCatalog::Learn(MetricMetadata entry) {
  const std::lock_guard lock(mutex_);
  if (Entry* const known = FindLocked(entry); known != nullptr) {
    MetricMetadata& metadata = known->metadata;
    metadata.first_seen_ms = std::min(metadata.first_seen_ms, entry.first_seen_ms);
    metadata.last_seen_ms = std::max(metadata.last_seen_ms, entry.last_seen_ms);
    return;
  }
  std::vector<Entry>& known = by_metric_[entry.metric];
  if (known.size() == kMostPerMetric) {
    bytes_ -= BytesOf(known.front().metadata);
    --entries_;
    known.erase(known.begin());
    is_complete_ = false;
  }
  bytes_ += BytesOf(entry);
  ++entries_;
  const int64_t last_ms = entry.last_seen_ms;
  known.push_back({.metadata = std::move(entry), .stored_last_ms = last_ms});
  if (entries_ > most_entries_ || bytes_ > most_bytes_) EvictLocked();
}

void MetadataCatalog::EvictLocked() {
  std::vector<int64_t> seen;
  seen.reserve(entries_);
  for (const auto& [metric, known] : by_metric_) {
    for (const Entry& entry : known) seen.push_back(entry.metadata.last_seen_ms);
  }
  const auto quarter = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 4);
  std::nth_element(seen.begin(), quarter, seen.end());
  size_t left = seen.size() / 4 + 1;  // Many may have been seen at the same time.
  for (auto at = by_metric_.begin(); at != by_metric_.end();) {
    std::erase_if(at->second, [&](const Entry& entry) {
      if (left == 0 || entry.metadata.last_seen_ms > *quarter) return false;
      --left;
      --entries_;
      bytes_ -= BytesOf(entry.metadata);
      return true;
    });
    at = at->second.empty() ? by_metric_.erase(at) : std::next(at);
  }
  is_complete_ = false;
}

void MetadataCatalog::SetIncomplete() {
  const std::lock_guard lock(mutex_);
  is_complete_ = false;
}

bool MetadataCatalog::is_complete() const {
  const std::lock_guard lock(mutex_);
  return is_complete_;
}

std::vector<MetricMetadata> MetadataCatalog::Find(std::string_view metric) const {
  std::vector<MetricMetadata> found;
  {
    const std::lock_guard lock(mutex_);
    const auto first = metric.empty() ? by_metric_.begin() : by_metric_.find(metric);
    for (auto at = first; at != by_metric_.end(); ++at) {
      if (!metric.empty() && at->first != metric) break;
      for (const Entry& entry : at->second) found.push_back(entry.metadata);
    }
  }
  SortMetadata(&found);
  return found;
}

std::vector<columns::MetadataRow> MetadataCatalog::RowsFor(const head::Generation& generation) {
  std::vector<columns::MetadataRow> rows;
  {
    const std::lock_guard lock(mutex_);
    for (const head::MetadataNews& news : generation.metadata()) {
      MetricMetadata entry = EntryOf(news);
      if (Entry* const known = FindLocked(entry); known != nullptr) {
        entry.last_seen_ms = std::max(entry.last_seen_ms, known->metadata.last_seen_ms);
        known->stored_last_ms = entry.last_seen_ms;
      }
      rows.push_back(RowOf(entry));
    }
    for (auto& [metric, known] : by_metric_) {
      for (Entry& entry : known) {
        if (entry.metadata.last_seen_ms < entry.stored_last_ms + kDayMs) continue;
        entry.stored_last_ms = entry.metadata.last_seen_ms;
        rows.push_back(RowOf(entry.metadata));
      }
    }
  }
  store::MergeMetadataRows(&rows);
  return rows;
}

void SortMetadata(std::vector<MetricMetadata>* entries) {
  std::stable_sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) {
    return std::tie(a.metric, a.last_seen_ms) < std::tie(b.metric, b.last_seen_ms);
  });
}

}  // namespace larnax::db
