#include "exec/functions/range/interpolation.h"

namespace larnax::exec {

using model::FloatHistogram;

std::optional<FloatHistogram> InterpolateHistograms(const FloatHistogram& h1, int64_t t1,
                                                    const FloatHistogram& h2, int64_t t2,
                                                    int64_t time_ms, bool counter,
                                                    RangeNotes* notes) {
  if (time_ms == t1) return h1;
  if (time_ms == t2) return h2;
  const double part = static_cast<double>(time_ms - t1) / static_cast<double>(t2 - t1);
  FloatHistogram result = h2;
  if (counter && h2.DetectReset(h1)) {
    result.Multiply(part);
    return result;
  }
  const auto subtracted = result.Subtract(h1);
  if (!subtracted) return std::nullopt;
  if (subtracted->bounds_reconciled) notes->Add(RangeNote::kBoundsSubtracted);
  result.Multiply(part);
  const auto added = result.Add(h1);
  if (!added) return std::nullopt;
  if (added->bounds_reconciled) notes->Add(RangeNote::kBoundsAdded);
  return result;
}

}  // namespace larnax::exec
