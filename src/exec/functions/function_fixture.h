#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/number_text.h"
#include "exec/function.h"
#include "promql/parser.h"
#include "test/matchers.h"

namespace larnax::exec {

/// A series of a table: its labels as a selector, and samples one spacing apart from time 0 on.
///
/// A sample is a number, `_` for none, or a histogram: a letter and its count, which is also its
/// sum and that of its bucket (0.5,1]; `h` no hint, `r` reset, `n` not reset, `g` gauge, `f` finer
/// buckets, `c` custom bounds 1 and 2 with the bucket (-Inf,1], `d` custom bound 1.
struct TestRow {
  std::string labels;
  std::string samples;
  std::string starts = {};  ///< Start times in seconds before their samples; empty: none known.
};

/// Series and the steps at which functions are evaluated over them.
struct TestTable {
  std::vector<TestRow> rows;
  StepGrid grid = {};
  std::vector<TestRow> info_rows = {};  ///< What `info` reads.
  int64_t spacing_ms = 10'000;
  int64_t lookback_ms = 300'000;
  const QueryBudget* budget = nullptr;
  QueryFeatures features = {.experimental_functions = true,
                            .extended_range_selectors = true,
                            .delayed_name_removal = true,
                            .use_start_timestamps = true};
};

/// Result rows as `labels: value value ...`, `_` where there is none, and what was said.
struct TestOutcome {
  std::vector<std::string> rows;
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  std::vector<bool> drops_name;  ///< Of each row.
  arrow::Status status;
};

inline Labels TestLabels(std::string_view selector) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto matchers = ParseSelector(selector);
  if (selector != "{}") LARNAX_CHECK(matchers.ok());
  for (const Matcher& matcher : matchers.ok() ? *matchers : std::vector<Matcher>()) {
    pairs.emplace_back(matcher.name(), matcher.value());
  }
  return *Labels::Make(std::move(pairs));
}

inline HistogramPtr TestHistogram(char kind, double count) {
  auto h = std::make_shared<model::FloatHistogram>();
  h->count = count;
  h->sum = count;
  h->positive_spans = {{0, 1}};
  h->positive = {count};
  if (kind == 'r') h->counter_reset_hint = CounterResetHint::kReset;
  if (kind == 'n') h->counter_reset_hint = CounterResetHint::kNotReset;
  if (kind == 'g') h->counter_reset_hint = CounterResetHint::kGauge;
  if (kind == 'f') h->schema = 1;
  if (kind == 'c' || kind == 'd') {
    h->schema = model::FloatHistogram::kCustomBounds;
    h->custom_bounds = kind == 'c' ? std::vector<double>{1, 2} : std::vector<double>{1};
  }
  return h;
}

/// The samples of one row.
struct TestSeries {
  Labels labels;
  std::vector<int64_t> float_times, float_starts, histogram_times, histogram_starts;
  std::vector<double> floats;
  std::vector<HistogramPtr> histograms;

  TestSeries(const TestRow& row, int64_t spacing_ms) : labels(TestLabels(row.labels)) {
    std::istringstream samples(row.samples);
    std::istringstream starts(row.starts);
    std::string text;
    for (int64_t time_ms = 0; samples >> text; time_ms += spacing_ms) {
      std::string start = "_";
      starts >> start;
      const int64_t start_ms =
          start == "_" ? 0 : time_ms - static_cast<int64_t>(std::stod(start) * 1000);
      if (text == "_") continue;
      if (std::string_view("hrngfcd").find(text[0]) != std::string_view::npos) {
        histogram_times.push_back(time_ms);
        histogram_starts.push_back(start_ms);
        histograms.push_back(TestHistogram(text[0], std::stod(text.substr(1))));
      } else {
        float_times.push_back(time_ms);
        float_starts.push_back(start_ms);
        floats.push_back(std::stod(text));
      }
    }
    if (row.starts.empty()) {
      float_starts.clear();
      histogram_starts.clear();
    }
  }
};

/// Runs one call of a function over a table. The call's selectors are not looked at: they stand
/// for all rows. Other arguments are literals, or `time()`.
class FunctionRun {
 public:
  FunctionRun(std::string_view text, const TestTable& table) : text_(text), table_(table) {
    for (const TestRow& row : table.rows) series_.emplace_back(row, table.spacing_ms);
    for (const TestRow& row : table.info_rows) info_.emplace_back(row, table.spacing_ms);
    query_.start_ms = table.grid.start_ms;
    query_.end_ms = table.grid.end_ms();
    query_.step_ms = table.grid.count > 1 ? table.grid.step_ms : 0;
    query_.lookback_ms = table.lookback_ms;
    query_.features = table.features;
  }

