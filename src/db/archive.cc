#include "larnax/archive.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "columns/file_check.h"
#include "db/experiments.h"
#include "head/log_replay.h"
#include "head/sample_record.h"
#include "head/typed_record.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "larnax/error.h"
#include "store/archive_layout.h"
#include "store/store.h"

namespace larnax {
namespace {

struct LogKind {
  const char* folder;
  uint8_t record_type;
};
constexpr LogKind kLogs[] = {{"samples", head::kSampleRecord}, {"typed", head::kTypedRecord}};

arrow::Result<std::unique_ptr<store::Store>> OpenReadOnly(const std::string& path) {
  DatabaseOptions options;
  options.read_only = true;
  return store::Store::Open(io::RealFileSystem(), path, store::MakeStoreOptions(options, {}),
                            io::RealClock().NowMs());
}

std::string LogPath(const std::string& root, const LogKind& log) {
  return io::JoinPath(io::JoinPath(root, store::kWalFolder), log.folder);
}

arrow::Result<int64_t> LogBytes(const std::string& root) {
  io::FileSystem& fs = io::RealFileSystem();
  int64_t bytes = 0;
  for (const LogKind& log : kLogs) {
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(LogPath(root, log)));
    if (!exists) continue;
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(LogPath(root, log)));
    for (const io::DirectoryEntry& entry : entries) bytes += entry.size_bytes;
  }
  return bytes;
}

// Adds up columns of many files by name.
class ColumnTally {
 public:
  arrow::Status Add(store::DataFile& file) {
    ARROW_ASSIGN_OR_RAISE(
        const columns::FileReport report,
        columns::InspectFile(io::RealFileSystem(), file.PathIn(store::Tree::kData, false)));
    ARROW_ASSIGN_OR_RAISE(const auto index, file.Index(nullptr));
    for (const columns::ColumnReport& column : report.columns) {
      Tally& tally = tallies_[column.name];
      if (tally.use.column.empty()) order_.push_back(column.name);
      tally.use.column = column.name;
      if (column.label != column.name) tally.use.label = column.label;
      tally.use.bytes += column.compressed_bytes;
      tally.use.raw_bytes += column.uncompressed_bytes;
      tally.encodings.insert(column.encodings.begin(), column.encodings.end());
      if (column.label.empty()) continue;
      ARROW_ASSIGN_OR_RAISE(const auto values, index->DistinctValues(column.label, nullptr));
      tally.distinct.insert(values.begin(), values.end());
    }
    return arrow::Status::OK();
  }

  std::vector<ColumnUse> Take() {
    std::vector<ColumnUse> columns;
    for (const std::string& name : order_) {
      Tally& tally = tallies_[name];
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
  std::vector<std::string> order_;
  std::map<std::string, Tally> tallies_;
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

// What the manifest says of one file of a pair.
struct Listed {
  int64_t bytes;
  int64_t footer_bytes;
  uint32_t footer_crc32c;
};

// Size, magic and footer: page checksums cover none of them.
arrow::Status CheckEnds(const std::string& path, const Listed& listed) {
  ARROW_ASSIGN_OR_RAISE(const auto file, io::RealFileSystem().OpenReadable(path));
  if (file->size_bytes() != listed.bytes) {
    return arrow::Status::Invalid("size differs from the manifest's: bytes=", file->size_bytes(),
                                  " listed=", listed.bytes);
  }
  constexpr std::array<uint8_t, 4> kMagic = {'P', 'A', 'R', '1'};
  if (listed.footer_bytes < 0 || listed.footer_bytes + std::ssize(kMagic) > listed.bytes) {
    return arrow::Status::Invalid("the manifest's footer does not fit: footer_bytes=",
                                  listed.footer_bytes);
  }
  std::array<uint8_t, kMagic.size()> start;
  ARROW_RETURN_NOT_OK(file->ReadAt(0, start));
  if (start != kMagic) return arrow::Status::Invalid("no Parquet magic at the start");
  std::vector<uint8_t> footer(static_cast<size_t>(listed.footer_bytes));
  ARROW_RETURN_NOT_OK(file->ReadAt(listed.bytes - listed.footer_bytes, footer));
  if (base::Crc32c(0, footer) != listed.footer_crc32c) {
    return arrow::Status::Invalid("footer differs from the manifest's checksum: offset=",
                                  listed.bytes - listed.footer_bytes);
  }
  return arrow::Status::OK();
}

// A live file against the manifest and against itself.
arrow::Result<std::vector<std::string>> CheckFile(const store::DataFile& file) {
  std::vector<std::string> problems;
  const store::FileEntry& entry = file.entry();
  const std::string data_path = file.PathIn(store::Tree::kData, false);
  const std::string series_path = file.PathIn(store::Tree::kSeries, false);
  const std::pair<const std::string&, Listed> files[] = {
      {data_path, {entry.bytes, entry.footer_bytes, entry.footer_crc32c}},
      {series_path, {entry.series_bytes, entry.series_footer_bytes, entry.series_footer_crc32c}}};
  for (const auto& [path, listed] : files) {
    const arrow::Status status = CheckEnds(path, listed);
    if (!status.ok()) problems.push_back(path + ": " + status.message());
  }
  if (!problems.empty()) return problems;
  return columns::VerifyFile(io::RealFileSystem(), data_path, series_path);
}

// Files in the folders that plain readers look into, but that the manifest does not list.
arrow::Result<std::vector<std::string>> FindStrays(const std::string& root,
                                                   const store::Version& version) {
  std::set<std::string> listed;
  for (const auto& file : version.files) {
    for (const store::Tree tree : store::kTrees) listed.insert(file->PathIn(tree, false));
  }
  io::FileSystem& fs = io::RealFileSystem();
  std::vector<std::string> strays;
  for (const store::Tree tree : store::kTrees) {
    const std::string folder = io::JoinPath(root, store::TreeFolder(tree, store::kSamplesTable));
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder));
    if (!exists) continue;
    ARROW_ASSIGN_OR_RAISE(const auto days, fs.List(folder));
    for (const io::DirectoryEntry& day : days) {
      if (!day.is_directory) continue;
      const std::string day_folder = io::JoinPath(folder, day.name);
      ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(day_folder));
      for (const io::DirectoryEntry& entry : entries) {
        const std::string path = io::JoinPath(day_folder, entry.name);
        if (entry.name == store::kSchemaFile || listed.contains(path)) continue;
        strays.push_back(path + ": not in the manifest");
      }
    }
  }
  return strays;
}

