#pragma once

#include <memory>
#include <span>
#include <vector>

#include <arrow/result.h>

#include "columns/read/histograms_reader.h"
#include "larnax/samples.h"
#include "store/read/damage_report.h"
#include "store/read/part_reader.h"
#include "store/read/series_walk.h"

namespace larnax::store {

/// Finds what of the parts of series can be read where files are damaged. Not safe to use from two
/// threads.
class PartSalvage {
 public:
  /// \param sources  Outlive the salvage, as do `stats` and `damage`, which takes what it finds.
  PartSalvage(const std::vector<SeriesWalk::Source>& sources, TimeRange range, ReadStats* stats,
              DamageReport* damage);

  /// Give the rows of a part that can be read, ascending; pages of floats are tried one by one.
  ///
  /// \param gaps  Takes the times between which the others lie.
  /// \return Whole or in pieces; the times of a piece's extent are those of the part.
  arrow::Result<std::vector<SeriesPart>> Intact(const SeriesPart& part,
                                                std::vector<TimeRange>* gaps);

 private:
  arrow::Result<std::vector<SeriesPart>> IntactPages(const SeriesPart& part,
                                                     std::vector<TimeRange>* gaps);
  arrow::Status Open(uint32_t file);
  arrow::Status TryRead(const SeriesPart& part);

  const std::vector<SeriesWalk::Source>& sources_;
  const TimeRange range_;
  ReadStats* stats_;
  DamageReport* damage_;
  // Of each source, opened once.
  std::vector<bool> was_opened_;
  std::vector<arrow::Status> opened_;
  // What was read last.
  LoadedParts loaded_;
  columns::HistogramRows histograms_;
};

/// Leaves samples of some times out, and keeps what it copies for that.
class CutSamples {
 public:
  /// \return Valid as long as `samples` and this.
  PartSamples Without(const PartSamples& samples, TimeRange times);
  std::span<const HistogramSample> Without(std::span<const HistogramSample> samples,
                                           TimeRange times);

 private:
  std::vector<std::unique_ptr<std::vector<int64_t>>> times_;
  std::vector<std::unique_ptr<std::vector<double>>> values_;
  std::vector<std::unique_ptr<std::vector<HistogramSample>>> histograms_;
};

}  // namespace larnax::store