  TestOutcome Run() {
    TestOutcome outcome;
    const promql::ParseOptions options{.experimental_functions = true,
                                       .extended_range_selectors = true};
    auto parsed = promql::Parse(text_, options);
    if (!parsed.ok()) {
      outcome.status = parsed.status();
      return outcome;
    }
    expr_ = *std::move(parsed);
    call_.query = &query_;
    call_.grid = table_.grid;
    call_.expr = expr_.get();
    call_.call = expr_->As<promql::Call>();
    call_.budget = table_.budget;
    PrepareArguments();
    outcome.status = Evaluate(&outcome);
    outcome.warnings = annotations_.Warnings(text_);
    outcome.infos = annotations_.Infos(text_);
    return outcome;
  }

 private:
  void PrepareArguments() {
    const size_t count = std::max<size_t>(call_.call->args.size(), 2);
    call_.scalars.resize(count);
    call_.strings.resize(count);
    arguments_.resize(count);
    for (size_t i = 0; i < call_.call->args.size(); ++i) {
      const promql::Expr& arg = promql::Unwrap(*call_.call->args[i]);
      arguments_[i].type = arg.type;
      if (arg.type == promql::ValueType::kScalar) {
        const auto* number = arg.As<promql::NumberLiteral>();
        for (size_t step = 0; step < table_.grid.count; ++step) {
          arguments_[i].scalar.push_back(
              number != nullptr ? number->value
                                : static_cast<double>(table_.grid.TimeAt(step)) / 1000);
        }
        call_.scalars[i] = arguments_[i].scalar;
      } else if (const auto* text = arg.As<promql::StringLiteral>()) {
        call_.strings[i] = text->value;
      } else if (arg.type == promql::ValueType::kVector) {
        arguments_[i].vector =
            Select(i == 1 && call_.call->function->name == "info" ? info_ : series_);
      }
    }
    if (call_.call->function->name == "info") arguments_[1].vector = Select(info_);
  }

  StepVector Select(const std::vector<TestSeries>& all) {
    StepVector vector(table_.grid.count, nullptr);
    for (const TestSeries& series : all) {
      StepSeries& row = vector.Add(series.labels, false);
      vector.AddSampleTimes(&row);
      for (size_t step = 0; step < table_.grid.count; ++step) {
        const int64_t ref_ms = table_.grid.TimeAt(step);
        const auto f = Newest(series.float_times, ref_ms);
        const auto h = Newest(series.histogram_times, ref_ms);
        if (f && (!h || series.float_times[*f] > series.histogram_times[*h])) {
          row.SetFloat(step, series.floats[*f]);
          row.sample_time_ms[step] = series.float_times[*f];
        } else if (h) {
          vector.SetHistogram(&row, step, series.histograms[*h]);
          row.sample_time_ms[step] = series.histogram_times[*h];
        }
      }
    }
    return vector;
  }

  std::optional<size_t> Newest(const std::vector<int64_t>& times, int64_t ref_ms) const {
    const auto past = std::upper_bound(times.begin(), times.end(), ref_ms);
    if (past == times.begin() || *(past - 1) <= ref_ms - table_.lookback_ms) return std::nullopt;
    return static_cast<size_t>(past - times.begin()) - 1;
  }

  template <typename T>
  void SetWindows(const std::vector<int64_t>& times, const std::vector<int64_t>& starts,
                  const std::vector<T>& values, const RangeSpec& spec, std::vector<uint32_t>* begin,
                  std::vector<uint32_t>* end, WindowedSamples<T>* samples) const {
    for (size_t step = 0; step < table_.grid.count; ++step) {
      const int64_t ref_ms = spec.RefTime(step);
      const auto index = [&](int64_t time_ms) {
        return static_cast<uint32_t>(std::upper_bound(times.begin(), times.end(), time_ms) -
                                     times.begin());
      };
      begin->push_back(index(ref_ms - spec.range_ms));
      end->push_back(index(ref_ms));
    }
    samples->time_ms = times;
    samples->value = values;
    samples->start_ms = starts;
    samples->begin = *begin;
    samples->end = *end;
  }

