#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "larnax/database.h"

namespace larnax {

/// One column of a table, over all its live files.
struct ColumnUse {
  std::string column;
  std::string label;      ///< The label's true name where it differs from the column's; else empty.
  int64_t bytes = 0;      ///< At rest, compressed.
  int64_t raw_bytes = 0;  ///< The same, before compression.
  int64_t distinct = 0;   ///< Of a label column: its values, counted per file and added up where
                          ///< they differ; 0 for others.
  std::string encodings;
  std::string table = "samples";
};

/// One live file, as the manifest lists it.
struct FileUse {
  std::string path;  ///< Below the archive's root.
  std::string table;
  int level = 0;
  int64_t bytes = 0;
  int64_t series_bytes = 0;
  int64_t rows = 0;
  int64_t series = 0;
  int64_t min_time_ms = 0;
  int64_t max_time_ms = 0;
  /// Why the file or its index cannot be read, with the path; empty: they can. Then all else here
  /// is as the manifest says, and no column counts the file.
  std::string problem = {};
};

struct InspectReport {
  int64_t format_version = 0;
  int64_t manifest = 0;
  int64_t next_sequence = 0;
  int64_t rows = 0;
  int64_t bytes = 0;  ///< Data and series files.
  int64_t wal_bytes = 0;
  std::vector<FileUse> files;
  std::vector<ColumnUse> columns;
  std::vector<std::string> experiments;
};

/// Read manifest and footers of an archive; works while a server writes to it. Files that are lost
/// or damaged are in the report, as `problem` of each.
arrow::Result<InspectReport> InspectArchive(const std::string& path);

struct VerifyReport {
  int64_t files = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t wal_records = 0;
  std::vector<std::string> problems;  ///< Each names a file; empty: all is well.
};

/// Check an archive: every checksum, the order of rows, index and manifest against data, the log.
arrow::Result<VerifyReport> VerifyArchive(const std::string& path, Progress progress = {});

enum class ExportFormat { kParquet, kCsv, kOpenMetrics };
enum class ExportLayout { kSingle, kPerMetric };

struct ExportRequest {
  SelectRequest select;
  ExportFormat format = ExportFormat::kParquet;
  ExportLayout layout = ExportLayout::kSingle;
  /// A file (kSingle) or a folder (kPerMetric); must not exist. It appears whole or not at all:
  /// while it is made it is in the folder `<output>.partial`. Parquet has histograms in a second
  /// file beside each, `<name>-histograms.parquet`.
  std::string output;
};

struct ExportReport {
  int64_t files = 0;
  int64_t series = 0;
  int64_t samples = 0;     ///< Floats and histograms.
  int64_t histograms = 0;  ///< Of `samples`.
  /// Histograms that were left out because the format has none (kOpenMetrics).
  int64_t histograms_left_out = 0;
  int64_t bytes = 0;
  /// What is not in the output because a file is damaged, each with what is wrong.
  std::vector<std::string> warnings;
};

/// Write the selected samples of `database` as files of another shape. Progress counts series; of
/// how many is not known, and told as 0.
arrow::Result<ExportReport> ExportSamples(Database& database, const ExportRequest& request,
                                          Progress progress = {});

}  // namespace larnax
