#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "columns/write/samples_writer.h"
#include "io/file_system.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// What was said of a metric, and when: one row of the table `metadata`.
struct MetadataRow {
  std::string metric;
  std::string type;  ///< `counter`, `gauge`, `histogram`, ... as Prometheus names them.
  std::string help;
  std::string unit;
  int64_t first_seen_ms = 0;
  int64_t last_seen_ms = 0;

  friend auto operator<=>(const MetadataRow&, const MetadataRow&) = default;
};

/// Write a file of the table `metadata`; it has no index. Syncs and closes the file.
///
/// \param rows     Strictly ascending by metric, type, help, unit (one row for each): as
///                 `operator<=>` orders them. Strings are UTF-8.
/// \param options  Used are `tier` and `key_values`.
/// \return         `series` and all about the index is 0; `min_time_ms` is the smallest
///                 `first_seen_ms`, `max_time_ms` the largest `last_seen_ms`.
/// \retval Invalid Rows are not in order, not in [kMinTimeMs, kMaxTimeMs], or seen last before
///                 first; or more than 1 Mi rows or 512 MiB of text.
arrow::Result<FileSummary> WriteMetadataFile(io::FileSystem& fs, const std::string& path,
                                             std::span<const MetadataRow> rows,
                                             const WriterOptions& options);

/// Read all rows of a file of the table `metadata`, in their order.
///
/// \param footer_bytes  FileSummary::data_footer_bytes, which saves a read; 0: unknown.
/// \param footer_crc32c  Of the same place; nullopt: a damaged footer may go unnoticed.
/// \retval kCorrupt Bytes do not match their checksum or format, or rows are out of order; the
///                  message names file and offset.
arrow::Result<std::vector<MetadataRow>> ReadMetadataFile(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes = 0,
    std::optional<uint32_t> footer_crc32c = std::nullopt);

}  // namespace larnax::columns
