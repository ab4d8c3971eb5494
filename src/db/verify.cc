#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "columns/check/file_check.h"
#include "columns/check/other_tables_check.h"
#include "db/read_version.h"
#include "head/log_replay.h"
#include "head/non_float_record.h"
#include "head/sample_record.h"
#include "io/file_system.h"
#include "larnax/archive.h"
#include "larnax/error.h"
#include "store/data_file.h"
#include "store/file_end.h"
#include "store/manifest/archive_layout.h"

namespace larnax {
namespace {

// The second is only in archives that no newer version has opened for writing yet.
constexpr const char* kLogs[] = {"samples", "typed"};

// So often a file is looked at that a writer moved meanwhile.
constexpr int kMaxLooks = 20;
// Between two looks at a file that is gone although the newest manifest lists it.
constexpr std::chrono::milliseconds kCommitWait{50};

// Size, magic and footer: page checksums cover none of them.
arrow::Status CheckEnds(const std::string& path, const store::FileEnd& listed) {
  ARROW_ASSIGN_OR_RAISE(const auto file, io::RealFileSystem().OpenReadable(path));
  ARROW_RETURN_NOT_OK(store::CheckEnd(*file, listed));
  constexpr std::array<uint8_t, 4> kMagic = {'P', 'A', 'R', '1'};
  std::array<uint8_t, kMagic.size()> start;
  ARROW_RETURN_NOT_OK(file->ReadAt(0, start));
  if (start != kMagic) return arrow::Status::Invalid("no Parquet magic at the start");
  return arrow::Status::OK();
}

struct FileFindings {
  std::vector<std::string> problems;
  bool is_gone = false;  // Not where it was found: somebody moved it, or it was never there.
};

// A live file against the manifest and against itself.
FileFindings CheckFile(const store::DataFile& file) {
  FileFindings findings;
  std::vector<std::string>& problems = findings.problems;
  const auto note = [&](const std::string& problem, const arrow::Status& status) {
    problems.push_back(problem);
    findings.is_gone |= KindOf(status) == ErrorKind::kNotFound;
  };
  const store::FileEntry& entry = file.entry();
  const auto check = [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const std::string data_path, db::FindFile(file, store::Tree::kData));
    ARROW_ASSIGN_OR_RAISE(const std::string series_path, db::FindFile(file, store::Tree::kSeries));
    const std::pair<const std::string&, store::FileEnd> files[] = {
        {data_path, store::EndOf(entry, store::Tree::kData)},
        {series_path, store::EndOf(entry, store::Tree::kSeries)}};
    for (const auto& [path, listed] : files) {
      const arrow::Status status = CheckEnds(path, listed);
      if (!status.ok()) note(path + ": " + status.message(), status);
    }
    if (!problems.empty()) return arrow::Status::OK();
    const auto verify = entry.table == store::kHistogramsTable  ? columns::VerifyHistogramsFile
                        : entry.table == store::kExemplarsTable ? columns::VerifyExemplarsFile
                                                                : columns::VerifyFile;
    ARROW_ASSIGN_OR_RAISE(problems, verify(io::RealFileSystem(), data_path, series_path));
    return arrow::Status::OK();
  };
  if (const arrow::Status status = check(); !status.ok()) note(status.message(), status);
  return findings;
}

std::vector<std::string> CheckMetadataFile(const std::string& root,
                                           const store::MetadataEntry& entry) {
  const std::string path = io::JoinPath(root, store::MetadataFile(entry.name));
  const auto check = [&]() -> arrow::Result<std::vector<std::string>> {
    ARROW_RETURN_NOT_OK(CheckEnds(path, {entry.bytes, entry.footer_bytes, entry.footer_crc32c}));
    return columns::VerifyMetadataFile(io::RealFileSystem(), path);
  };
  const auto problems = check();
  if (problems.ok()) return *problems;
  return {path + ": " + problems.status().message()};
}

// Checks the files of metadata that the newest manifest lists; a writer may replace them meanwhile.
arrow::Status VerifyMetadata(const std::string& root, VerifyReport* report) {
  ARROW_ASSIGN_OR_RAISE(auto version, db::ReadVersion(root));
  for (int look = 1;; ++look) {
    std::vector<std::string> problems;
    for (const store::MetadataEntry& entry : version->manifest.metadata) {
      const auto found = CheckMetadataFile(root, entry);
      problems.insert(problems.end(), found.begin(), found.end());
    }
    ARROW_ASSIGN_OR_RAISE(auto now, db::ReadVersion(root));
    const bool changed = now->manifest.metadata != version->manifest.metadata;
    version = std::move(now);
    if (!problems.empty() && changed && look < kMaxLooks) continue;
    for (const store::MetadataEntry& entry : version->manifest.metadata) {
      ++report->files;
      report->rows += entry.rows;
      report->bytes += entry.bytes;
    }
    report->problems.insert(report->problems.end(), problems.begin(), problems.end());
    return arrow::Status::OK();
  }
}

std::shared_ptr<store::DataFile> FindListed(const store::Version& version,
                                            const std::string& name) {
  for (const auto& file : version.files) {
    if (file->entry().name == name) return file;
  }
  return nullptr;
}

// Check a file for as long as the newest manifest lists it: one that a writer has merged away
// since `version` was read has nothing wrong with it.
arrow::Result<std::vector<std::string>> CheckWhileListed(const std::string& root,
                                                         const store::Version& version,
                                                         const store::DataFile& file) {
  FileFindings findings = CheckFile(file);
  int64_t seen = version.manifest.number;
  for (int look = 1; !findings.problems.empty() && look < kMaxLooks; ++look) {
    ARROW_ASSIGN_OR_RAISE(const auto now, db::ReadVersion(root));
    const auto listed = FindListed(*now, file.entry().name);
    if (listed == nullptr) return std::vector<std::string>{};
    if (now->manifest.number == seen) {
      if (!findings.is_gone) break;
      // A merge moves files first and commits then: the commit is on its way.
      std::this_thread::sleep_for(kCommitWait);
    }
    seen = now->manifest.number;
    findings = CheckFile(*listed);
  }
  return findings.problems;
}

// Whether a file that no manifest lists is one that its writer has not committed yet, or never
// will because it died; the next opening removes it.
bool IsUncommitted(std::string_view name, const store::Manifest& manifest) {
  const size_t at = name.rfind("-e");
  if (at == std::string_view::npos) return false;
  int64_t epoch = 0;
  const auto [end, error] = std::from_chars(name.data() + at + 2, name.data() + name.size(), epoch);
  return error == std::errc() && end != name.data() + name.size() && *end == '-' &&
         epoch >= manifest.epoch;
}

// Files in the folders that plain readers look into, but that the manifest does not list.
arrow::Result<std::vector<std::string>> FindStrays(const std::string& root) {
  io::FileSystem& fs = io::RealFileSystem();
  std::vector<std::string> found;
  const auto add_folder = [&](const std::string& folder) -> arrow::Status {
    const auto entries = fs.List(folder);
    // One that was emptied meanwhile is gone.
    if (!entries.ok() && KindOf(entries.status()) == ErrorKind::kNotFound) {
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(entries.status());
    for (const io::DirectoryEntry& entry : *entries) {
      if (entry.name != store::kSchemaFile) found.push_back(io::JoinPath(folder, entry.name));
    }
    return arrow::Status::OK();
  };
  for (const std::string_view table : store::kDayTables) {
    for (const store::Tree tree : store::kTrees) {
      const std::string folder = io::JoinPath(root, store::TreeFolder(tree, table));
      ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder));
      if (!exists) continue;
      ARROW_ASSIGN_OR_RAISE(const auto days, fs.List(folder));
      for (const io::DirectoryEntry& day : days) {
        if (day.is_directory) ARROW_RETURN_NOT_OK(add_folder(io::JoinPath(folder, day.name)));
      }
    }
  }
  ARROW_RETURN_NOT_OK(add_folder(io::JoinPath(root, store::kMetadataTable)));
  // Read after the listing: what was committed before it is in here, or was merged away since.
  ARROW_ASSIGN_OR_RAISE(const auto version, db::ReadVersion(root));
  std::set<std::string> listed;
  for (const auto& file : version->files) {
    for (const store::Tree tree : store::kTrees) listed.insert(file->PathIn(tree, false));
  }
  for (const store::MetadataEntry& entry : version->manifest.metadata) {
    listed.insert(io::JoinPath(root, store::MetadataFile(entry.name)));
  }
  std::vector<std::string> strays;
  for (const std::string& path : found) {
    if (listed.contains(path)) continue;
    if (IsUncommitted(path.substr(path.rfind('/') + 1), version->manifest)) continue;
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(path));
    if (exists) strays.push_back(path + ": not in the manifest");
  }
  return strays;
}

