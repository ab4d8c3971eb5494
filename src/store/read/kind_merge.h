#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "head/generation.h"
#include "larnax/samples.h"
#include "store/read/part_reader.h"

namespace larnax::store {

/// Histogram samples of one series from one place, borrowed; times strictly ascending.
struct HistogramPart {
  std::span<const HistogramSample> samples;
  int64_t precedence = 0;  ///< Of two parts that have a time, the one with the higher one counts.
};

/// The samples of one series, of both kinds; at one time there is one of them.
struct MergedSeries {
  head::SampleColumns floats;
  std::vector<HistogramSample> histograms;
};

/// Merge the samples of one series from several places. At one time the sample of the highest
/// precedence counts, whatever its kind; a histogram where both kinds have the same one.
///
/// \param floats            Lowest precedence first.
/// \param float_precedence  Of each of `floats`.
/// \param histograms        Lowest precedence first.
/// \param out               Replaced.
void MergeKinds(std::span<const PartSamples> floats, std::span<const int64_t> float_precedence,
                std::span<const HistogramPart> histograms, MergedSeries* out);

}  // namespace larnax::store
