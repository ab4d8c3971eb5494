#include "exec/aggregate/aggregate_ranks.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/number_text.h"
#include "exec/operators/pipeline.h"
#include "exec/operators/row_transforms.h"
#include "exec/step_ranges.h"
#include "larnax/error.h"

namespace larnax::exec {

using promql::AggregateOp;

namespace {

constexpr double kInt64Limit = 9223372036854775808.0;

std::string Number(double value) {
  std::string out;
  base::AppendShortest(value, &out);
  return out;
}

arrow::Status ParamError(std::string message) {
  return MakeError(ErrorKind::kExecution, std::move(message));
}

// The best so far of one group at every step, as a heap whose first entry is the worst.
class RankedPicks {
 public:
  // \param capacity  Most that any step keeps.
  RankedPicks(size_t steps, size_t capacity, bool top)
      : capacity_(capacity),
        top_(top),
        entries_(steps * capacity),
        sizes_(steps),
        bars_(steps, std::numeric_limits<double>::quiet_NaN()) {}

  // What it takes, or the largest number there is.
  static int64_t BytesOf(size_t steps, size_t capacity) {
    const auto entries = static_cast<double>(steps) * static_cast<double>(capacity);
    const double bytes =
        entries * sizeof(Entry) + static_cast<double>(steps) * (sizeof(size_t) + sizeof(double));
    return bytes < kInt64Limit ? static_cast<int64_t>(bytes) : std::numeric_limits<int64_t>::max();
  }

  // Take it that something as good as `value` is worth keeping at a step, and nothing worse.
  void StartAt(size_t step, double value) {
    const double infinity = std::numeric_limits<double>::infinity();
    const double below = std::nextafter(value, top_ ? -infinity : infinity);
    if (below != value) bars_[step] = below;
  }
  // The worst that is kept at a step which keeps as many as it may; else NaN.
  double WorstOfFull(size_t step, size_t limit) const {
    return limit > 0 && sizes_[step] == limit ? bars_[step]
                                              : std::numeric_limits<double>::quiet_NaN();
  }

  // Rows come in ascending order. Steps may be offered to by several threads, each its own.
  void Offer(size_t step, size_t limit, double value, uint32_t row) {
    if (top_ ? value <= bars_[step] : value >= bars_[step]) return;
    Entry* heap = entries_.data() + step * capacity_;
    const auto worse_first = [this](const Entry& a, const Entry& b) { return Better(a, b); };
    const Entry entry{value, row};
    if (sizes_[step] < limit) {
      heap[sizes_[step]++] = entry;
      std::push_heap(heap, heap + sizes_[step], worse_first);
      if (sizes_[step] == limit) bars_[step] = heap[0].value;
    } else if (limit > 0 && Better(entry, heap[0])) {
      std::pop_heap(heap, heap + limit, worse_first);
      heap[limit - 1] = entry;
      std::push_heap(heap, heap + limit, worse_first);
      bars_[step] = heap[0].value;
    }
  }

  // Calls f(row) for what was kept at a step, the best first.
  template <typename F>
  void ForEach(size_t step, F&& f) {
    Entry* heap = entries_.data() + step * capacity_;
    std::sort(heap, heap + sizes_[step],
              [this](const Entry& a, const Entry& b) { return Better(a, b); });
    for (size_t i = 0; i < sizes_[step]; ++i) f(heap[i].row);
  }

 private:
  struct Entry {
    double value;
    uint32_t row;
  };
  // NaN is worse than any number; of equal values the earlier series is better.
  bool Better(const Entry& a, const Entry& b) const {
    if (a.value == b.value) return a.row < b.row;
    if (std::isnan(b.value)) return !std::isnan(a.value) || a.row < b.row;
    return top_ ? a.value > b.value : a.value < b.value;
  }

  size_t capacity_;
  bool top_;
  std::vector<Entry> entries_;
  std::vector<size_t> sizes_;
  // What is no better than these is not kept: the worst of full heaps, else where they started.
  std::vector<double> bars_;
};

size_t LimitOf(double param, size_t rows) {
  if (!(param >= 1)) return 0;
  return param >= static_cast<double>(rows) ? rows : static_cast<size_t>(param);
}

// Picks of one group. Safe to use from several threads, each at steps of its own.
class GroupRanking {
 public:
  // \param params  At every step how many to pick. All borrowed.
  // \param any_histogram  Set where one was met.
  GroupRanking(const StepVector& all, const std::vector<uint32_t>& rows,
               const std::vector<double>& params, RankedPicks* picks,
               std::atomic<bool>* any_histogram)
      : all_(all), rows_(rows), params_(params), picks_(picks), any_histogram_(*any_histogram) {}

