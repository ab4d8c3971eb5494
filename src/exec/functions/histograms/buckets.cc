#include <bit>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/number_text.h"
#include "base/utf8.h"
#include "exec/functions/function_lists.h"
#include "exec/functions/histograms/bucket_vector.h"
#include "exec/functions/histograms/classic_histogram.h"
#include "exec/functions/quantile.h"
#include "exec/functions/range/range_notes.h"
#include "exec/label_edit.h"
#include "exec/query_budget.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

void WarnOfQuantile(double quantile, promql::PositionRange position, Annotations* annotations) {
  if (IsQuantile(quantile)) return;
  std::string text = "quantile value should be between 0 and 1, got ";
  base::AppendShortest(quantile, &text);
  annotations->Warn(std::move(text), position);
}

void NoteRepair(const CallContext& call, LabelsView labels, const MonotonicityFix& fix, size_t step,
                promql::PositionRange position, Annotations* annotations) {
  const int64_t time_ms = call.grid.TimeAt(step);
  annotations->InformRepair(
      "input to histogram_quantile needed to be fixed for monotonicity (see "
      "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)" +
          NameInNotes(call, labels),
      {fix.lowest, fix.highest, fix.max_difference, time_ms, time_ms}, position);
}

// Quantiles of all histograms at the steps where `wanted`.
class QuantileEvaluator {
 public:
  QuantileEvaluator(const CallContext& call, std::span<const double> quantiles,
                    promql::PositionRange position, Annotations* annotations)
      : call_(call), quantiles_(quantiles), position_(position), annotations_(annotations) {}

  double Classic(LabelsView labels, size_t step, std::vector<ClassicBucket>* buckets) {
    MonotonicityFix fix;
    const double result = BucketQuantile(quantiles_[step], buckets, &fix);
    if (fix.forced) NoteRepair(call_, labels, fix, step, position_, annotations_);
    return result;
  }

  double Native(LabelsView labels, size_t step, const model::FloatHistogram& histogram) {
    const double quantile = quantiles_[step];
    const model::HistogramEstimate estimate = model::HistogramQuantile(histogram, quantile);
    if (estimate.has_nan_observations) {
      const bool nothing = std::isnan(estimate.value) && quantile > 0;
      annotations_->Inform(std::string("input to histogram_quantile has NaN observations, ") +
                               (nothing ? "result is NaN" : "result is skewed higher") +
                               NameInNotes(call_, labels),
                           position_);
    }
    return estimate.value;
  }

 private:
  const CallContext& call_;
  const std::span<const double> quantiles_;
  const promql::PositionRange position_;
  Annotations* annotations_;
};

class FractionEvaluator {
 public:
  FractionEvaluator(const CallContext& call, promql::PositionRange position,
                    Annotations* annotations)
      : call_(call), position_(position), annotations_(annotations) {}

  double Classic(LabelsView, size_t step, std::vector<ClassicBucket>* buckets) {
    return BucketFraction(call_.scalars[0][step], call_.scalars[1][step], buckets);
  }

  double Native(LabelsView labels, size_t step, const model::FloatHistogram& histogram) {
    const model::HistogramEstimate estimate =
        model::HistogramFraction(histogram, call_.scalars[0][step], call_.scalars[1][step]);
    if (estimate.has_nan_observations) {
      annotations_->Inform(
          "input to histogram_fraction has NaN observations, which are excluded from all "
          "fractions" +
              NameInNotes(call_, labels),
          position_);
    }
    return estimate.value;
  }

 private:
  const CallContext& call_;
  const promql::PositionRange position_;
  Annotations* annotations_;
};

// Appends a row for each histogram, at those of its steps that are in `steps` (null: all).
template <typename Evaluator>
arrow::Status EvaluateAll(const CallContext& call, const BucketVector& input,
                          const PresenceWord* steps, const std::optional<Label>& extra_label,
                          Evaluator* evaluator, BudgetPace* pace, StepVector* result) {
  const auto evaluate = [&](LabelsView labels, const std::vector<PresenceWord>& present,
                            auto&& f) -> arrow::Status {
    std::vector<PresenceWord> wanted = present;
    for (size_t word = 0; steps != nullptr && word < wanted.size(); ++word) {
      wanted[word] &= steps[word];
    }
    if (!AnyPresent(wanted.data(), call.grid.count)) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(pace->Pass(call.grid.count * sizeof(double)));
    std::string bytes(labels.bytes());
    if (extra_label) SetLabel(labels, extra_label->name, extra_label->value, &bytes);
    StepSeries& row = result->Add(result->StoreLabels(bytes), false);
    ForEachPresent(wanted.data(), call.grid.count,
                   [&](size_t step) { row.SetFloat(step, f(step)); });
    DropName(*call.query, result, &row);
    return arrow::Status::OK();
  };
  for (const BucketVector::Native& native : input.natives()) {
    const LabelsView labels = native.row->labels;
    ARROW_RETURN_NOT_OK(evaluate(labels, native.steps, [&](size_t step) {
      return evaluator->Native(labels, step, *native.row->histograms[step]);
    }));
  }
  std::vector<ClassicBucket> buckets;
  for (const BucketVector::Classic& classic : input.classics()) {
    const LabelsView labels(classic.labels);
    ARROW_RETURN_NOT_OK(evaluate(labels, classic.steps, [&](size_t step) {
      classic.BucketsAt(step, &buckets);
      return evaluator->Classic(labels, step, &buckets);
    }));
  }
  return arrow::Status::OK();
}

