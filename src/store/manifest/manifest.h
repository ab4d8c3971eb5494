#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/column_registry.h"
#include "head/log.h"
#include "larnax/samples.h"

namespace larnax::store {

/// Level of the one run that a day becomes when it is over.
inline constexpr int kDayLevel = 3;

/// A live data file and its index, as the manifest lists them.
struct FileEntry {
  std::string table;  ///< One of kDayTables.
  std::string name;   ///< Without folder and suffix; see archive_layout.h.
  int64_t day = 0;    ///< Since 1970-01-01, UTC; every sample of the file lies in it.
  int level = 0;      ///< 0: one flush; 1, 2: merged; kDayLevel: the day's own.
  int64_t bytes = 0;
  int64_t series_bytes = 0;
  int64_t rows = 0;
  int64_t series = 0;
  int64_t min_time_ms = 0;
  int64_t max_time_ms = 0;
  std::string min_metric;
  std::string max_metric;
  int64_t min_sequence = 0;  ///< Of the flushes that it holds.
  int64_t max_sequence = 0;
  int64_t footer_bytes = 0;
  int64_t series_footer_bytes = 0;
  uint32_t footer_crc32c = 0;
  uint32_t series_footer_crc32c = 0;
  int64_t created_ms = 0;

  TimeRange time_range() const { return {.start_ms = min_time_ms, .end_ms = max_time_ms}; }
  friend bool operator==(const FileEntry&, const FileEntry&) = default;
};

/// A live file of the table `metadata`, which has no days.
struct MetadataEntry {
  std::string name;
  int64_t bytes = 0;
  int64_t rows = 0;
  int64_t min_sequence = 0;  ///< Of the flushes that it holds.
  int64_t max_sequence = 0;
  int64_t footer_bytes = 0;
  uint32_t footer_crc32c = 0;
  int64_t created_ms = 0;

  friend bool operator==(const MetadataEntry&, const MetadataEntry&) = default;
};

/// An immutable list of files of one month, kept outside the root manifest.
struct MonthEntry {
  std::string table;
  std::string month;  ///< `2026-09`.
  std::string path;   ///< Below the root.
  int64_t files = 0;
  int64_t rows = 0;
  int64_t bytes = 0;    ///< Of the data files and their indexes.
  uint32_t crc32c = 0;  ///< Of the whole file at `path`.

  friend bool operator==(const MonthEntry&, const MonthEntry&) = default;
};

/// Samples that were deleted: those of sequences below `sequence` that match.
struct Tombstone {
  int64_t sequence = 0;
  std::string selector;
  int64_t min_time_ms = 0;
  int64_t max_time_ms = 0;

  friend bool operator==(const Tombstone&, const Tombstone&) = default;
};

/// A root manifest: the whole state of an archive but for the files by month.
struct Manifest {
  int64_t format_version = 1;
  std::vector<std::string> required_features;
  std::string writer;                    ///< Software and version, for people.
  std::string archive_id;                ///< Made when the archive was.
  int64_t epoch = 0;                     ///< Grows with every opening for writing.
  int64_t number = 0;                    ///< Of this manifest.
  head::LogPosition wal_position;        ///< Log before it is in files.
  head::LogPosition typed_wal_position;  ///< Of the second log that archives had once; unused.
  int64_t next_sequence = 1;
  std::optional<int64_t> sealed_through;  ///< Day; up to it every day is one level-3 file.
  std::vector<columns::ColumnName> columns;
  std::vector<Tombstone> tombstones;
  std::vector<FileEntry> files;         ///< Those that no month lists.
  std::vector<MetadataEntry> metadata;  ///< Ascending by sequence.
  std::vector<MonthEntry> months;
};

/// Encode a root manifest: JSON, one file a line, its checksum on the last line.
std::string EncodeManifest(const Manifest& manifest);
/// Decode and check everything but `months`' files.
///
/// \param path  Named in errors.
/// \retval kCorrupt     Not a manifest; the message names file and field.
/// \retval kUnsupported A newer format version, or a required feature that is not known.
arrow::Result<Manifest> DecodeManifest(std::string_view text, const std::string& path);

/// Encode the files of one month.
std::string EncodeMonth(std::string_view table, std::string_view month,
                        const std::vector<const FileEntry*>& files);
/// Decode and check a month's files. \retval kCorrupt As for DecodeManifest.
arrow::Result<std::vector<FileEntry>> DecodeMonth(std::string_view text, const MonthEntry& month);

/// The month of a day: `2026-09`.
std::string MonthOf(int64_t day);

}  // namespace larnax::store
