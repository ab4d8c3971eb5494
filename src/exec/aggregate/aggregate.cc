#include "exec/aggregate/aggregate.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/number_text.h"
#include "base/utf8.h"
#include "exec/aggregate/accumulators.h"
#include "exec/aggregate/aggregate_ranks.h"
#include "exec/aggregate/group_index.h"
#include "exec/functions/quantile.h"
#include "exec/label_edit.h"
#include "exec/step_ranges.h"
#include "larnax/error.h"
#include "promql/number_text.h"

namespace larnax::exec {

using promql::AggregateOp;

namespace {

// `sum avg count min max group stddev stdvar`: holds one batch and the groups.
class GroupedAggregate final : public WholeOperator {
 public:
  GroupedAggregate(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr input)
      : WholeOperator(context, input->grid()),
        aggregate_(*expr->As<promql::Aggregate>()),
        input_(std::move(input)) {}

 private:
  struct Group {
    std::unique_ptr<Accumulator> accumulator;
    int64_t bytes = 0;  // As they are counted.
    bool drop_name = false;
  };

  arrow::Result<StepVector> Evaluate() override {
    GroupIndex index(aggregate_.grouping, aggregate_.without);
    FindGroupsInTasks(index, context_, input_.get());
    std::vector<Group> groups;
    MeteredHold held(context_->budget->meter());
    BudgetPace pace(context_->budget);
    const promql::PositionRange position = aggregate_.expr->position;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(StepVector batch, input_->Next());
      if (batch.empty()) break;
      BatchGroups batch_groups(batch, &index);
      for (size_t i = 0; i < batch.size(); ++i) {
        const StepSeries& row = batch.series[i];
        // A group takes two rows, or three.
        ARROW_RETURN_NOT_OK(pace.Pass(3 * grid_.count * sizeof(double)));
        const size_t known_bytes = index.bytes();
        const uint32_t number = batch_groups.Number(i);
        if (number == groups.size()) {
          groups.push_back({MakeAccumulator(aggregate_.op, grid_.count)});
          held.AddBytes(static_cast<int64_t>(sizeof(Group) + index.bytes() - known_bytes));
        }
        Group& group = groups[number];
        group.drop_name |= row.drop_name;
        group.accumulator->Add(row, position, &context_->annotations);
        held.AddBytes(group.accumulator->bytes() - group.bytes);
        group.bytes = group.accumulator->bytes();
      }
    }
    ARROW_RETURN_NOT_OK(CheckRows(groups.size()));
    StepVector out = NewVector();
    out.Reserve(groups.size());
    for (uint32_t i = 0; i < groups.size(); ++i) {
      ARROW_RETURN_NOT_OK(pace.Pass(static_cast<size_t>(groups[i].bytes)));
      StepSeries& row = out.Add(LabelsView(), groups[i].drop_name);
      groups[i].accumulator->Finish(position, &out, &row, &context_->annotations);
      groups[i].accumulator.reset();
      held.AddBytes(-groups[i].bytes);
      if (AnyPresent(row.present, grid_.count)) {
        row.labels = out.StoreLabels(index.labels(i).bytes());
      } else {
        out.series.pop_back();
      }
    }
    return out;
  }

  const promql::Aggregate& aggregate_;
  VectorOperatorPtr input_;
};

class QuantileAggregate final : public WholeOperator {
 public:
  QuantileAggregate(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr input,
                    ScalarOperatorPtr param)
      : WholeOperator(context, input->grid()),
        aggregate_(*expr->As<promql::Aggregate>()),
        input_(std::move(input)),
        param_(std::move(param)) {}

 private:
  arrow::Result<StepVector> Evaluate() override {
    ARROW_ASSIGN_OR_RAISE(const std::vector<double> quantiles, param_->Evaluate());
    ARROW_ASSIGN_OR_RAISE(const StepVector all, Drain(input_.get()));
    // After what the input has to say: of equal warnings the last one gives the position.
    NoteBadQuantiles(quantiles);
    GroupIndex index(aggregate_.grouping, aggregate_.without);
    std::vector<std::vector<const StepSeries*>> groups;
    BudgetPace pace(context_->budget);
    for (const StepSeries& row : all.series) {
      ARROW_RETURN_NOT_OK(pace.Pass(row.labels.bytes().size() + sizeof(StepSeries*)));
      const uint32_t number = index.Number(row.labels);
      if (number == groups.size()) groups.emplace_back();
      groups[number].push_back(&row);
    }
    MeteredHold held(context_->budget->meter());
    held.AddBytes(static_cast<int64_t>(index.bytes() + all.size() * sizeof(StepSeries*)));
    ARROW_RETURN_NOT_OK(CheckRows(groups.size()));
    StepVector out = NewVector();
    out.Reserve(groups.size());
    for (uint32_t i = 0; i < groups.size(); ++i) {
      StepSeries& row = out.Add(LabelsView(), false);
      for (const StepSeries* member : groups[i]) row.drop_name |= member->drop_name;
      ARROW_RETURN_NOT_OK(Compute(groups[i], quantiles, &row));
      if (AnyPresent(row.present, grid_.count)) {
        row.labels = out.StoreLabels(index.labels(i).bytes());
      } else {
        out.series.pop_back();
      }
    }
    return out;
  }

