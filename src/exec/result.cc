#include "exec/result.h"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "exec/label_edit.h"
#include "exec/sample_windows.h"
#include "exec/step_loops.h"
#include "larnax/error.h"
#include "model/label_order.h"

namespace larnax::exec {
namespace {

using NativePtr = std::shared_ptr<const NativeHistogram>;

// Histograms of engine values; what is repeated is converted once.
class NativeCache {
 public:
  NativePtr Get(const HistogramPtr& histogram) {
    NativePtr& native = known_[histogram.get()];
    if (native == nullptr) {
      native = std::make_shared<const NativeHistogram>(histogram->ToNative());
      made_bytes_ += sizeof(NativeHistogram) + model::FloatHistogram::SizeBytesOf(*native);
    }
    return native;
  }
  // Bytes of histograms that were made since the last call.
  size_t TakeMadeBytes() { return std::exchange(made_bytes_, 0); }

 private:
  size_t made_bytes_ = 0;
  boost::unordered_flat_map<const model::FloatHistogram*, NativePtr> known_;
};

arrow::Status DropMarkedNames(StepVector* vector) {
  bool any = false;
  std::string bytes;
  for (StepSeries& row : vector->series) {
    if (!row.drop_name) continue;
    row.drop_name = false;
    if (!HasMetadataLabels(row.labels)) continue;
    DropMetadataLabels(row.labels, &bytes);
    row.labels = vector->StoreLabels(bytes);
    any = true;
  }
  return any ? MergeSameLabels(vector) : RefuseSameLabels(*vector);
}

// The times of rows of floats; rows that are present at the same steps, as most are, share them.
class RowTimes {
 public:
  explicit RowTimes(const StepGrid& grid) : grid_(grid) {}

  const std::shared_ptr<const TimestampVector>& Of(const PresenceWord* present) {
    const std::span<const PresenceWord> bits(present, PresenceWordCount(grid_.count));
    if (times_ != nullptr && std::ranges::equal(bits, present_)) return times_;
    present_.assign(bits.begin(), bits.end());
    TimestampVector times;
    times.reserve(CountPresent(present, grid_.count));
    ForEachPresent(present, grid_.count, [&](size_t step) { times.push_back(grid_.TimeAt(step)); });
    times_ = std::make_shared<const TimestampVector>(std::move(times));
    return times_;
  }

 private:
  const StepGrid& grid_;
  std::vector<PresenceWord> present_;  // Of `times_`.
  std::shared_ptr<const TimestampVector> times_;
};

QuerySeries ToQuerySeries(const StepSeries& row, const StepGrid& grid, RowTimes* row_times,
                          NativeCache* histograms) {
  QuerySeries out;
  out.labels = Labels(row.labels);
  if (row.histograms == nullptr) {
    out.time_ms = row_times->Of(row.present);
    out.value.reserve(out.time_ms->size());
    ForEachRun(row.present, row.present, grid.count, [&](size_t begin, size_t end) {
      out.value.insert(out.value.end(), row.values + begin, row.values + end);
    });
    return out;
  }
  auto times = std::make_shared<TimestampVector>();
  ForEachPresent(row.present, grid.count, [&](size_t step) {
    if (row.IsHistogram(step)) {
      out.histograms.push_back({grid.TimeAt(step), histograms->Get(row.histograms[step])});
    } else {
      times->push_back(grid.TimeAt(step));
      out.value.push_back(row.values[step]);
    }
  });
  out.time_ms = std::move(times);
  return out;
}

void SortSeries(std::vector<QuerySeries>* series) {
  std::vector<std::pair<std::string, size_t>> keys(series->size());
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i] = {model::SortKey((*series)[i].labels.view()), i};
  }
  std::sort(keys.begin(), keys.end());
  std::vector<QuerySeries> sorted;
  sorted.reserve(series->size());
  for (const auto& [key, i] : keys) sorted.push_back(std::move((*series)[i]));
  *series = std::move(sorted);
}

// The samples of a range selector at one time.
class MatrixReader {
 public:
  MatrixReader(const promql::Expr& expr, const StepGrid& grid, ExecutionContext* context)
      : matrix_(*expr.As<promql::MatrixSelector>()),
        context_(context),
        ref_ms_(Planner::RefsOf(matrix_.selector.shift, grid).first_ms),
        held_(context->budget->meter()),
        pace_(context->budget) {}

