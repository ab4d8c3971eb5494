#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "columns/write/samples_writer.h"
#include "store/manifest/version.h"

namespace larnax::store {

/// When files are merged.
struct MergeOptions {
  int fan_in = 8;                      ///< Runs of one level that make one of the next.
  int64_t max_file_bytes = 256 << 20;  ///< An output is cut at a metric past this size.
  int64_t day_grace_ms = 600'000;      ///< A day is over so long after its end ...
  int64_t quiet_ms = 600'000;          ///< ... and sealed when no file came for so long.
  double late_share = 0.1;             ///< Late rows of a sealed day are merged into it from
                                       ///< this share of its rows on, ...
  int64_t late_age_ms = 86'400'000;    ///< ... or at this age.
  int64_t min_free_bytes = 0;          ///< What a merge leaves free on the disk.
};

/// Files of this level are not merged by number; they wait for the end of the day.
inline constexpr int kTopFanInLevel = 2;

/// Runs of one day, adjacent in sequence, that become one: with all their tables, so that of any
/// two samples of one series and time it can always be told which is later.
struct MergeJob {
  int64_t day = 0;
  std::vector<Run> runs;
  int level = 0;  ///< Of the output.
  columns::Tier tier = columns::Tier::kMerged;
};

/// Tell whether a day is over: its files become one.
bool IsOver(int64_t day, int64_t now_ms, const MergeOptions& options);

/// Choose what to merge next; nullopt when nothing is due.
///
/// Level by level, small files first: each row is rewritten about four times in all. With
/// `everything`, whatever is not yet one run a day is due.
///
/// \param damaged  Names of files that cannot be read: their runs stay as they are, and nothing is
///                 merged across them.
std::optional<MergeJob> PickMerge(const Version& version, int64_t now_ms,
                                  const MergeOptions& options, bool everything,
                                  const std::set<std::string>& damaged = {});

}  // namespace larnax::store
