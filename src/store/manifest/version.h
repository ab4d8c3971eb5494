#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "columns/schema/column_registry.h"
#include "store/data_file.h"
#include "store/manifest/manifest.h"

namespace larnax::store {

/// The live files at one moment; immutable, shared by all who read it. Files stay readable for as
/// long as a Version holds them.
struct Version {
  /// The root manifest; `files` and `months` are empty here.
  Manifest manifest;
  columns::ColumnRegistry registry;
  /// Of all tables: in the order of table (as kDayTables), day, sequences, metrics.
  std::vector<std::shared_ptr<DataFile>> files;

  using Files = std::span<const std::shared_ptr<DataFile>>;
  Files FilesOf(std::string_view table) const;
  /// Files of float and histogram samples, which are read together.
  Files sample_files() const;
  bool HasTable(std::string_view table) const { return !FilesOf(table).empty(); }

  int64_t rows() const;
  int64_t bytes() const;  ///< Data files and indexes.
  /// Latest time of any sample; -1 when there are none.
  int64_t max_time_ms() const;
};

/// Put files into the order that Version keeps.
void SortFiles(std::vector<std::shared_ptr<DataFile>>* files);

/// Files that together hold one range of sequences of one day: what one flush or merge wrote, of
/// all tables. More than one of a table where the output was cut; their metrics ascend.
struct Run {
  std::vector<std::shared_ptr<DataFile>> files;
  int level = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t min_sequence = 0;
  int64_t max_sequence = 0;
  int64_t created_ms = 0;
};

/// The runs of one day, their sequences ascending.
struct DayRuns {
  int64_t day = 0;
  std::vector<Run> runs;
  bool is_damaged = false;  ///< A run cannot be read; set by PickMerge.
};

/// Group a version's files; days ascending.
std::vector<DayRuns> RunsOf(const Version& version);

/// The last day up to which every day is one run of level 3; nullopt when there is none.
///
/// \param over_before_day  Days from this one on are not over.
std::optional<int64_t> SealedThrough(const Version& version, int64_t over_before_day);

}  // namespace larnax::store
