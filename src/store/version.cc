#include "store/version.h"

#include <algorithm>
#include <tuple>

namespace larnax::store {

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

void SortFiles(std::vector<std::shared_ptr<DataFile>>* files) {
  const auto key = [](const FileEntry& file) {
    return std::tie(file.day, file.min_sequence, file.max_sequence, file.min_metric, file.name);
  };
  std::sort(files->begin(), files->end(),
            [&](const auto& a, const auto& b) { return key(a->entry()) < key(b->entry()); });
}

std::vector<DayRuns> RunsOf(const Version& version) {
  std::vector<DayRuns> days;
  for (const auto& file : version.files) {
    const FileEntry& entry = file->entry();
    if (days.empty() || days.back().day != entry.day) {
      days.push_back({.day = entry.day, .runs = {}});
    }
    auto& runs = days.back().runs;
    if (runs.empty() || runs.back().min_sequence != entry.min_sequence) {
      runs.push_back({.files = {},
                      .level = entry.level,
                      .min_sequence = entry.min_sequence,
                      .max_sequence = entry.max_sequence,
                      .created_ms = entry.created_ms});
    }
    Run& run = runs.back();
    run.rows += entry.rows;
    run.bytes += entry.bytes + entry.series_bytes;
    run.created_ms = std::max(run.created_ms, entry.created_ms);
    run.files.push_back(file);
  }
  return days;
}

std::optional<int64_t> SealedThrough(const Version& version, int64_t over_before_day) {
  if (version.files.empty()) return std::nullopt;
  int64_t through = over_before_day - 1;
  int64_t day = -1;
  int64_t sequence = 0;
  for (const auto& file : version.files) {
    const FileEntry& entry = file->entry();
    const bool second_run = entry.day == day && entry.min_sequence != sequence;
    if (entry.level < 3 || second_run) {
      through = std::min(through, entry.day - 1);
      break;
    }
    day = entry.day;
    sequence = entry.min_sequence;
  }
  if (through < version.files.front()->entry().day) return std::nullopt;
  return through;
}

}  // namespace larnax::store