  arrow::Status EvaluateRange(const Function& function, StepVector* result) {
    RangeSpec spec;
    for (const auto& arg : call_.call->args) {
      if (const auto* subquery = promql::Unwrap(*arg).As<promql::Subquery>()) {
        spec.range_ms = subquery->range_ms;
        spec.first_ref_ms = table_.grid.start_ms;
      }
      const auto* matrix = promql::Unwrap(*arg).As<promql::MatrixSelector>();
      if (matrix == nullptr) continue;
      spec.range_ms = matrix->range_ms;
      spec.anchored = matrix->selector.anchored;
      spec.smoothed = matrix->selector.smoothed;
      spec.first_ref_ms = table_.grid.start_ms - matrix->selector.shift.offset_ms;
    }
    spec.ref_step_ms = table_.grid.step_ms;
    spec.lookback_ms = table_.lookback_ms;
    for (const TestSeries& series : series_) {
      std::vector<uint32_t> begin, end, histogram_begin, histogram_end;
      RangeSeries range;
      range.labels = series.labels;
      SetWindows(series.float_times, series.float_starts, series.floats, spec, &begin, &end,
                 &range.floats);
      SetWindows(series.histogram_times, series.histogram_starts, series.histograms, spec,
                 &histogram_begin, &histogram_end, &range.histograms);
      StepSeries& row = result->Add(series.labels, !function.keeps_name);
      SeriesWriter writer(result, &row);
      ARROW_RETURN_NOT_OK(function.range(call_, spec, range, &writer, &annotations_));
    }
    return arrow::Status::OK();
  }

  arrow::Status Evaluate(TestOutcome* outcome) {
    const Function* function = FindFunctionKernel(call_.call->function->name);
    LARNAX_CHECK(function != nullptr);
    StepVector result(table_.grid.count, nullptr);
    if (function->range != nullptr) {
      ARROW_RETURN_NOT_OK(EvaluateRange(*function, &result));
      if (function->vector != nullptr) {
        arguments_[0].vector = std::move(result);
        ARROW_ASSIGN_OR_RAISE(result, function->vector(call_, &arguments_, &annotations_));
      }
    } else if (function->element != nullptr) {
      for (const StepSeries& series : arguments_[0].vector.series) {
        StepSeries& row = result.Add(series.labels, !function->keeps_name);
        SeriesWriter writer(&result, &row);
        ARROW_RETURN_NOT_OK(function->element(call_, series, &writer, &annotations_));
      }
    } else if (function->vector != nullptr) {
      ARROW_ASSIGN_OR_RAISE(result, function->vector(call_, &arguments_, &annotations_));
    } else {
      StepSeries& row = result.Add(LabelsView(), false);
      SetAllPresent(row.present, table_.grid.count);
      ARROW_RETURN_NOT_OK(function->scalar(
          call_, &arguments_, std::span(row.values, table_.grid.count), &annotations_));
    }
    Print(result, outcome);
    return arrow::Status::OK();
  }

  void Print(const StepVector& result, TestOutcome* outcome) const {
    for (const StepSeries& row : result.series) {
      if (!AnyPresent(row.present, table_.grid.count)) continue;
      std::string line = row.labels.ToString() + ":";
      for (size_t step = 0; step < table_.grid.count; ++step) {
        line += ' ';
        if (!row.IsPresent(step)) {
          line += '_';
        } else if (row.IsHistogram(step)) {
          line += row.histograms[step]->ToString();
        } else {
          base::AppendShortest(row.values[step], &line);
        }
      }
      outcome->rows.push_back(line);
      outcome->drops_name.push_back(row.drop_name);
    }
  }

  std::string text_;
  const TestTable& table_;
  std::vector<TestSeries> series_;
  std::vector<TestSeries> info_;
  QueryContext query_;
  CallContext call_;
  promql::ExprPtr expr_;
  std::vector<Argument> arguments_;
  Annotations annotations_;
};

/// Evaluate one call over a table.
inline TestOutcome Evaluate(std::string_view call, const TestTable& table) {
  return FunctionRun(call, table).Run();
}

/// Evaluate a call over one series, at one time, as text; `-` where there is no result.
inline std::string ValueOf(std::string_view call, std::string_view samples, int64_t time_s) {
  const TestTable table{.rows = {{"x_total", std::string(samples)}},
                        .grid = {.start_ms = time_s * 1000}};
  const TestOutcome outcome = Evaluate(call, table);
  if (!outcome.status.ok()) return outcome.status.message();
  if (outcome.rows.empty()) return "-";
  return outcome.rows[0].substr(outcome.rows[0].find(": ") + 2);
}

}  // namespace larnax::exec
