#include "store/manifest/version.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "store/manifest/archive_layout.h"

namespace larnax::store {
namespace {

size_t TableRank(const FileEntry& file) {
  return DayTableIndex(file.table).value_or(std::size(kDayTables));
}

}  // namespace

int64_t Version::rows() const {
  int64_t sum = 0;
  for (const auto& file : files) sum += file->entry().rows;
  return sum;
}

int64_t Version::bytes() const {
  int64_t sum = 0;
  for (const auto& file : files) sum += file->entry().bytes + file->entry().series_bytes;
  return sum;
}

int64_t Version::max_time_ms() const {
  int64_t latest_ms = -1;
  for (const auto& file : files) latest_ms = std::max(latest_ms, file->entry().max_time_ms);
  return latest_ms;
}

Version::Files Version::FilesOf(std::string_view table) const {
  const size_t rank = DayTableIndex(table).value_or(std::size(kDayTables));
  const auto is_before = [](size_t end) {
    return [end](const auto& file) { return TableRank(file->entry()) < end; };
  };
  const auto first = std::partition_point(files.begin(), files.end(), is_before(rank));
  return {first, std::partition_point(first, files.end(), is_before(rank + 1))};
}

Version::Files Version::sample_files() const {
  static_assert(kDayTables[2] == kExemplarsTable);
  return {files.begin(), std::partition_point(files.begin(), files.end(), [](const auto& file) {
            return TableRank(file->entry()) < 2;
          })};
}

void SortFiles(std::vector<std::shared_ptr<DataFile>>* files) {
  const auto key = [](const FileEntry& file) {
    return std::tuple<size_t, int64_t, int64_t, int64_t, const std::string&, const std::string&>(
        TableRank(file), file.day, file.min_sequence, file.max_sequence, file.min_metric,
        file.name);
  };
  std::sort(files->begin(), files->end(),
            [&](const auto& a, const auto& b) { return key(a->entry()) < key(b->entry()); });
}

std::vector<DayRuns> RunsOf(const Version& version) {
  std::map<std::pair<int64_t, int64_t>, Run> runs;  // By day and first sequence.
  for (const auto& file : version.files) {
    const FileEntry& entry = file->entry();
    Run& run = runs[{entry.day, entry.min_sequence}];
    if (run.files.empty()) {
      run.level = entry.level;
      run.min_sequence = entry.min_sequence;
      run.max_sequence = entry.max_sequence;
    }
    run.rows += entry.rows;
    run.bytes += entry.bytes + entry.series_bytes;
    run.created_ms = std::max(run.created_ms, entry.created_ms);
    run.files.push_back(file);
  }
  std::vector<DayRuns> days;
  for (auto& [place, run] : runs) {
    if (days.empty() || days.back().day != place.first) {
      days.push_back({.day = place.first, .runs = {}});
    }
    days.back().runs.push_back(std::move(run));
  }
  return days;
}

std::optional<int64_t> SealedThrough(const Version& version, int64_t over_before_day) {
  if (version.files.empty()) return std::nullopt;
  const std::vector<DayRuns> days = RunsOf(version);
  int64_t through = over_before_day - 1;
  for (const DayRuns& day : days) {
    if (day.runs.size() == 1 && day.runs[0].level == kDayLevel) continue;
    through = std::min(through, day.day - 1);
    break;
  }
  if (through < days.front().day) return std::nullopt;
  return through;
}

}  // namespace larnax::store