struct LogFindings {
  int64_t records = 0;
  std::vector<std::string> problems;
};

// The records of a log must be readable, and hold what their kind says.
LogFindings CheckLog(const std::string& root, const char* log, head::LogPosition from) {
  LogFindings findings;
  const std::string folder = io::JoinPath(io::JoinPath(root, store::kWalFolder), log);
  const auto exists = io::RealFileSystem().Exists(folder);
  if (!exists.ok() || !*exists) return findings;
  head::ReplayOptions options;
  options.read_only = true;
  options.deliver_before_start = true;
  head::SampleRecord samples;
  head::NonFloatRecord non_floats;
  const auto check = [&](const head::RecordView& record) {
    ++findings.records;
    arrow::Status decoded = arrow::Status::Invalid("unknown kind");
    if (record.type == head::kSampleRecord) {
      decoded = head::DecodeSampleRecord(record.payload, &samples);
    } else if (record.type == head::kNonFloatRecord) {
      decoded = head::DecodeNonFloatRecord(record.payload, &non_floats);
    } else if (record.type == head::kOldNonFloatRecord) {
      decoded = head::DecodeOldNonFloatRecord(record.payload, &non_floats);
    }
    if (!decoded.ok()) {
      findings.problems.push_back(
          folder + ": unreadable record: segment=" + std::to_string(record.position.segment) +
          " offset=" + std::to_string(record.position.offset_bytes) +
          " type=" + std::to_string(record.type) + " " + decoded.message());
    }
    return arrow::Status::OK();
  };
  const auto replayed = head::ReplayLog(io::RealFileSystem(), folder, from, options, check);
  if (!replayed.ok()) findings.problems.push_back(replayed.status().message());
  return findings;
}