  arrow::Status Read(QueryResult* result) {
    const promql::VectorSelector& selector = matrix_.selector;
    const RefTimes refs{ref_ms_, 0, 1};
    const size_t reader = context_->selects->Register(
        selector.matchers,
        Planner::ReadRange(selector, refs, matrix_.range_ms, context_->query.lookback_ms));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const SampleMorsel morsel, context_->selects->Next(reader, 1));
      if (morsel.series.empty()) return arrow::Status::OK();
      for (const SeriesSamples& series : morsel.series) {
        QuerySeries out;
        if (selector.anchored || selector.smoothed) {
          ARROW_ASSIGN_OR_RAISE(out, ReadEdged(series));
        } else {
          ARROW_ASSIGN_OR_RAISE(out, ReadPlain(series));
        }
        if (out.value.empty() && out.histograms.empty()) continue;
        out.labels = Labels(series.labels);
        const auto samples = static_cast<int64_t>(out.value.size() + out.histograms.size());
        QueryStats& stats = context_->stats;
        stats.samples += samples;
        stats.samples_taken += samples;
        for (int64_t& at : stats.samples_at) at += samples;
        for (int64_t& at : stats.samples_taken_at) at += samples;
        held_.AddSamples(static_cast<int64_t>(out.value.size()));
        held_.AddBytes(static_cast<int64_t>(sizeof(QuerySeries) + out.value.size() * 16));
        ARROW_RETURN_NOT_OK(pace_.Pass(out.value.size() * 16));
        result->series.push_back(std::move(out));
      }
    }
  }

 private:
  int64_t after_ms() const { return Before(ref_ms_, matrix_.range_ms); }

  arrow::Result<QuerySeries> ReadPlain(const SeriesSamples& series) {
    QuerySeries out;
    auto times = std::make_shared<TimestampVector>();
    for (size_t i = 0; i < series.value.size(); ++i) {
      const int64_t time_ms = (*series.time_ms)[i];
      if (time_ms <= after_ms() || time_ms > ref_ms_ || IsStaleMarker(series.value[i])) continue;
      times->push_back(time_ms);
      out.value.push_back(series.value[i]);
    }
    for (const HistogramSample& sample : series.histograms) {
      if (sample.time_ms <= after_ms() || sample.time_ms > ref_ms_) continue;
      NativeHistogram made;
      const auto histogram = model::FloatHistogram::FromNative(HistogramOf(sample, &made));
      if (histogram.is_stale()) continue;
      ARROW_RETURN_NOT_OK(pace_.Pass(histogram.SizeBytes()));
      held_.AddBytes(static_cast<int64_t>(histogram.SizeBytes()));
      held_.AddSamples(SamplesOfHistogram(histogram.SizeBytes()));
      out.histograms.push_back(
          {sample.time_ms, std::make_shared<const NativeHistogram>(histogram.ToNative())});
    }
    out.time_ms = std::move(times);
    return out;
  }

  // With `anchored` and `smoothed` there is a point at either end of the window.
  arrow::Result<QuerySeries> ReadEdged(const SeriesSamples& series) const {
    const int64_t lookback_ms = context_->query.lookback_ms;
    const bool smoothed = matrix_.selector.smoothed;
    const int64_t first_ms = Before(after_ms(), lookback_ms);
    const int64_t last_ms = smoothed ? After(ref_ms_, lookback_ms) : ref_ms_;
    for (const HistogramSample& sample : series.histograms) {
      if (sample.time_ms > first_ms && sample.time_ms <= last_ms) {
        return MakeError(ErrorKind::kExecution, std::string(smoothed ? "smoothed" : "anchored") +
                                                    " range selectors do not support histograms");
      }
    }
    TimestampVector times;
    std::vector<double> values;
    for (size_t i = 0; i < series.value.size(); ++i) {
      const int64_t time_ms = (*series.time_ms)[i];
      if (time_ms <= first_ms || time_ms > last_ms || IsStaleMarker(series.value[i])) continue;
      times.push_back(time_ms);
      values.push_back(series.value[i]);
    }
    QuerySeries out;
    auto edged = std::make_shared<TimestampVector>();
    AddEdged(times, values, edged.get(), &out.value);
    out.time_ms = std::move(edged);
    return out;
  }

  // \param times  Not empty windows only: nothing is put out without a sample after the start.
  void AddEdged(const TimestampVector& times, const std::vector<double>& values,
                TimestampVector* out_times, std::vector<double>* out_values) const {
    const auto past = [&](int64_t time_ms) {
      return static_cast<size_t>(std::upper_bound(times.begin(), times.end(), time_ms) -
                                 times.begin());
    };
    const size_t inner = past(after_ms());  // First sample after the window's start.
    const size_t end = past(ref_ms_);       // First sample after its end.
    if (inner == times.size() || end == 0) return;
    const auto at = [&](size_t next, int64_t time_ms) {
      // The value at a time that has `next` after it.
      if (next == 0) return values.front();
      const size_t before = next - 1;
      if (times[before] == time_ms || next == times.size() || !matrix_.selector.smoothed) {
        return values[before];
      }
      const double part = static_cast<double>(time_ms - times[before]) /
                          static_cast<double>(times[next] - times[before]);
      return values[before] + (values[next] - values[before]) * part;
    };
    out_times->push_back(after_ms());
    out_values->push_back(at(inner, after_ms()));
    for (size_t i = inner; i < end; ++i) {
      if (times[i] == ref_ms_) continue;
      out_times->push_back(times[i]);
      out_values->push_back(values[i]);
    }
    out_times->push_back(ref_ms_);
    out_values->push_back(at(end, ref_ms_));
  }

  const promql::MatrixSelector& matrix_;
  ExecutionContext* context_;
  const int64_t ref_ms_;
  MeteredHold held_;  // What the answer has so far.
  BudgetPace pace_;
};

}  // namespace

