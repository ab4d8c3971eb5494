#include "store/write/merge_picker.h"

#include <algorithm>

#include "base/civil_time.h"

namespace larnax::store {
namespace {

// Of runs that no level takes.
constexpr int kDamagedLevel = -1;

MergeJob MakeJob(const DayRuns& day, size_t begin, size_t end, int level) {
  MergeJob job{.day = day.day, .runs = {}, .level = level};
  job.tier = level == kDayLevel ? columns::Tier::kDay : columns::Tier::kMerged;
  job.runs.assign(day.runs.begin() + static_cast<std::ptrdiff_t>(begin),
                  day.runs.begin() + static_cast<std::ptrdiff_t>(end));
  return job;
}

// First `fan_in` or more adjacent runs of a level.
std::optional<MergeJob> PickFanIn(const DayRuns& day, int level, size_t fan_in) {
  for (size_t begin = 0; begin < day.runs.size();) {
    size_t end = begin;
    while (end < day.runs.size() && day.runs[end].level == level && end - begin < 2 * fan_in) {
      ++end;
    }
    if (end - begin >= fan_in) return MakeJob(day, begin, end, level + 1);
    begin = std::max(end, begin + 1);
  }
  return std::nullopt;
}

std::optional<MergeJob> PickSeal(const DayRuns& day, int64_t now_ms, const MergeOptions& options) {
  if (day.is_damaged || !IsOver(day.day, now_ms, options)) return std::nullopt;
  int64_t day_rows = 0;
  int64_t late_rows = 0;
  int64_t newest_late_ms = 0;
  int64_t oldest_late_ms = std::numeric_limits<int64_t>::max();
  for (const Run& run : day.runs) {
    if (run.level == kDayLevel) {
      day_rows += run.rows;
      continue;
    }
    late_rows += run.rows;
    newest_late_ms = std::max(newest_late_ms, run.created_ms);
    oldest_late_ms = std::min(oldest_late_ms, run.created_ms);
  }
  if (late_rows == 0) return std::nullopt;
  const bool is_quiet = now_ms - newest_late_ms >= options.quiet_ms;
  const bool is_much =
      static_cast<double>(late_rows) >= options.late_share * static_cast<double>(day_rows);
  const bool is_old = now_ms - oldest_late_ms >= options.late_age_ms;
  if ((is_quiet && is_much) || is_old) return MakeJob(day, 0, day.runs.size(), kDayLevel);
  return std::nullopt;
}

std::optional<MergeJob> PickEverything(const DayRuns& day, int64_t now_ms,
                                       const MergeOptions& options) {
  if (day.is_damaged) return std::nullopt;
  const bool is_over = IsOver(day.day, now_ms, options);
  const bool is_one = day.runs.size() == 1;
  if (is_one && day.runs[0].level >= (is_over ? kDayLevel : kTopFanInLevel)) return std::nullopt;
  MergeJob job = MakeJob(day, 0, day.runs.size(), is_over ? kDayLevel : kTopFanInLevel);
  job.tier = columns::Tier::kDay;
  return job;
}

// Marks damaged runs, which are merged with nothing, and their days, which become no single run.
void SetApart(const std::set<std::string>& damaged, std::vector<DayRuns>* days) {
  const auto is_damaged = [&](const Run& run) {
    return std::any_of(run.files.begin(), run.files.end(),
                       [&](const auto& file) { return damaged.contains(file->entry().name); });
  };
  for (DayRuns& day : *days) {
    for (Run& run : day.runs) {
      if (!is_damaged(run)) continue;
      run.level = kDamagedLevel;
      day.is_damaged = true;
    }
  }
}

}  // namespace

bool IsOver(int64_t day, int64_t now_ms, const MergeOptions& options) {
  return now_ms >= (day + 1) * base::kDayMs + options.day_grace_ms;
}

std::optional<MergeJob> PickMerge(const Version& version, int64_t now_ms,
                                  const MergeOptions& options, bool everything,
                                  const std::set<std::string>& damaged) {
  std::vector<DayRuns> days = RunsOf(version);
  if (!damaged.empty()) SetApart(damaged, &days);
  if (everything) {
    for (const DayRuns& day : days) {
      if (auto job = PickEverything(day, now_ms, options)) return job;
    }
    return std::nullopt;
  }
  for (int level = 0; level < kTopFanInLevel; ++level) {
    for (const DayRuns& day : days) {
      const auto fan_in = static_cast<size_t>(std::max(2, options.fan_in));
      if (auto job = PickFanIn(day, level, fan_in)) return job;
    }
  }
  for (const DayRuns& day : days) {
    if (auto job = PickSeal(day, now_ms, options)) return job;
  }
  return std::nullopt;
}

}  // namespace larnax::store