// Check both logs from where the newest manifest says; anew when a writer freed some of them
// meanwhile, which it does after it has committed a manifest.
arrow::Status VerifyLogs(const std::string& root, VerifyReport* report) {
  ARROW_ASSIGN_OR_RAISE(auto version, db::ReadVersion(root));
  for (int look = 1;; ++look) {
    const LogFindings findings[] = {CheckLog(root, kLogs[0], version->manifest.wal_position),
                                    CheckLog(root, kLogs[1], version->manifest.typed_wal_position)};
    ARROW_ASSIGN_OR_RAISE(auto now, db::ReadVersion(root));
    const bool good = findings[0].problems.empty() && findings[1].problems.empty();
    const bool changed = now->manifest.number != version->manifest.number;
    if (!good && changed && look < kMaxLooks) {
      version = std::move(now);
      continue;
    }
    for (const LogFindings& log : findings) {
      report->wal_records += log.records;
      report->problems.insert(report->problems.end(), log.problems.begin(), log.problems.end());
    }
    return arrow::Status::OK();
  }
}

}  // namespace

arrow::Result<VerifyReport> VerifyArchive(const std::string& path, Progress progress) {
  VerifyReport report;
  const auto opened = db::ReadVersion(path);
  if (!opened.ok()) {
    if (KindOf(opened.status()) != ErrorKind::kCorrupt) return opened.status();
    report.problems.push_back(opened.status().message());
    return report;
  }
  const store::Version& version = **opened;
  int64_t done = 0;
  const auto total = static_cast<int64_t>(version.files.size());
  for (const auto& file : version.files) {
    ARROW_ASSIGN_OR_RAISE(const auto problems, CheckWhileListed(path, version, *file));
    report.problems.insert(report.problems.end(), problems.begin(), problems.end());
    ++report.files;
    report.rows += file->entry().rows;
    report.bytes += file->entry().bytes + file->entry().series_bytes;
    if (progress) progress(++done, total);
  }
  ARROW_RETURN_NOT_OK(VerifyMetadata(path, &report));
  ARROW_ASSIGN_OR_RAISE(const std::vector<std::string> strays, FindStrays(path));
  report.problems.insert(report.problems.end(), strays.begin(), strays.end());
  ARROW_RETURN_NOT_OK(VerifyLogs(path, &report));
  return report;
}

}  // namespace larnax
