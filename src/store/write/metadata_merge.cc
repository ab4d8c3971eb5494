#include "store/write/metadata_merge.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "larnax/error.h"
#include "store/manifest/archive_layout.h"

namespace larnax::store {
namespace {

constexpr size_t kFanIn = 8;
// A file of more stays as it is.
constexpr int64_t kMostRows = 256 << 10;
constexpr int64_t kMostBytes = 16 << 20;

auto Saying(const columns::MetadataRow& row) {
  return std::tie(row.metric, row.type, row.help, row.unit);
}

}  // namespace

std::optional<MetadataMergeJob> PickMetadataMerge(const std::vector<MetadataEntry>& files,
                                                  bool everything,
                                                  const std::set<std::string>& damaged) {
  // The newest ones, as far as they are small together.
  const size_t least = everything ? 2 : kFanIn;
  MetadataMergeJob job;
  int64_t rows = 0;
  int64_t bytes = 0;
  for (size_t i = files.size(); i-- > 0;) {
    if (damaged.contains(files[i].name)) {
      if (job.files.size() >= least) break;
      job.files.clear();
      rows = bytes = 0;
      continue;
    }
    rows += files[i].rows;
    bytes += files[i].bytes;
    if (rows > kMostRows || bytes > kMostBytes) break;
    job.files.insert(job.files.begin(), files[i]);
  }
  if (job.files.size() < least) return std::nullopt;
  return job;
}

void MergeMetadataRows(std::vector<columns::MetadataRow>* rows) {
  std::sort(rows->begin(), rows->end(),
            [](const auto& a, const auto& b) { return Saying(a) < Saying(b); });
  size_t kept = 0;
  for (columns::MetadataRow& row : *rows) {
    if (kept > 0 && Saying((*rows)[kept - 1]) == Saying(row)) {
      columns::MetadataRow& same = (*rows)[kept - 1];
      same.first_seen_ms = std::min(same.first_seen_ms, row.first_seen_ms);
      same.last_seen_ms = std::max(same.last_seen_ms, row.last_seen_ms);
    } else if (&(*rows)[kept++] != &row) {
      (*rows)[kept - 1] = std::move(row);
    }
  }
  rows->resize(kept);
}

arrow::Result<std::vector<columns::MetadataRow>> ReadMetadataFiles(
    io::FileSystem& fs, const std::string& root, std::span<const MetadataEntry> files,
    std::string_view metric, DamageReport* damage, const std::set<std::string>* lost) {
  std::vector<columns::MetadataRow> all;
  const auto read =
      [&](const MetadataEntry& entry) -> arrow::Result<std::vector<columns::MetadataRow>> {
    ARROW_ASSIGN_OR_RAISE(auto file, fs.OpenReadable(io::JoinPath(root, MetadataFile(entry.name))));
    return columns::ReadMetadataFile(std::move(file), nullptr, entry.footer_bytes,
                                     entry.footer_crc32c);
  };
  for (const MetadataEntry& entry : files) {
    auto rows = read(entry);
    if (!rows.ok()) {
      if (damage == nullptr) return rows.status();
      const bool is_lost = KindOf(rows.status()) == ErrorKind::kNotFound && lost != nullptr &&
                           lost->contains(entry.name);
      ARROW_RETURN_NOT_OK(damage->Note(
          is_lost ? MakeError(ErrorKind::kCorrupt, rows.status().message()) : rows.status()));
      continue;
    }
    for (columns::MetadataRow& row : *rows) {
      if (metric.empty() || row.metric == metric) all.push_back(std::move(row));
    }
  }
  MergeMetadataRows(&all);
  return all;
}

}  // namespace larnax::store
