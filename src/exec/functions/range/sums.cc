#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "base/kahan.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/range/exact_sums.h"
#include "exec/functions/range/float_windows.h"
#include "exec/functions/range/window_lanes.h"

namespace larnax::exec {
namespace {

using model::HistogramAccumulator;

// Steps that are evaluated between two checks of the query's budget.
constexpr size_t kBlock = 64;

double Sum(std::span<const double> values) {
  base::KahanSum sum;
  for (const double value : values) sum.Add(value);
  return std::isinf(sum.sum) ? sum.sum : sum.Total();
}

// The sum over the count; once the sum would overflow, a running mean from there on.
double Mean(std::span<const double> values) {
  base::KahanSum sum{values[0], 0};
  size_t i = 1;
  for (; i < values.size(); ++i) {
    base::KahanSum next = sum;
    next.Add(values[i]);
    if (std::isinf(next.sum)) break;
    sum = next;
  }
  if (i == values.size()) {
    const auto count = static_cast<double>(i);
    return sum.sum / count + sum.compensation / count;
  }
  const auto summed = static_cast<double>(i);
  base::KahanSum mean{sum.sum / summed, sum.compensation / summed};
  for (; i < values.size(); ++i) {
    const auto count = static_cast<double>(i + 1);
    mean.Scale((count - 1) / count);
    mean.Add(values[i] / count);
  }
  return mean.Total();
}

// Population variance by Welford's recurrence.
double Variance(std::span<const double> values) {
  double count = 0;
  base::KahanSum mean;
  base::KahanSum squares;
  for (const double value : values) {
    count += 1;
    const double delta = value - mean.Total();
    mean.Add(delta / count);
    squares.Add(delta * (value - mean.Total()));
  }
  return squares.Total() / count;
}

// Adds up the histograms of one window; nullopt where their layouts do not go together.
std::optional<model::FloatHistogram> Accumulate(HistogramAccumulator::Kind kind,
                                                std::span<const HistogramPtr> histograms,
                                                RangeNotes* notes) {
  HistogramAccumulator accumulator(kind);
  bool reset = false;
  bool not_reset = false;
  for (const HistogramPtr& histogram : histograms) {
    reset |= histogram->counter_reset_hint == CounterResetHint::kReset;
    not_reset |= histogram->counter_reset_hint == CounterResetHint::kNotReset;
    const auto report = accumulator.Add(*histogram);
    if (!report) {
      notes->Replace(RangeNote::kMixedSchemas);
      return std::nullopt;
    }
    if (report->bounds_reconciled) notes->Add(RangeNote::kBoundsAggregated);
  }
  if (reset && not_reset) notes->Add(RangeNote::kResetsCollide);
  return accumulator.Result();
}

// `sum_over_time` and `avg_over_time` of windows that may hold histograms.
template <double (*kOfFloats)(std::span<const double>)>
arrow::Status AccumulateAnyWindows(const CallContext& call, HistogramAccumulator::Kind kind,
                                   const RangeSeries& series, SeriesWriter* out,
                                   RangeNotes* notes) {
  WorkMeter work(call);
  const auto& floats = series.floats;
  const auto& histograms = series.histograms;
  for (size_t step = 0; step < out->steps(); ++step) {
    const size_t float_count = CountInWindow(floats, step);
    const size_t histogram_count = CountInWindow(histograms, step);
    ARROW_RETURN_NOT_OK(work.Add(float_count + histogram_count * kHistogramWork));
    if (float_count > 0 && histogram_count > 0) {
      notes->Add(RangeNote::kMixedTypes);
    } else if (float_count > 0) {
      out->SetFloat(step, kOfFloats(floats.value.subspan(floats.begin[step], float_count)));
    } else if (histogram_count > 0) {
      RangeNotes window_notes;
      auto result = Accumulate(
          kind, histograms.value.subspan(histograms.begin[step], histogram_count), &window_notes);
      if (result) out->SetHistogram(step, *std::move(result));
      notes->Add(window_notes);
    }
  }
  return arrow::Status::OK();
}

// Windows of floats only. What sums cannot tell (values that are not finite, sums that overflow) is
// left to the loop over the window.
template <double (*kOfFloats)(std::span<const double>), HistogramAccumulator::Kind kKind>
arrow::Status AccumulateFloats(const CallContext& call, const WindowedSamples<double>& floats,
                               SeriesWriter* out) {
  constexpr bool kMean = kKind == HistogramAccumulator::Kind::kMean;
  const size_t steps = out->steps();
  double* const result = out->values();
  MarkFilledWindows(floats, out);
  ExactSums exact;
  if (exact.Load(floats.value)) {
    for (size_t step = 0; step < steps; ++step) {
      const uint32_t begin = floats.begin[step];
      const uint32_t end = floats.end[step];
      const double sum = exact.Sum(begin, end);
      result[step] = kMean ? sum / static_cast<double>(end - begin) : sum;
    }
    return arrow::Status::OK();
  }
  WorkMeter work(call);
  std::array<FiniteSum, kBlock> sums;
  for (size_t first = 0; first < steps; first += kBlock) {
    const size_t past = std::min(steps, first + kBlock);
    ARROW_RETURN_NOT_OK(work.Add(CountInWindows(floats, first, past)));
    SumWindows({floats.value, floats.begin.subspan(first, past - first),
                floats.end.subspan(first, past - first)},
               sums.data());
    for (size_t step = first; step < past; ++step) {
      const uint32_t begin = floats.begin[step];
      const uint32_t end = floats.end[step];
      const FiniteSum& sum = sums[step - first];
      const auto count = static_cast<double>(end - begin);
      result[step] = kMean ? sum.sum / count + sum.compensation / count : sum.Total();
      if (!std::isfinite(result[step]) && begin < end) {
        result[step] = kOfFloats(floats.value.subspan(begin, end - begin));
      }
    }
  }
  return arrow::Status::OK();
}

template <double (*kOfFloats)(std::span<const double>), HistogramAccumulator::Kind kKind>
arrow::Status AccumulateOverTime(const CallContext& call, const RangeSpec&,
                                 const RangeSeries& series, SeriesWriter* out,
                                 Annotations* annotations) {
  if (series.histograms.empty()) {
    if (series.floats.empty()) return arrow::Status::OK();
    return AccumulateFloats<kOfFloats, kKind>(call, series.floats, out);
  }
  RangeNotes notes;
  ARROW_RETURN_NOT_OK(AccumulateAnyWindows<kOfFloats>(call, kKind, series, out, &notes));
  notes.Report(series.labels, RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

arrow::Status SpreadFloats(const CallContext& call, const WindowedSamples<double>& floats,
                           SeriesWriter* out) {
  const size_t steps = out->steps();
  double* const result = out->values();
  WorkMeter work(call);
  for (size_t first = 0; first < steps; first += kBlock) {
    const size_t past = std::min(steps, first + kBlock);
    ARROW_RETURN_NOT_OK(work.Add(CountInWindows(floats, first, past)));
    SpreadWindows({floats.value, floats.begin.subspan(first, past - first),
                   floats.end.subspan(first, past - first)},
                  result + first);
    for (size_t step = first; step < past; ++step) {
      const uint32_t begin = floats.begin[step];
      const uint32_t end = floats.end[step];
      if (std::isfinite(result[step]) || begin == end) continue;
      result[step] = Variance(floats.value.subspan(begin, end - begin));
    }
  }
  MarkFilledWindows(floats, out);
  return arrow::Status::OK();
}

template <bool kRoot>
arrow::Status SpreadOverTime(const CallContext& call, const RangeSpec&, const RangeSeries& series,
                             SeriesWriter* out, Annotations* annotations) {
  if (series.floats.empty()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(SpreadFloats(call, series.floats, out));
  if (kRoot) {
    for (size_t step = 0; step < out->steps(); ++step) {
      out->values()[step] = std::sqrt(out->values()[step]);
    }
  }
  NoteIgnoredHistograms(series, out->steps(), RangeArgPosition(call), annotations);
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "sum_over_time", .range = &AccumulateOverTime<&Sum, HistogramAccumulator::Kind::kSum>},
    {.name = "avg_over_time",
     .range = &AccumulateOverTime<&Mean, HistogramAccumulator::Kind::kMean>},
    {.name = "stddev_over_time", .range = &SpreadOverTime<true>},
    {.name = "stdvar_over_time", .range = &SpreadOverTime<false>},
};

}  // namespace

std::span<const Function> SumFunctions() { return kFunctions; }

}  // namespace larnax::exec
