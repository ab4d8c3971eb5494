#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/schema/exemplar_row.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "store/read/series_parts.h"
#include "store/read/series_walk.h"

namespace larnax::store {

inline bool ExemplarComesBefore(const columns::ExemplarRow& a, const columns::ExemplarRow& b) {
  return columns::CompareExemplars(a, b) < 0;
}

/// Bring the exemplars of one series into their order, each once.
void SortExemplars(std::vector<columns::ExemplarRow>* rows);

/// Walks the series of several files of the table `exemplars`, each with all its exemplars in
/// order, each of these once. A bounded part of the files is in memory.
class ExemplarWalk {
 public:
  /// \param sources  As FindSources gives them.
  /// \param damage   As for SeriesWalk: exemplars of damaged files are left out.
  ExemplarWalk(std::vector<SeriesWalk::Source> sources, TimeRange range, ReadStats* stats,
               DamageReport* damage = nullptr)
      : walk_(std::move(sources), stats, damage), range_(range), stats_(stats), damage_(damage) {}

  /// Stand on the first series. \return Whether there is one.
  arrow::Result<bool> Start();
  /// Stand on the next series; only while there is one. \return Whether there is another.
  arrow::Result<bool> Next();

  /// Of the series it stands on; valid until the next call. `rows` may be empty: there are none in
  /// the range.
  LabelsView labels() const { return series_[at_].labels; }
  const std::vector<columns::ExemplarRow>& rows() const { return rows_; }

 private:
  struct Series {
    LabelsView labels;
    std::shared_ptr<const void> memory;  // Of `labels`.
    size_t first_part;
    size_t part_count;
  };
  arrow::Result<bool> Refill();
  void Gather();

  SeriesWalk walk_;
  const TimeRange range_;
  ReadStats* const stats_;
  DamageReport* const damage_;
  bool in_walk_ = false;
  std::vector<Series> series_;
  size_t at_ = 0;
  LoadedExemplars loaded_;
  std::vector<columns::ExemplarRow> rows_;
};

/// Looks up the exemplars that files hold of some series in a time range.
class StoredExemplars {
 public:
  /// As StoredSamples; any series may be looked up, in file order.
  StoredExemplars(std::vector<SeriesWalk::Source> sources,
                  const std::vector<LabelsView>& /*wanted*/, TimeRange range)
      : walk_(std::move(sources), range, nullptr) {}
  arrow::Status Start();
  arrow::Result<const std::vector<columns::ExemplarRow>*> Find(LabelsView labels);

 private:
  ExemplarWalk walk_;
  bool in_walk_ = false;
};

}  // namespace larnax::store
