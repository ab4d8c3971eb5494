#include "larnax/archive.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "columns/check/file_check.h"
#include "columns/write/metadata_file.h"
#include "db/experiments.h"
#include "db/read_version.h"
#include "io/file_system.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"

namespace larnax {
namespace {

constexpr std::string_view kLogFolders[] = {"samples", "typed"};
// So often a look at the files is begun anew when a writer moved them meanwhile.
constexpr int kMaxLooks = 20;
// So long a file that is gone may wait for the commit of whoever moved it.
constexpr int kCommitWaits = 20;
constexpr std::chrono::milliseconds kCommitWait{50};

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
  /// Adds nothing where it fails.
  arrow::Status Add(store::DataFile& file) {
    ARROW_ASSIGN_OR_RAISE(const std::string path, db::FindFile(file, store::Tree::kData));
    ARROW_ASSIGN_OR_RAISE(const columns::FileReport report,
                          columns::InspectFile(io::RealFileSystem(), path));
    file.set_in_retired(path == file.PathIn(store::Tree::kData, true));
    ARROW_ASSIGN_OR_RAISE(const auto index, file.Index(nullptr));
    std::vector<std::set<std::string>> distinct(report.columns.size());
    for (size_t i = 0; i < distinct.size(); ++i) {
      const std::string& label = report.columns[i].label;
      if (label.empty()) continue;
      ARROW_ASSIGN_OR_RAISE(const auto values, index->DistinctValues(label, nullptr));
      distinct[i].insert(values.begin(), values.end());
    }
    for (size_t i = 0; i < distinct.size(); ++i) {
      AddColumn(file.entry().table, report.columns[i]).distinct.merge(distinct[i]);
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

std::string PathOf(const store::FileEntry& entry) {
  return store::DayFile(store::Tree::kData, entry.table, entry.day, entry.name);
}

FileUse UseOf(const store::FileEntry& entry) {
  return {.path = PathOf(entry),
          .table = entry.table,
          .level = entry.level,
          .bytes = entry.bytes,
          .series_bytes = entry.series_bytes,
          .rows = entry.rows,
          .series = entry.series,
          .min_time_ms = entry.min_time_ms,
          .max_time_ms = entry.max_time_ms};
}

// Takes first and last time from the rows, which no manifest has.
arrow::Status ReadTimes(const std::string& path, const store::MetadataEntry& entry, FileUse* use) {
  ARROW_ASSIGN_OR_RAISE(auto file, io::RealFileSystem().OpenReadable(path));
  ARROW_ASSIGN_OR_RAISE(
      const std::vector<columns::MetadataRow> rows,
      columns::ReadMetadataFile(std::move(file), nullptr, entry.footer_bytes, entry.footer_crc32c));
  for (const columns::MetadataRow& row : rows) {
    const bool is_first = &row == &rows.front();
    use->min_time_ms = is_first ? row.first_seen_ms : std::min(use->min_time_ms, row.first_seen_ms);
    use->max_time_ms = std::max(use->max_time_ms, row.last_seen_ms);
  }
  return arrow::Status::OK();
}

bool ListsAll(const store::Version& version, std::set<std::string> paths) {
  for (const auto& file : version.files) paths.erase(PathOf(file->entry()));
  for (const store::MetadataEntry& entry : version.manifest.metadata) {
    paths.erase(store::MetadataFile(entry.name));
  }
  return paths.empty();
}

// Whether somebody who writes commits, while one may wait for it, that one of these is not needed
// any more.
arrow::Result<bool> WaitForCommit(const std::string& path, const std::set<std::string>& gone) {
  for (int i = 0;; ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto writer,
                          io::RealFileSystem().LockHolder(io::JoinPath(path, store::kLockFile)));
    ARROW_ASSIGN_OR_RAISE(const auto now, db::ReadVersion(path));
    if (!ListsAll(*now, gone)) return true;
    if (!writer || i == kCommitWaits) return false;
    std::this_thread::sleep_for(kCommitWait);
  }
}

// Adds to `gone` files that were moved meanwhile, or are lost.
arrow::Result<InspectReport> InspectOnce(const std::string& path, const store::Version& version,
                                         std::set<std::string>* gone) {
  InspectReport report;
  report.format_version = version.manifest.format_version;
  report.manifest = version.manifest.number;
  report.next_sequence = version.manifest.next_sequence;
  report.rows = version.rows();
  report.bytes = version.bytes();
  ARROW_ASSIGN_OR_RAISE(report.wal_bytes, LogBytes(path));
  ColumnTally columns;
  const auto note = [&](const arrow::Status& status, const std::string& file, FileUse* use) {
    if (status.ok()) return;
    if (KindOf(status) == ErrorKind::kNotFound) gone->insert(use->path);
    use->problem = status.message();
    if (use->problem.find(file) == std::string::npos) use->problem += " path=" + file;
  };
  for (const auto& file : version.files) {
    FileUse& use = report.files.emplace_back(UseOf(file->entry()));
    arrow::Status added = columns.Add(*file);
    // A merge gives it its other name before it takes this one.
    if (KindOf(added) == ErrorKind::kNotFound) added = columns.Add(*file);
    note(added, file->entry().name, &use);
  }
  for (const store::MetadataEntry& entry : version.manifest.metadata) {
    FileUse& use = report.files.emplace_back(FileUse{.path = store::MetadataFile(entry.name),
                                                     .table = std::string(store::kMetadataTable),
                                                     .bytes = entry.bytes,
                                                     .rows = entry.rows});
    const std::string file = io::JoinPath(path, use.path);
    arrow::Status added = ReadTimes(file, entry, &use);
    if (added.ok()) added = columns.AddMetadata(file);
    note(added, entry.name, &use);
    report.rows += use.rows;
    report.bytes += use.bytes;
  }
  report.columns = columns.Take();
  ARROW_ASSIGN_OR_RAISE(report.experiments, db::Experiments::List(io::RealFileSystem(), path));
  return report;
}

}  // namespace

arrow::Result<InspectReport> InspectArchive(const std::string& path) {
  for (int look = 1;; ++look) {
    ARROW_ASSIGN_OR_RAISE(const auto version, db::ReadVersion(path));
    std::set<std::string> gone;
    ARROW_ASSIGN_OR_RAISE(InspectReport report, InspectOnce(path, *version, &gone));
    if (gone.empty() || look == kMaxLooks) return report;
    // A writer moved them, which a commit tells of, unless they are gone for good.
    ARROW_ASSIGN_OR_RAISE(const bool changed, WaitForCommit(path, gone));
    if (!changed) return report;
  }
}

}  // namespace larnax
