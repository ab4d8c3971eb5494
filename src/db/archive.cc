#include "larnax/archive.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "columns/check/file_check.h"
#include "columns/write/metadata_file.h"
#include "db/experiments.h"
#include "db/read_version.h"
#include "io/file_system.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"
#include "store/store.h"

namespace larnax {
namespace {

constexpr std::string_view kLogFolders[] = {"samples", "typed"};
// So often a look at the files is begun anew when a writer moved them meanwhile.
constexpr int kMaxLooks = 20;

arrow::Result<int64_t> LogBytes(const std::string& root) {
  io::FileSystem& fs = io::RealFileSystem();
  int64_t bytes = 0;
  for (const std::string_view log : kLogFolders) {
    const std::string folder = io::JoinPath(io::JoinPath(root, store::kWalFolder), log);
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder));
    if (!exists) continue;
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(folder));
    for (const io::DirectoryEntry& entry : entries) bytes += entry.size_bytes;
  }
  return bytes;
}

// Adds up columns of many files by table and name.
class ColumnTally {
 public:
  arrow::Status Add(store::DataFile& file) {
    ARROW_ASSIGN_OR_RAISE(const std::string path, db::FindFile(file, store::Tree::kData));
    ARROW_ASSIGN_OR_RAISE(const columns::FileReport report,
                          columns::InspectFile(io::RealFileSystem(), path));
    file.set_in_retired(path == file.PathIn(store::Tree::kData, true));
    ARROW_ASSIGN_OR_RAISE(const auto index, file.Index(nullptr));
    for (const columns::ColumnReport& column : report.columns) {
      Tally& tally = AddColumn(file.entry().table, column);
      if (column.label.empty()) continue;
      ARROW_ASSIGN_OR_RAISE(const auto values, index->DistinctValues(column.label, nullptr));
      tally.distinct.insert(values.begin(), values.end());
    }
    return arrow::Status::OK();
  }

  // A file of the table `metadata`, which has no labels.
  arrow::Status AddMetadata(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(const columns::FileReport report,
                          columns::InspectFile(io::RealFileSystem(), path));
    for (const columns::ColumnReport& column : report.columns) {
      AddColumn(store::kMetadataTable, column);
    }
    return arrow::Status::OK();
  }

  std::vector<ColumnUse> Take() {
    std::vector<ColumnUse> columns;
    for (const auto& key : order_) {
      Tally& tally = tallies_[key];
      tally.use.distinct = static_cast<int64_t>(tally.distinct.size());
      for (const std::string& encoding : tally.encodings) {
        if (!tally.use.encodings.empty()) tally.use.encodings += ' ';
        tally.use.encodings += encoding;
      }
      columns.push_back(std::move(tally.use));
    }
    return columns;
  }

 private:
  struct Tally {
    ColumnUse use;
    std::set<std::string> distinct;
    std::set<std::string> encodings;
  };

  Tally& AddColumn(std::string_view table, const columns::ColumnReport& column) {
    const std::pair<std::string, std::string> key(table, column.name);
    Tally& tally = tallies_[key];
    if (tally.use.column.empty()) order_.push_back(key);
    tally.use.column = column.name;
    tally.use.table = table;
    if (column.label != column.name) tally.use.label = column.label;
    tally.use.bytes += column.compressed_bytes;
    tally.use.raw_bytes += column.uncompressed_bytes;
    tally.encodings.insert(column.encodings.begin(), column.encodings.end());
    return tally;
  }

  std::vector<std::pair<std::string, std::string>> order_;  // Table and column.
  std::map<std::pair<std::string, std::string>, Tally> tallies_;
};

FileUse UseOf(const store::FileEntry& entry) {
  return {.path = store::DayFile(store::Tree::kData, entry.table, entry.day, entry.name),
          .table = entry.table,
          .level = entry.level,
          .bytes = entry.bytes,
          .series_bytes = entry.series_bytes,
          .rows = entry.rows,
          .series = entry.series,
          .min_time_ms = entry.min_time_ms,
          .max_time_ms = entry.max_time_ms};
}

arrow::Result<FileUse> MetadataUseOf(const std::string& root, const store::MetadataEntry& entry) {
  FileUse use{.path = store::MetadataFile(entry.name),
              .table = std::string(store::kMetadataTable),
              .bytes = entry.bytes,
              .rows = entry.rows};
  ARROW_ASSIGN_OR_RAISE(auto file, io::RealFileSystem().OpenReadable(io::JoinPath(root, use.path)));
  ARROW_ASSIGN_OR_RAISE(
      const std::vector<columns::MetadataRow> rows,
      columns::ReadMetadataFile(std::move(file), nullptr, entry.footer_bytes, entry.footer_crc32c));
  for (const columns::MetadataRow& row : rows) {
    const bool is_first = &row == &rows.front();
    use.min_time_ms = is_first ? row.first_seen_ms : std::min(use.min_time_ms, row.first_seen_ms);
    use.max_time_ms = std::max(use.max_time_ms, row.last_seen_ms);
  }
  return use;
}

arrow::Result<InspectReport> InspectOnce(const std::string& path, const store::Version& version) {
  InspectReport report;
  report.format_version = version.manifest.format_version;
  report.manifest = version.manifest.number;
  report.next_sequence = version.manifest.next_sequence;
  report.rows = version.rows();
  report.bytes = version.bytes();
  ARROW_ASSIGN_OR_RAISE(report.wal_bytes, LogBytes(path));
  ColumnTally columns;
  for (const auto& file : version.files) {
    report.files.push_back(UseOf(file->entry()));
    ARROW_RETURN_NOT_OK(columns.Add(*file));
  }
  for (const store::MetadataEntry& entry : version.manifest.metadata) {
    ARROW_ASSIGN_OR_RAISE(FileUse use, MetadataUseOf(path, entry));
    ARROW_RETURN_NOT_OK(columns.AddMetadata(io::JoinPath(path, use.path)));
    report.rows += use.rows;
    report.bytes += use.bytes;
    report.files.push_back(std::move(use));
  }
  report.columns = columns.Take();
  ARROW_ASSIGN_OR_RAISE(report.experiments, db::Experiments::List(io::RealFileSystem(), path));
  return report;
}

}  // namespace

arrow::Result<InspectReport> InspectArchive(const std::string& path) {
  for (int look = 1;; ++look) {
    ARROW_ASSIGN_OR_RAISE(const auto version, db::ReadVersion(path));
    auto report = InspectOnce(path, *version);
    // A file that is gone was moved by a writer, unless it is gone for good.
    if (report.ok() || KindOf(report.status()) != ErrorKind::kNotFound) return report;
    if (look == kMaxLooks) return MakeError(ErrorKind::kCorrupt, report.status().message());
  }
}

}  // namespace larnax