  // Leaves of the rows what is picked.
  arrow::Status PickAt(StepRange range, BudgetPace pace) {
    std::vector<size_t> limits(range.size());
    for (size_t at = 0; at < limits.size(); ++at) {
      limits[at] = LimitOf(params_[range.begin + at], rows_.size());
    }
    for (const uint32_t i : rows_) {
      ARROW_RETURN_NOT_OK(pace.Pass(range.size() * sizeof(double)));
      const StepSeries& row = all_.series[i];
      PresenceWord* const present = row.present + range.first_word();
      ForEachPresent(present, range.size(), [&](size_t at) {
        const size_t step = range.begin + at;
        if (row.IsHistogram(step)) {
          any_histogram_ = true;
        } else {
          picks_->Offer(step, limits[at], row.values[step], i);
        }
      });
      std::fill_n(present, PresenceWordCount(range.size()), 0);
    }
    for (size_t step = range.begin; step < range.end; ++step) {
      picks_->ForEach(step, [&](uint32_t row) { SetPresent(all_.series[row].present, step); });
      ARROW_RETURN_NOT_OK(pace.Pass(limits[step - range.begin] * sizeof(double)));
    }
    return arrow::Status::OK();
  }

 private:
  const StepVector& all_;
  const std::vector<uint32_t>& rows_;
  const std::vector<double>& params_;
  RankedPicks* const picks_;
  std::atomic<bool>& any_histogram_;
};

// Rows of each group, groups in the order of their first row.
// \param groups  Empty.
arrow::Result<std::vector<std::vector<uint32_t>>> GroupRows(GroupIndex groups,
                                                            const QueryBudget& budget,
                                                            const StepVector& all) {
  std::vector<std::vector<uint32_t>> rows;
  BudgetPace pace(&budget);
  for (uint32_t i = 0; i < all.size(); ++i) {
    ARROW_RETURN_NOT_OK(pace.Pass(all.series[i].labels.bytes().size() + sizeof(uint32_t)));
    const uint32_t group = groups.Number(all.series[i].labels);
    if (group == rows.size()) rows.emplace_back();
    rows[group].push_back(i);
  }
  return rows;
}

void AppendSized(std::string_view text, std::string* out) {
  constexpr size_t kEscape = 255;
  if (text.size() < kEscape) {
    out->push_back(static_cast<char>(text.size()));
  } else {
    out->push_back(static_cast<char>(kEscape));
    for (int shift = 0; shift < 24; shift += 8) {
      out->push_back(static_cast<char>(text.size() >> shift & 0xFF));
    }
  }
  out->append(text);
}

// What the tasks of a ranking do: leave of a batch what is picked of it, for nothing else of it can
// be picked of the whole. Safe to use from several threads.
class BatchRanking {
 public:
  // \param no_groups      Of the aggregation. \param params  Shape [steps].
  // \param any_histogram  As of GroupRanking.
  BatchRanking(GroupIndex no_groups, bool top, std::vector<double> params,
               const QueryBudget* budget, std::shared_ptr<std::atomic<bool>> any_histogram)
      : no_groups_(std::move(no_groups)),
        top_(top),
        params_(std::move(params)),
        highest_(*std::max_element(params_.begin(), params_.end())),
        budget_(budget),
        any_histogram_(std::move(any_histogram)),
        bars_(no_groups_.has_one_group() ? params_.size() : 0) {
    for (auto& bar : bars_) bar = std::numeric_limits<double>::quiet_NaN();
  }

  arrow::Result<StepVector> Pick(StepVector batch) {
    const size_t rows_before = batch.size();
    if (!IsFewOf(rows_before)) return batch;
    ARROW_ASSIGN_OR_RAISE(const auto groups, GroupRows(no_groups_, *budget_, batch));
    for (const std::vector<uint32_t>& rows : groups) {
      if (IsFewOf(rows.size())) ARROW_RETURN_NOT_OK(PickGroup(rows, batch));
    }
    RemoveEmptyRows(&batch);
    if (batch.size() > rows_before / 2) return batch;
    // Copied, so that the memory of the others goes.
    StepVector picked(batch.steps(), batch.meter());
    picked.Reserve(batch.size());
    BudgetPace pace(budget_);
    for (const StepSeries& row : batch.series) {
      ARROW_RETURN_NOT_OK(pace.Pass(batch.steps() * sizeof(double)));
      StepSeries& copy = picked.AddCopy(row);
      copy.labels = picked.StoreLabels(row.labels.bytes());
    }
    return picked;
  }

