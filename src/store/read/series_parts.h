#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <arrow/status.h>

#include "columns/read/exemplars_reader.h"
#include "columns/read/histograms_reader.h"
#include "store/read/kind_merge.h"
#include "store/read/part_reader.h"
#include "store/read/part_salvage.h"
#include "store/read/series_walk.h"

namespace larnax::store {

/// What a row of a file takes in memory when it is read, in rows of `samples`. Opens the file.
arrow::Result<int64_t> RowLoad(const SeriesWalk::Source& source, ReadStats* stats);

/// Rows of several series that are read together: floats and histograms of files of both tables.
/// Series are numbered from 0 in the order in which they were added.
class SeriesParts {
 public:
  /// Say by whom pages are decoded; the calling thread, otherwise.
  void set_runner(io::TaskRunner runner) { runner_ = std::move(runner); }
  /// Say whether histograms are made, or come with their source.
  void set_make_histograms(bool make) { make_histograms_ = make; }
  /// Forget all series; memory is used again.
  void Clear();
  /// Add a series with its parts, as a SeriesWalk over `sources` gives them.
  void Add(const std::vector<SeriesWalk::Source>& sources, std::span<const SeriesPart> parts,
           ReadStats* stats);
  /// Take note of what a file may have of the series added last: LoadIntact leaves out what older
  /// files have at its times.
  void AddGap(const LostRows& lost) {
    gaps_.push_back({series_.size() - 1, lost.max_sequence, lost.times});
  }
  /// Rows to be read, histograms counted by their size.
  int64_t load() const { return load_; }
  size_t part_count() const { return float_parts_.size() + histogram_parts_.size(); }

  /// Read what lies in `range`.
  arrow::Status Load(const std::vector<SeriesWalk::Source>& sources, TimeRange range,
                     ReadStats* stats);
  /// The same; but where files are damaged, what they hold is left out and noted. Of the times of
  /// what is missing, older files' samples are left out too: they may have been replaced.
  arrow::Status LoadIntact(const std::vector<SeriesWalk::Source>& sources, TimeRange range,
                           ReadStats* stats, DamageReport* damage);

  // After Load; lowest precedence first.
  std::span<const PartSamples> floats(size_t series) const;
  std::span<const int64_t> float_precedence(size_t series) const;
  std::span<const HistogramPart> histograms(size_t series) const;
  /// What was read; values and start times may be taken over.
  LoadedParts* loaded() { return &loaded_; }
  /// What else the spans above may borrow; one may be null.
  std::vector<std::shared_ptr<const void>> memory() const {
    std::vector<std::shared_ptr<const void>> all(histogram_rows_.begin(), histogram_rows_.end());
    all.push_back(cut_);
    return all;
  }

 private:
  struct Series {
    size_t first_float;
    size_t float_count;
    size_t first_histogram;
    size_t histogram_count;
  };
  // Times of a series that cannot be read of a file.
  struct Gap {
    size_t series;
    int64_t precedence;
    TimeRange times;
  };
  arrow::Status LoadSalvage(const std::vector<SeriesWalk::Source>& sources, TimeRange range,
                            ReadStats* stats, DamageReport* damage);
  void AddParts(const std::vector<SeriesWalk::Source>& sources, std::span<const SeriesPart> parts,
                ReadStats* stats);
  void LeaveOut(const Gap& gap);
  arrow::Status LoadHistograms(const std::vector<SeriesWalk::Source>& sources, TimeRange range,
                               ReadStats* stats);

  io::TaskRunner runner_;
  bool make_histograms_ = true;
  std::vector<Series> series_;
  std::vector<SeriesPart> float_parts_;
  std::vector<int64_t> float_precedence_;
  std::vector<SeriesPart> histogram_parts_;
  std::vector<Gap> gaps_;
  int64_t load_ = 0;

  LoadedParts loaded_;
  std::vector<HistogramPart> histograms_;
  std::vector<std::shared_ptr<const columns::HistogramRows>> histogram_rows_;
  std::shared_ptr<CutSamples> cut_;  // May be null.
};

/// Exemplars of parts of files of that table, in the order of the parts.
struct LoadedExemplars {
  std::vector<std::span<const columns::ExemplarRow>> parts;
  std::vector<columns::ExemplarRows> rows;  ///< That `parts` borrow.
};
/// Read the exemplars of parts that lie in `range`; replaces the content of `loaded`. \param damage
/// As for SeriesWalk: the parts of a damaged file are then empty.
arrow::Status LoadExemplars(const std::vector<SeriesWalk::Source>& sources,
                            std::span<const SeriesPart> parts, TimeRange range, ReadStats* stats,
                            LoadedExemplars* loaded, DamageReport* damage = nullptr);

}  // namespace larnax::store
