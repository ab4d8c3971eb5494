#include "exec/functions/range/histogram_rate.h"

#include <algorithm>
#include <utility>

#include "exec/functions/range/start_times.h"

namespace larnax::exec {

using model::FloatHistogram;

bool HistogramRate::StartResets(uint32_t index) const {
  return !samples_.start_ms.empty() &&
         IsStartReset(samples_.start_ms[index - 1], samples_.time_ms[index - 1],
                      samples_.start_ms[index], samples_.time_ms[index]);
}

bool HistogramRate::Resets(uint32_t index, const FloatHistogram& previous) const {
  return StartResets(index) || samples_.value[index]->DetectReset(previous);
}

bool HistogramRate::Resets(uint32_t index) {
  if (resets_.empty()) resets_.assign(samples_.value.size(), -1);
  int8_t& known = resets_[index];
  if (known < 0) known = Resets(index, *samples_.value[index - 1]) ? 1 : 0;
  return known != 0;
}

std::optional<int32_t> HistogramRate::CommonSchema(uint32_t begin, uint32_t end,
                                                   const FloatHistogram& first,
                                                   RangeNotes* notes) const {
  const FloatHistogram& last = *samples_.value[end - 1];
  const bool custom = first.has_custom_bounds();
  bool mixed = last.has_custom_bounds() != custom;
  int32_t schema = std::min(first.schema, last.schema);
  // Histograms between the first and the last of a gauge play no part.
  for (uint32_t i = begin + 1; counter_ && !mixed && i + 1 < end; ++i) {
    const FloatHistogram& current = *samples_.value[i];
    if (current.counter_reset_hint == CounterResetHint::kGauge) notes->Add(RangeNote::kNotCounter);
    schema = std::min(schema, current.schema);
    mixed = current.has_custom_bounds() != custom;
  }
  if (!mixed) return schema;
  notes->Replace(RangeNote::kMixedSchemas);
  return std::nullopt;
}

std::optional<FloatHistogram> HistogramRate::Increase(uint32_t begin, uint32_t end,
                                                      RangeNotes* notes) {
  const FloatHistogram* previous = samples_.value[begin].get();
  const FloatHistogram& last = *samples_.value[end - 1];
  const bool gauges = previous->counter_reset_hint == CounterResetHint::kGauge ||
                      last.counter_reset_hint == CounterResetHint::kGauge;
  const bool only_gauges = previous->counter_reset_hint == CounterResetHint::kGauge &&
                           last.counter_reset_hint == CounterResetHint::kGauge;
  if (counter_ && gauges) notes->Add(RangeNote::kNotCounter);

  // After a reset at the second histogram the layout of the first does not matter.
  FloatHistogram nothing;
  if (counter_ && Resets(begin + 1)) {
    nothing.schema = samples_.value[begin + 1]->schema;
    nothing.custom_bounds = samples_.value[begin + 1]->custom_bounds;
    previous = &nothing;
  }
  const auto schema = CommonSchema(begin, end, *previous, notes);
  if (!schema) return std::nullopt;

  FloatHistogram increase = last;
  increase.ReduceTo(*schema);
  auto report = increase.Subtract(*previous);
  if (!report) {
    notes->Replace(RangeNote::kMixedSchemas);
    return std::nullopt;
  }
  if (report->bounds_reconciled) notes->Add(RangeNote::kBoundsSubtracted);
  for (uint32_t i = begin + 1; counter_ && i < end; ++i) {
    const bool resets = previous == &nothing ? Resets(i, nothing) : Resets(i);
    if (resets) {
      report = increase.Add(*previous);
      if (!report) {
        notes->Replace(RangeNote::kMixedSchemas);
        return std::nullopt;
      }
      if (report->bounds_reconciled) notes->Add(RangeNote::kBoundsAdded);
    }
    previous = samples_.value[i].get();
  }
  if (!counter_ && !only_gauges) notes->Add(RangeNote::kNotGauge);
  increase.counter_reset_hint = CounterResetHint::kGauge;
  increase.Compact();
  return increase;
}

}  // namespace larnax::exec
