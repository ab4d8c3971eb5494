#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exec/function.h"
#include "exec/functions/range/range_notes.h"

namespace larnax::exec {

/// Increases over windows of one series' histograms.
class HistogramRate {
 public:
  /// \param samples  Borrowed.
  HistogramRate(const WindowedSamples<HistogramPtr>& samples, bool counter)
      : samples_(samples), counter_(counter) {}

  /// Subtract the first histogram of samples [begin, end) from the last, and, of a counter, add the
  /// ones before resets.
  ///
  /// \param end    At least begin + 2.
  /// \param notes  What there is to say; replaced where there is no result.
  /// \return Compact, marked as gauge; nullopt where layouts do not go together.
  std::optional<model::FloatHistogram> Increase(uint32_t begin, uint32_t end, RangeNotes* notes);

 private:
  bool StartResets(uint32_t index) const;
  // Whether sample `index` tells of a reset after the one before, by start times or by itself.
  bool Resets(uint32_t index);
  bool Resets(uint32_t index, const model::FloatHistogram& previous) const;
  std::optional<int32_t> CommonSchema(uint32_t begin, uint32_t end,
                                      const model::FloatHistogram& first, RangeNotes* notes) const;

  const WindowedSamples<HistogramPtr>& samples_;
  const bool counter_;
  std::vector<int8_t> resets_;  // By sample; -1: not known yet.
};

}  // namespace larnax::exec