// The records of a log must be readable, and hold what their kind says.
void VerifyLog(const std::string& root, const LogKind& log, head::LogPosition from,
               VerifyReport* report) {
  const std::string folder = LogPath(root, log);
  const auto exists = io::RealFileSystem().Exists(folder);
  if (!exists.ok() || !*exists) return;
  head::ReplayOptions options;
  options.read_only = true;
  options.deliver_before_start = true;
  head::SampleRecord samples;
  head::TypedRecord typed;
  const auto replayed = head::ReplayLog(
      io::RealFileSystem(), folder, from, options, [&](const head::RecordView& record) {
        ++report->wal_records;
        const arrow::Status decoded = record.type == head::kSampleRecord
                                          ? head::DecodeSampleRecord(record.payload, &samples)
                                          : head::DecodeTypedRecord(record.payload, &typed);
        if (record.type != log.record_type || !decoded.ok()) {
          report->problems.push_back(
              folder + ": unreadable record: segment=" + std::to_string(record.position.segment) +
              " offset=" + std::to_string(record.position.offset_bytes) +
              " type=" + std::to_string(record.type) + " " + decoded.message());
        }
        return arrow::Status::OK();
      });
  if (!replayed.ok()) report->problems.push_back(replayed.status().message());
}

}  // namespace

arrow::Result<InspectReport> InspectArchive(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto store, OpenReadOnly(path));
  const std::shared_ptr<const store::Version> version = store->Current();
  InspectReport report;
  report.format_version = version->manifest.format_version;
  report.manifest = version->manifest.number;
  report.next_sequence = version->manifest.next_sequence;
  report.rows = version->rows();
  report.bytes = version->bytes();
  ARROW_ASSIGN_OR_RAISE(report.wal_bytes, LogBytes(path));
  ColumnTally columns;
  for (const auto& file : version->files) {
    report.files.push_back(UseOf(file->entry()));
    ARROW_RETURN_NOT_OK(columns.Add(*file));
  }
  report.columns = columns.Take();
  ARROW_ASSIGN_OR_RAISE(report.experiments, db::Experiments::List(io::RealFileSystem(), path));
  return report;
}

arrow::Result<VerifyReport> VerifyArchive(const std::string& path, Progress progress) {
  VerifyReport report;
  const auto opened = OpenReadOnly(path);
  if (!opened.ok()) {
    if (KindOf(opened.status()) != ErrorKind::kCorrupt) return opened.status();
    report.problems.push_back(opened.status().message());
    return report;
  }
  const std::shared_ptr<const store::Version> version = (*opened)->Current();
  int64_t done = 0;
  const auto total = static_cast<int64_t>(version->files.size());
  for (const auto& file : version->files) {
    ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> problems, CheckFile(*file));
    report.problems.insert(report.problems.end(), problems.begin(), problems.end());
    ++report.files;
    report.rows += file->entry().rows;
    report.bytes += file->entry().bytes + file->entry().series_bytes;
    if (progress) progress(++done, total);
  }
  ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> strays, FindStrays(path, *version));
  report.problems.insert(report.problems.end(), strays.begin(), strays.end());
  VerifyLog(path, kLogs[0], version->manifest.wal_position, &report);
  VerifyLog(path, kLogs[1], version->manifest.typed_wal_position, &report);
  return report;
}

}  // namespace larnax