arrow::Status FillFromVector(StepVector vector, const StepGrid& grid, bool matrix,
                             const QueryBudget& budget, QueryResult* result) {
  ARROW_RETURN_NOT_OK(DropMarkedNames(&vector));
  MeteredHold held(budget.meter());  // The answer, beside the rows that it is made of.
  BudgetPace pace(&budget);
  const TimestampVector* counted_times = nullptr;
  NativeCache histograms;
  RowTimes times(grid);
  result->type = matrix ? QueryValueType::kMatrix : QueryValueType::kVector;
  result->series.reserve(vector.size());
  for (const StepSeries& row : vector.series) {
    const QuerySeries& series =
        result->series.emplace_back(ToQuerySeries(row, grid, &times, &histograms));
    const bool own_times = series.time_ms.get() != counted_times;
    counted_times = series.time_ms.get();
    const size_t bytes =
        sizeof(QuerySeries) + series.value.size() * (own_times ? 16 : sizeof(double)) +
        series.histograms.size() * sizeof(QueryHistogram) + histograms.TakeMadeBytes();
    held.AddBytes(static_cast<int64_t>(bytes));
    ARROW_RETURN_NOT_OK(pace.Pass(bytes));
  }
  if (matrix) SortSeries(&result->series);
  return arrow::Status::OK();
}

void FillFromScalar(const std::vector<double>& values, const StepGrid& grid, bool matrix,
                    QueryResult* result) {
  result->type = matrix ? QueryValueType::kMatrix : QueryValueType::kScalar;
  QuerySeries series;
  std::vector<PresenceWord> always(PresenceWordCount(grid.count));
  SetAllPresent(always.data(), grid.count);
  series.time_ms = RowTimes(grid).Of(always.data());
  series.value = values;
  result->series.push_back(std::move(series));
}

arrow::Status FillFromMatrix(const promql::Expr& whole, const StepGrid& grid, Planner* planner,
                             ExecutionContext* context, QueryResult* result) {
  const promql::Expr& expr = promql::Unwrap(whole);
  const auto* subquery = expr.As<promql::Subquery>();
  if (subquery == nullptr) {
    if (context->plan_only) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(MatrixReader(expr, grid, context).Read(result));
    result->type = QueryValueType::kMatrix;
    SortSeries(&result->series);
  } else {
    ARROW_ASSIGN_OR_RAISE(const StepGrid inner, planner->GridOf(*subquery, grid));
    const Setting<StepRole> role(&context->role, StepRole::kOnce);
    ARROW_ASSIGN_OR_RAISE(auto input, planner->PlanVector(*subquery->expr, inner));
    if (context->plan_only) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(StepVector vector, Drain(input.get()));
    ARROW_RETURN_NOT_OK(FillFromVector(std::move(vector), inner, true, *context->budget, result));
  }
  return arrow::Status::OK();
}

}  // namespace larnax::exec
