#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "larnax/samples.h"
#include "store/read/kind_merge.h"
#include "store/read/series_walk.h"

namespace larnax::store {

/// Looks up what files hold of some series in a time range, floats and histograms; a bounded part
/// of it in memory.
class StoredSamples {
 public:
  /// \param sources  As FindSources gives them. \param wanted  In file order.
  StoredSamples(std::vector<SeriesWalk::Source> sources, std::vector<LabelsView> wanted,
                TimeRange range)
      : walk_(std::move(sources), nullptr), wanted_(std::move(wanted)), range_(range) {}

  /// Stand before the first series; call once.
  arrow::Status Start();

  /// Find the samples of a series that count, over all files, the highest sequence winning. Call
  /// with series of `wanted`, in their order. \return nullptr when there are none; else valid until
  /// the next call.
  arrow::Result<const MergedSeries*> Find(LabelsView labels);

 private:
  arrow::Status Refill();

  SeriesWalk walk_;
  std::vector<LabelsView> wanted_;
  TimeRange range_;
  bool in_walk_ = false;
  size_t next_wanted_ = 0;
  // What Refill found: series of `wanted_`, by index, and their samples.
  std::vector<std::pair<size_t, MergedSeries>> found_;
  size_t next_found_ = 0;
};

}  // namespace larnax::store
