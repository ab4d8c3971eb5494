#include "exec/operators/small_operators.h"

#include <algorithm>
#include <utility>

#include "exec/operators/binary_values.h"

namespace larnax::exec {

arrow::Result<std::vector<double>> NegatedScalar::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(std::vector<double> values, input_->Evaluate());
  for (double& value : values) value = -value;
  return values;
}

arrow::Result<std::vector<double>> BinaryScalar::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(std::vector<double> values, lhs_->Evaluate());
  ARROW_ASSIGN_OR_RAISE(const std::vector<double> rhs, rhs_->Evaluate());
  for (size_t i = 0; i < values.size(); ++i) values[i] = ComputeFloats(op_, values[i], rhs[i]);
  return values;
}

arrow::Result<std::vector<double>> RepeatedScalar::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(const std::vector<double> one, input_->Evaluate());
  return std::vector<double>(steps_, one.front());
}

arrow::Result<std::vector<Argument>> CallArguments::Evaluate() {
  std::vector<Argument> out(arguments.size());
  call.scalars.resize(arguments.size());
  call.strings.resize(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    out[i].type = arguments[i].type;
    if (arguments[i].vector != nullptr) {
      ARROW_ASSIGN_OR_RAISE(out[i].vector, Drain(arguments[i].vector.get()));
    } else if (arguments[i].scalar != nullptr) {
      ARROW_ASSIGN_OR_RAISE(out[i].scalar, arguments[i].scalar->Evaluate());
      call.scalars[i] = out[i].scalar;
    } else {
      out[i].text = arguments[i].text;
      call.strings[i] = arguments[i].text;
    }
  }
  return out;
}

arrow::Result<std::vector<double>> ScalarFunction::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(std::vector<Argument> arguments, arguments_.Evaluate());
  std::vector<double> out(arguments_.call.grid.count);
  ARROW_RETURN_NOT_OK(function_->scalar(arguments_.call, &arguments, out, &context_->annotations));
  return out;
}

arrow::Result<StepVector> VectorFunction::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(std::vector<Argument> arguments, arguments_.Evaluate());
  ARROW_ASSIGN_OR_RAISE(StepVector out,
                        function_->vector(arguments_.call, &arguments, &context_->annotations));
  RemoveEmptyRows(&out);
  ARROW_RETURN_NOT_OK(MergeSameLabels(&out));
  return out;
}

arrow::Result<StepVector> ScalarAsVector::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(const std::vector<double> values, scalar_->Evaluate());
  StepVector out = NewVector();
  if (grid_.count == 0) return out;
  StepSeries& row = out.Add(LabelsView(), false);
  std::copy(values.begin(), values.end(), row.values);
  SetAllPresent(row.present, grid_.count);
  return out;
}

arrow::Result<StepVector> RepeatedVector::DoNext() {
  ARROW_ASSIGN_OR_RAISE(const StepVector batch, input_->Next());
  StepVector out = NewVector();
  if (batch.empty()) return out;
  ARROW_RETURN_NOT_OK(CheckRows(batch.size()));
  out.Reserve(batch.size());
  for (const StepSeries& from : batch.series) {
    StepSeries& row = out.Add(out.StoreLabels(from.labels.bytes()), from.drop_name);
    SetAllPresent(row.present, grid_.count);
    std::fill_n(row.values, grid_.count, from.values[0]);
    if (from.IsHistogram(0)) {
      out.SetAllHistograms(&row, from.histograms[0]);
    }
    if (from.sample_time_ms != nullptr) {
      out.AddSampleTimes(&row);
      std::fill_n(row.sample_time_ms, grid_.count, from.sample_time_ms[0]);
    }
  }
  return out;
}

namespace {

void ClearCounts(QueryStats* stats) {
  stats->samples = stats->samples_taken = 0;
  for (auto* counts : {&stats->samples_at, &stats->samples_taken_at}) {
    std::fill(counts->begin(), counts->end(), 0);
  }
}

void AddCounts(const QueryStats& from, QueryStats* to) {
  to->samples += from.samples;
  to->samples_taken += from.samples_taken;
  for (size_t step = 0; step < from.samples_at.size(); ++step) {
    to->samples_at[step] += from.samples_at[step];
    to->samples_taken_at[step] += from.samples_taken_at[step];
  }
}

}  // namespace

arrow::Result<StepVector> SharedVector::Take(int32_t place) {
  if (!evaluated_) {
    Annotations notes = std::exchange(context_->annotations, {});
    QueryStats stats = context_->stats;
    ClearCounts(&context_->stats);
    arrow::Result<StepVector> all = Drain(input_.get());
    notes_ = std::exchange(context_->annotations, std::move(notes));
    counts_ = std::exchange(context_->stats, std::move(stats));
    ARROW_ASSIGN_OR_RAISE(all_, std::move(all));
    evaluated_ = true;
  }
  context_->annotations.Merge(notes_, place - place_);
  AddCounts(counts_, &context_->stats);
  if (--readers_ == 0) return std::move(all_);
  StepVector copy(all_.steps(), all_.meter());
  copy.KeepAllOf(all_);
  copy.Reserve(all_.size());
  for (const StepSeries& row : all_.series) copy.AddCopy(row);
  return copy;
}

}  // namespace larnax::exec
