#include "exec/functions/range/histogram_rate.h"

#include <algorithm>

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

void HistogramRate::Look(uint32_t begin, uint32_t end) {
  for (looked_ = std::max(looked_, begin + 1); looked_ < end; ++looked_) {
    const FloatHistogram& current = *samples_.value[looked_];
    const FloatHistogram& previous = *samples_.value[looked_ - 1];
    if (Resets(looked_, previous)) resets_.Add(looked_);
    if (current.schema != previous.schema ||
        current.counter_reset_hint == CounterResetHint::kGauge) {
      odd_.Add(looked_);
    }
  }
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

bool HistogramRate::AddResets(uint32_t begin, uint32_t end, const FloatHistogram& first,
                              FloatHistogram* increase, RangeNotes* notes) {
  const auto add = [&](const FloatHistogram& before) {
    const auto report = increase->Add(before);
    if (!report) {
      notes->Replace(RangeNote::kMixedSchemas);
    } else if (report->bounds_reconciled) {
      notes->Add(RangeNote::kBoundsAdded);
    }
    return report.has_value();
  };
  if (Resets(begin + 1, first) && !add(first)) return false;
  bool added = true;
  resets_.ForEachInside(begin, end, [&](uint32_t i) {
    if (i > begin + 1) added = added && add(*samples_.value[i - 1]);
  });
  return added;
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
  if (counter_) Look(begin, end);
  if (counter_ && resets_.AnyInside(begin, begin + 2)) {
    nothing.schema = samples_.value[begin + 1]->schema;
    nothing.custom_bounds = samples_.value[begin + 1]->custom_bounds;
    previous = &nothing;
  }
  std::optional<int32_t> schema = last.schema;
  if (!counter_ || odd_.AnyInside(begin, end)) schema = CommonSchema(begin, end, *previous, notes);
  if (!schema) return std::nullopt;

  FloatHistogram increase = last;
  increase.ReduceTo(*schema);
  auto report = increase.Subtract(*previous);
  if (!report) {
    notes->Replace(RangeNote::kMixedSchemas);
    return std::nullopt;
  }
  if (report->bounds_reconciled) notes->Add(RangeNote::kBoundsSubtracted);
  if (counter_ && resets_.AnyInside(begin, end)) {
    if (!AddResets(begin, end, *previous, &increase, notes)) return std::nullopt;
  }
  if (!counter_ && !only_gauges) notes->Add(RangeNote::kNotGauge);
  increase.counter_reset_hint = CounterResetHint::kGauge;
  increase.Compact();
  return increase;
}

}  // namespace larnax::exec