 private:
  // Where more of a group is picked, ranking each batch for itself takes longer than it saves
  // later.
  bool IsFewOf(size_t rows) const { return highest_ < static_cast<double>(rows / 32); }

  arrow::Status PickGroup(const std::vector<uint32_t>& rows, const StepVector& batch) {
    const size_t steps = batch.steps();
    const size_t capacity = LimitOf(highest_, rows.size());
    const int64_t bytes = RankedPicks::BytesOf(steps, capacity);
    ARROW_RETURN_NOT_OK(budget_->CheckBytes(bytes));
    MeteredHold held(budget_->meter());
    held.AddBytes(bytes);
    RankedPicks picks(steps, capacity, top_);
    for (size_t step = 0; step < bars_.size(); ++step) {
      picks.StartAt(step, bars_[step].load(std::memory_order_relaxed));
    }
    ARROW_RETURN_NOT_OK(GroupRanking(batch, rows, params_, &picks, any_histogram_.get())
                            .PickAt({0, steps}, BudgetPace(budget_)));
    for (size_t step = 0; step < bars_.size(); ++step) {
      Raise(picks.WorstOfFull(step, LimitOf(params_[step], rows.size())), &bars_[step]);
    }
    return arrow::Status::OK();
  }

  void Raise(double value, std::atomic<double>* bar) const {
    if (std::isnan(value)) return;
    double before = bar->load(std::memory_order_relaxed);
    // What another task raises it to meanwhile may be lost: it only saves work.
    if (std::isnan(before) || (top_ ? value > before : value < before)) {
      bar->store(value, std::memory_order_relaxed);
    }
  }