  void NoteBadQuantiles(const std::vector<double>& quantiles) {
    double low = 0;
    double high = 1;
    bool any_nan = false;
    for (const double quantile : quantiles) {
      any_nan |= std::isnan(quantile);
      low = std::min(low, quantile);
      high = std::max(high, quantile);
    }
    const auto warn = [this](double quantile) {
      std::string text = "quantile value should be between 0 and 1, got ";
      base::AppendShortest(quantile, &text);
      context_->annotations.Warn(std::move(text), aggregate_.param->position);
    };
    if (any_nan) warn(std::numeric_limits<double>::quiet_NaN());
    if (high > 1) warn(high);
    if (low < 0) warn(low);
  }

  arrow::Status Compute(const std::vector<const StepSeries*>& members,
                        const std::vector<double>& quantiles, StepSeries* row) {
    std::atomic<bool> any_histogram = false;
    const auto compute = [&](StepRange range) {
      std::vector<double> values;
      for (size_t step = range.begin; step < range.end; ++step) {
        if (step % 64 == 0) ARROW_RETURN_NOT_OK(context_->budget->Check());
        values.clear();
        for (const StepSeries* member : members) {
          if (!member->IsPresent(step)) continue;
          if (member->IsHistogram(step)) {
            any_histogram = true;
          } else {
            values.push_back(member->values[step]);
          }
        }
        if (!values.empty()) row->SetFloat(step, Quantile(quantiles[step], values));
      }
      return arrow::Status::OK();
    };
    ARROW_RETURN_NOT_OK(ForStepRanges(context_->tasks, grid_.count, members.size(), compute));
    if (any_histogram) {
      context_->annotations.Inform("ignored histogram in quantile aggregation",
                                   aggregate_.expr->position);
    }
    return arrow::Status::OK();
  }

  const promql::Aggregate& aggregate_;
  VectorOperatorPtr input_;
  ScalarOperatorPtr param_;
};

class CountValuesAggregate final : public WholeOperator {
 public:
  CountValuesAggregate(ExecutionContext* context, const promql::Expr* expr, VectorOperatorPtr input)
      : WholeOperator(context, input->grid()),
        aggregate_(*expr->As<promql::Aggregate>()),
        label_(promql::Unwrap(*aggregate_.param).As<promql::StringLiteral>()->value),
        input_(std::move(input)) {}

 private:
  std::vector<std::string> Grouping() const {
    std::vector<std::string> grouping = aggregate_.grouping;
    if (!aggregate_.without) grouping.push_back(label_);
    return grouping;
  }

  arrow::Result<StepVector> Evaluate() override {
    if (label_.empty() || !base::IsValidUtf8(label_)) {
      return MakeError(ErrorKind::kExecution, "invalid label name " + Quote(label_));
    }
    GroupIndex index(Grouping(), aggregate_.without);
    MeteredHold held(context_->budget->meter());
    BudgetPace pace(context_->budget);
    StepVector out = NewVector();
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const StepVector batch, input_->Next());
      if (batch.empty()) break;
      for (const StepSeries& row : batch.series) {
        const size_t known_bytes = index.bytes();
        ARROW_RETURN_NOT_OK(CountRow(row, &index, &pace, &out));
        held.AddBytes(static_cast<int64_t>(index.bytes() - known_bytes));
      }
    }
    for (uint32_t i = 0; i < out.size(); ++i) {
      out.series[i].labels = out.StoreLabels(index.labels(i).bytes());
    }
    return out;
  }

  arrow::Status CountRow(const StepSeries& row, GroupIndex* index, BudgetPace* pace,
                         StepVector* out) {
    // Most values are those of the step before.
    bool has_last = false;
    uint64_t last_bits = 0;
    uint32_t number = 0;
    std::string text;
    std::string bytes;
    for (size_t step = 0; step < grid_.count; ++step) {
      if (!row.IsPresent(step)) continue;
      if (row.IsHistogram(step)) {
        text = row.histograms[step]->ToString();
        has_last = false;
      } else {
        const auto bits = std::bit_cast<uint64_t>(row.values[step]);
        if (has_last && last_bits == bits) {
          Count(step, number, row.drop_name, out);
          continue;
        }
        last_bits = bits;
        has_last = true;
        text.clear();
        promql::AppendNumber(row.values[step], &text);
      }
      SetLabel(row.labels, label_, text, &bytes);
      number = index->Number(LabelsView(bytes));
      // One series may have another value at every step, each a row of all steps.
      const bool is_new = number == out->size();
      ARROW_RETURN_NOT_OK(pace->Pass(bytes.size() + (is_new ? grid_.count * sizeof(double) : 0)));
      Count(step, number, row.drop_name, out);
    }
    return arrow::Status::OK();
  }

  void Count(size_t step, uint32_t number, bool drop_name, StepVector* out) {
    if (number == out->size()) out->Add(LabelsView(), false);
    StepSeries& row = out->series[number];
    row.drop_name |= drop_name;
    row.SetFloat(step, row.IsPresent(step) ? row.values[step] + 1 : 1);
  }

  const promql::Aggregate& aggregate_;
  const std::string label_;
  VectorOperatorPtr input_;
};

}  // namespace

VectorOperatorPtr MakeAggregate(ExecutionContext* context, const promql::Expr* expr,
                                VectorOperatorPtr input, ScalarOperatorPtr param) {
  switch (expr->As<promql::Aggregate>()->op) {
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
      return std::make_unique<PickingAggregate>(context, expr, std::move(input), std::move(param));
    case AggregateOp::kQuantile:
      return std::make_unique<QuantileAggregate>(context, expr, std::move(input), std::move(param));
    case AggregateOp::kCountValues:
      return std::make_unique<CountValuesAggregate>(context, expr, std::move(input));
    default:
      return std::make_unique<GroupedAggregate>(context, expr, std::move(input));
  }
}

}  // namespace larnax::exec
