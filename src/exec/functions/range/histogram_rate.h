#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exec/function.h"
#include "exec/functions/range/range_notes.h"
#include "exec/functions/range/rate.h"

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
  /// \param begin, end  No less than those of the last call; end is at least begin + 2.
  /// \param notes  What there is to say; replaced where there is no result.
  /// \return Compact, marked as gauge; nullopt where layouts do not go together.
  std::optional<model::FloatHistogram> Increase(uint32_t begin, uint32_t end, RangeNotes* notes);

 private:
  bool StartResets(uint32_t index) const;
  // Whether sample `index` tells of a reset after the one before, by start times or by itself.
  bool Resets(uint32_t index, const model::FloatHistogram& previous) const;
  // Adds the histograms before resets; `first` stands for the one at `begin`.
  bool AddResets(uint32_t begin, uint32_t end, const model::FloatHistogram& first,
                 model::FloatHistogram* increase, RangeNotes* notes);
  // Compares the samples of a window with those before them, each once: windows move forwards.
  void Look(uint32_t begin, uint32_t end);
  std::optional<int32_t> CommonSchema(uint32_t begin, uint32_t end,
                                      const model::FloatHistogram& first, RangeNotes* notes) const;

  const WindowedSamples<HistogramPtr>& samples_;
  const bool counter_;
  uint32_t looked_ = 0;  // Samples before it were compared, or are in no window to come.
  EventList resets_;
  EventList odd_;  // Of another schema than the one before, or a gauge's.
};

}  // namespace larnax::exec