  const GroupIndex no_groups_;
  const bool top_;
  const std::vector<double> params_;
  const double highest_;
  const QueryBudget* const budget_;
  const std::shared_ptr<std::atomic<bool>> any_histogram_;
  // Where there is one group for all: at each step, what so many are no worse than that nothing
  // worse is picked; NaN: not known yet.
  std::vector<std::atomic<double>> bars_;
};

// Where in 0..1 a series stands for limit_ratio: where Prometheus puts it, by its own form of
// label bytes, so that both pick the same series.
double PlaceOf(LabelsView labels) {
  std::string bytes;
  for (const Label& label : labels) {
    AppendSized(label.name, &bytes);
    AppendSized(label.value, &bytes);
  }
  return static_cast<double>(base::XxHash64(bytes)) /
         static_cast<double>(std::numeric_limits<uint64_t>::max());
}

}  // namespace

PickingAggregate::PickingAggregate(ExecutionContext* context, const promql::Expr* expr,
                                   VectorOperatorPtr input, ScalarOperatorPtr param)
    : WholeOperator(context, input->grid()),
      expr_(*expr),
      aggregate_(*expr->As<promql::Aggregate>()),
      input_(std::move(input)),
      param_(std::move(param)) {}

arrow::Status PickingAggregate::CheckParam(std::vector<double>* param) {
  if (param->empty()) return arrow::Status::OK();
  const bool ratio = aggregate_.op == AggregateOp::kLimitRatio;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  bool any_nan = false;
  for (const double value : *param) {
    any_nan |= std::isnan(value);
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (!ratio) {
    if (any_nan) return ParamError("Parameter value is NaN");
    if (high < 1) return arrow::Status::OK();
    if (low <= -kInt64Limit) {
      return ParamError("Scalar value " + Number(low) + " underflows int64");
    }
    if (high >= kInt64Limit) {
      return ParamError("Scalar value " + Number(high) + " overflows int64");
    }
    return arrow::Status::OK();
  }
  if (any_nan) return ParamError("Ratio value is NaN");
  const auto warn = [&](double value, std::string_view cap) {
    context_->annotations.Warn("ratio value should be between -1 and 1, got " + Number(value) +
                                   ", capping to " + std::string(cap),
                               aggregate_.param->position);
  };
  if (high > 1) warn(high, "1");
  if (low < -1) warn(low, "-1");
  for (double& value : *param) value = std::clamp(value, -1.0, 1.0);
  return arrow::Status::OK();
}

GroupIndex PickingAggregate::NoGroups() const {
  return GroupIndex(aggregate_.grouping, aggregate_.without);
}

// Has the tasks of the input leave only what may be picked, where they can.
void PickingAggregate::PickInTasks(const std::vector<double>& param) {
  const bool ranks = aggregate_.op == AggregateOp::kTopk || aggregate_.op == AggregateOp::kBottomk;
  PipelineOperator* const pipeline = StreamingPipeline(input_.get());
  // What the input put out is to be counted when it is analyzed.
  if (!ranks || pipeline == nullptr || param.empty() || context_->analyze) return;
  // An instant vector has its groups in the order of their first rows, which must be there then.
  if (grid_.count == 1 && !NoGroups().has_one_group()) return;
  const auto ranking = std::make_shared<BatchRanking>(
      NoGroups(), aggregate_.op == AggregateOp::kTopk, param, context_->budget, any_histogram_);
  pipeline->AddTransform(
      [ranking](StepVector batch, TaskNotes*) { return ranking->Pick(std::move(batch)); });
}

arrow::Result<StepVector> PickingAggregate::Evaluate() {
  ARROW_ASSIGN_OR_RAISE(std::vector<double> param, param_->Evaluate());
  PickInTasks(param);
  ARROW_ASSIGN_OR_RAISE(StepVector all, Drain(input_.get()));
  // After the input: its errors come first, and of equal warnings the last one gives the position.
  ARROW_RETURN_NOT_OK(CheckParam(&param));
  switch (aggregate_.op) {
    case AggregateOp::kLimitk:
      return PickFirst(std::move(all), param);
    case AggregateOp::kLimitRatio:
      return PickShare(std::move(all), param);
    default:
      return PickRanked(std::move(all), param);
  }
}

void PickingAggregate::NoteHistogram() {
  context_->annotations.Inform(
      "ignored histogram in " + std::string(promql::Spelling(aggregate_.op)) + " aggregation",
      expr_.position);
}

arrow::Result<StepVector> PickingAggregate::PickRanked(StepVector all,
                                                       const std::vector<double>& param) {
  const double highest = param.empty() ? 0 : *std::max_element(param.begin(), param.end());
  const size_t steps = all.steps();
  std::vector<StepSeries> ordered;
  ARROW_ASSIGN_OR_RAISE(const auto groups, GroupRows(NoGroups(), *context_->budget, all));
  for (const std::vector<uint32_t>& rows : groups) {
    const size_t capacity = LimitOf(highest, rows.size());
    const int64_t bytes = RankedPicks::BytesOf(steps, capacity);
    ARROW_RETURN_NOT_OK(context_->budget->CheckBytes(bytes));
    MeteredHold held(context_->budget->meter());
    held.AddBytes(bytes);
    RankedPicks picks(steps, capacity, aggregate_.op == AggregateOp::kTopk);
    GroupRanking ranking(all, rows, param, &picks, any_histogram_.get());
    ARROW_RETURN_NOT_OK(ForStepRanges(context_->tasks, steps, rows.size(), [&](StepRange range) {
      return ranking.PickAt(range, BudgetPace(context_->budget));
    }));
    if (steps == 1) {
      picks.ForEach(0, [&](uint32_t row) { ordered.push_back(all.series[row]); });
    }
  }
  if (*any_histogram_) NoteHistogram();
  if (steps == 1) {
    all.series = std::move(ordered);
  } else {
    RemoveEmptyRows(&all);
  }
  return all;
}

arrow::Result<StepVector> PickingAggregate::PickFirst(StepVector all,
                                                      const std::vector<double>& param) {
  const size_t steps = all.steps();
  BudgetPace pace(context_->budget);
  std::vector<StepSeries> ordered;
  ARROW_ASSIGN_OR_RAISE(const auto groups, GroupRows(NoGroups(), *context_->budget, all));
  for (const std::vector<uint32_t>& rows : groups) {
    std::vector<size_t> left(steps);
    for (size_t step = 0; step < steps; ++step) left[step] = LimitOf(param[step], rows.size());
    for (const uint32_t i : rows) {
      ARROW_RETURN_NOT_OK(pace.Pass(steps * sizeof(double)));
      const StepSeries& row = all.series[i];
      ForEachPresent(row.present, steps, [&](size_t step) {
        if (left[step] == 0) {
          ClearPresent(row.present, step);
        } else {
          --left[step];
        }
      });
      ordered.push_back(row);
    }
  }
  all.series = std::move(ordered);
  RemoveEmptyRows(&all);
  return all;
}

arrow::Result<StepVector> PickingAggregate::PickShare(StepVector all,
                                                      const std::vector<double>& param) {
  BudgetPace pace(context_->budget);
  for (const StepSeries& row : all.series) {
    ARROW_RETURN_NOT_OK(pace.Pass(row.labels.bytes().size() + all.steps() * sizeof(double)));
    const double place = PlaceOf(row.labels);
    ForEachPresent(row.present, all.steps(), [&](size_t step) {
      const double ratio = param[step];
      const bool picked = ratio >= 0 ? place < ratio : place >= 1 + ratio;
      if (!picked) ClearPresent(row.present, step);
    });
  }
  RemoveEmptyRows(&all);
  return all;
}

}  // namespace larnax::exec
