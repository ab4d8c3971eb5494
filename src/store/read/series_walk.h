#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <arrow/result.h>

#include "columns/read/series_index.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "store/data_file.h"
#include "store/read/damage_report.h"
#include "store/read/query_guard.h"

namespace larnax::store {

/// Rows of one series in one file.
struct SeriesPart {
  uint32_t file = 0;  ///< Index in SeriesWalk::files().
  columns::SeriesExtent extent;
};

/// Walks the series of several files in file order, equal label sets together.
///
/// Holds of each file the numbers of the wanted rows and a chunk of their labels, so that memory
/// does not grow with the number of series. Not safe to use from two threads.
class SeriesWalk {
 public:
  /// A file and the rows of its index that are wanted, ascending.
  struct Source {
    std::shared_ptr<DataFile> file;
    std::shared_ptr<columns::SeriesIndex> index;
    std::shared_ptr<columns::SamplesReader> samples;                  ///< Null: opened when needed.
    std::shared_ptr<columns::HistogramsReader> histograms = nullptr;  ///< The same.
    std::vector<uint32_t> rows;
    bool all_rows = false;  ///< Every row; `rows` is empty then.
  };

  /// \param sources  Lowest precedence (sequence) first. \param stats  May be nullptr; outlives it.
  /// \param damage   Where a damaged index is noted, which then ends early; nullptr: it ends the
  ///                 walk with kCorrupt.
  SeriesWalk(std::vector<Source> sources, ReadStats* stats, DamageReport* damage = nullptr);
  ~SeriesWalk();
  SeriesWalk(const SeriesWalk&) = delete;
  SeriesWalk& operator=(const SeriesWalk&) = delete;

  /// Stand on the first series. \return Whether there is one.
  arrow::Result<bool> Start();
  /// Stand on the next series; only while there is one. \return Whether there is another.
  arrow::Result<bool> Next();

  /// Labels of the series it stands on; valid as long as label_memory().
  LabelsView labels() const { return labels_; }
  const std::shared_ptr<const void>& label_memory() const { return *label_memory_; }
  /// Its parts, lowest precedence first.
  std::span<const SeriesPart> parts() const { return parts_; }
  const std::vector<Source>& sources() const { return sources_; }

 private:
  struct Cursor {
    size_t next = 0;  // Row (of the wanted ones) after the chunk.
    size_t at = 0;    // Within the chunk.
    std::vector<LabelsView> labels;
    std::shared_ptr<const void> memory;  // Of `labels`.
    std::vector<columns::SeriesExtent> extents;

    LabelsView view() const { return labels[at]; }
  };

  arrow::Result<bool> LoadChunk(size_t source);
  arrow::Status ReadChunk(const Source& source, std::span<const uint32_t> rows, Cursor* cursor);
  arrow::Status LoadLabels(const Source& source, std::span<const uint32_t> rows, Cursor* cursor);
  arrow::Result<bool> Advance(size_t source);
  bool ComesAfter(uint32_t a, uint32_t b) const;
  bool StaysTogether();
  bool ComesBeforeHeap();
  arrow::Result<bool> Gather();

  std::vector<Source> sources_;
  ReadStats* stats_;
  DamageReport* damage_;
  std::vector<Cursor> cursors_;
  std::vector<uint32_t> heap_;     // Cursors that stand on a row; the first in order in front.
  std::vector<uint32_t> current_;  // Those that stand on the present series, not in the heap.
  // Series of the present chunk of current_.front() that are known to come before the heap's first,
  // and how many came before it one after the other.
  size_t before_heap_ = 0;
  size_t streak_ = 0;
  LabelsView labels_;
  const std::shared_ptr<const void>* label_memory_ = nullptr;
  std::vector<SeriesPart> parts_;
};

/// Tell whether files may hold series that the matchers select, judging by their metrics alone.
bool MayHold(const FileEntry& file, std::span<const Matcher> matchers);

/// Find the wanted rows of files: those that any selector matches (none: all) and whose times
/// overlap `range`. Files that have none are left out; `stats` counts the files.
///
/// \param files  Any order; the sources come out lowest precedence first.
/// \param guard   Asked before each file; may be nullptr.
/// \param damage  As for SeriesWalk.
arrow::Result<std::vector<SeriesWalk::Source>> FindSources(
    std::span<const std::shared_ptr<DataFile>> files,
    std::span<const std::vector<Matcher>> selectors, TimeRange range, ReadStats* stats,
    const QueryGuard* guard = nullptr, DamageReport* damage = nullptr);

}  // namespace larnax::store