// histogram_quantile(q, v)
arrow::Result<StepVector> OneQuantile(const CallContext& call, std::vector<Argument>* arguments,
                                      Annotations* annotations) {
  const StepVector& vector = (*arguments)[1].vector;
  const std::span<const double> quantiles = call.scalars[0];
  for (const double q : quantiles) WarnOfQuantile(q, BareArgPosition(call, 0), annotations);
  const promql::PositionRange position = BareArgPosition(call, 1);
  const BucketVector input(call, vector, position, annotations);
  StepVector result(call.grid.count, vector.meter());
  QuantileEvaluator evaluator(call, quantiles, position, annotations);
  BudgetPace pace(call.budget);
  ARROW_RETURN_NOT_OK(EvaluateAll(call, input, nullptr, std::nullopt, &evaluator, &pace, &result));
  return result;
}

// A quantile as the value of a label: with a point, if it has no exponent.
std::string QuantileText(double quantile) {
  std::string text;
  base::AppendShortest(quantile, &text);
  if (std::isfinite(quantile) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// The steps at which a scalar has each of its values.
std::vector<std::pair<double, std::vector<PresenceWord>>> StepsByValue(
    std::span<const double> values) {
  std::vector<std::pair<double, std::vector<PresenceWord>>> result;
  boost::unordered_flat_map<uint64_t, size_t> places;
  for (size_t step = 0; step < values.size(); ++step) {
    const auto [place, added] =
        places.emplace(std::bit_cast<uint64_t>(values[step]), result.size());
    if (added) {
      result.emplace_back(values[step],
                          std::vector<PresenceWord>(PresenceWordCount(values.size())));
    }
    SetPresent(result[place->second].second.data(), step);
  }
  return result;
}

// histogram_quantiles(v, label, q...)
arrow::Result<StepVector> ManyQuantiles(const CallContext& call, std::vector<Argument>* arguments,
                                        Annotations* annotations) {
  const StepVector& vector = (*arguments)[0].vector;
  const std::string_view label = call.strings[1];
  if (label.empty() || !base::IsValidUtf8(label)) {
    return MakeError(ErrorKind::kExecution,
                     "invalid label name in histogram_quantiles(): " + std::string(label));
  }
  const size_t arg_count = call.call->args.size();
  for (size_t arg = 2; arg < arg_count; ++arg) {
    for (const double q : call.scalars[arg]) {
      WarnOfQuantile(q, BareArgPosition(call, arg), annotations);
    }
  }
  const promql::PositionRange position = BareArgPosition(call, 0);
  const BucketVector input(call, vector, position, annotations);
  StepVector result(call.grid.count, vector.meter());
  BudgetPace pace(call.budget);
  for (size_t arg = 2; arg < arg_count; ++arg) {
    QuantileEvaluator evaluator(call, call.scalars[arg], position, annotations);
    for (const auto& [quantile, steps] : StepsByValue(call.scalars[arg])) {
      const std::string text = QuantileText(quantile);
      ARROW_RETURN_NOT_OK(
          EvaluateAll(call, input, steps.data(), Label{label, text}, &evaluator, &pace, &result));
    }
  }
  return result;
}

// histogram_fraction(lower, upper, v)
arrow::Result<StepVector> Fraction(const CallContext& call, std::vector<Argument>* arguments,
                                   Annotations* annotations) {
  const StepVector& vector = (*arguments)[2].vector;
  const promql::PositionRange position = BareArgPosition(call, 2);
  const BucketVector input(call, vector, position, annotations);
  StepVector result(call.grid.count, vector.meter());
  FractionEvaluator evaluator(call, position, annotations);
  BudgetPace pace(call.budget);
  ARROW_RETURN_NOT_OK(EvaluateAll(call, input, nullptr, std::nullopt, &evaluator, &pace, &result));
  return result;
}

constexpr Function kFunctions[] = {
    {.name = "histogram_quantile", .vector = &OneQuantile},
    {.name = "histogram_quantiles", .vector = &ManyQuantiles},
    {.name = "histogram_fraction", .vector = &Fraction},
};

}  // namespace

std::span<const Function> BucketFunctions() { return kFunctions; }

}  // namespace larnax::exec
