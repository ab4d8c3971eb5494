#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "columns/write/metadata_file.h"
#include "head/generation.h"
#include "larnax/database.h"
#include "wire/write_request.h"

namespace larnax::db {

/// What senders said of metrics lately: type, help and unit by metric name, and when. Of many
/// thousands only those seen last are known; the table `metadata` has all. Thread-safe.
class MetadataCatalog {
 public:
  /// \param most_entries, most_bytes  Above either, the quarter not seen for longest is forgotten.
  explicit MetadataCatalog(size_t most_entries = 128 << 10, size_t most_bytes = 64 << 20)
      : most_entries_(most_entries), most_bytes_(most_bytes) {}

  /// Turn what a message, the head or a file says into an entry.
  static MetricMetadata EntryOf(const wire::DecodedMetadata& metadata, int64_t seen_ms);
  static MetricMetadata EntryOf(const head::MetadataNews& news);
  static MetricMetadata EntryOf(columns::MetadataRow row);

  /// Take note that this was said again. \return False: it is news, and to be stored.
  bool NoteSeen(const MetricMetadata& entry);
  /// Take in what is stored, or is on its way there.
  void Learn(MetricMetadata entry);
  /// Take note that not all that is stored was learned.
  void SetIncomplete();
  /// Tell whether everything that was ever stored is known here.
  bool is_complete() const;
  /// Metadata of one metric, or of all where `metric` is empty; sorted by metric, newest last.
  std::vector<MetricMetadata> Find(std::string_view metric) const;

  /// Give the rows to be stored along with a generation: its news, and what was seen again long
  /// after that was stored last.
  std::vector<columns::MetadataRow> RowsFor(const head::Generation& generation);

 private:
  struct Entry {
    MetricMetadata metadata;
    int64_t stored_last_ms = 0;  // `last_seen_ms` of the table.
  };
  Entry* FindLocked(const MetricMetadata& entry);
  void EvictLocked();

  const size_t most_entries_;
  const size_t most_bytes_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::map<std::string, std::vector<Entry>, std::less<>> by_metric_;
  size_t entries_ = 0;
  size_t bytes_ = 0;
  bool is_complete_ = true;
};

/// Sort entries by metric, those of one metric by when they were seen last.
void SortMetadata(std::vector<MetricMetadata>* entries);

}  // namespace larnax::db
